//! The main job: the list that comes with the project.

use std::fs;
use std::io::Cursor;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use e2e::pictures::{decode, distance_from_inverse};
use e2e::{Cluster, Engine, Entry, Finished, Job, on_each_engine, root};
use image::codecs::gif::GifDecoder;
use image::metadata::Orientation;
use image::{AnimationDecoder, Frame, ImageDecoder, ImageReader};

/// 18 pictures take seconds; programs built without optimisation on a busy machine take more.
const WITHIN: Duration = Duration::from_secs(180);

fn the_whole_list_becomes_its_inverse(engine: Engine) -> Result<()> {
    let cluster = Cluster::start(engine, 2)?;
    let samples = [root().join("samples")];
    let job = Job::of_list(&cluster, &root().join("images"))?.with(&["--samples"]).with(&samples);
    let finished = job.run(0, WITHIN)?;
    let lines = fs::read_to_string(root().join("images"))?;
    let listed: Vec<&str> = lines.lines().filter(|line| line.starts_with("samples/")).collect();
    ensure!(listed.len() >= 15, "the list has shrunk to {}", listed.len());
    ensure!(finished.entries.len() == listed.len(), "{:#?}", finished.entries);
    for (entry, line) in finished.entries.iter().zip(listed) {
        ensure!(entry.url.ends_with(line), "{line} is {entry:?}");
        let source = fs::read(root().join(line))?;
        check(&finished, entry, &source).with_context(|| format!("{line}: {entry:?}"))?;
    }
    Ok(())
}

/// Whether the result is what was promised for this picture.
fn check(finished: &Finished, entry: &Entry, source: &[u8]) -> Result<()> {
    ensure!(entry.is_done() && entry.class == "ok");
    let result = entry.result(&finished.output)?;
    let (before, after) = (decode(source)?, decode(&result)?);
    let format = image::guess_format(source)?;
    ensure!(image::guess_format(&result)? == format, "the format is another one");
    let (mean, largest) = distance_from_inverse(&before, &after)
        .context("size, kind of colours or alpha are other ones")?;
    if format == image::ImageFormat::Jpeg {
        ensure!(mean <= 2.0, "the mean error is {mean} of 255");
    } else {
        ensure!(largest == 0.0, "a lossless format is off by {largest} of 255");
    }
    ensure!(orientation(&result)? == orientation(source)?, "the orientation is another one");
    if format == image::ImageFormat::Gif {
        ensure!(frames(source)?.len() > 1, "the sample has lost its animation");
        are_inverse(&frames(source)?, &frames(&result)?)?;
    }
    Ok(())
}

fn orientation(bytes: &[u8]) -> Result<Orientation> {
    let reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format()?;
    Ok(reader.into_decoder()?.orientation()?)
}

fn frames(bytes: &[u8]) -> Result<Vec<Frame>> {
    Ok(GifDecoder::new(Cursor::new(bytes))?.into_frames().collect_frames()?)
}

fn are_inverse(before: &[Frame], after: &[Frame]) -> Result<()> {
    ensure!(before.len() == after.len(), "{} frames became {}", before.len(), after.len());
    for (before, after) in before.iter().zip(after) {
        ensure!(before.delay() == after.delay(), "a frame has another delay");
        for (before, after) in before.buffer().pixels().zip(after.buffer().pixels()) {
            let [red, green, blue, alpha] = before.0;
            ensure!(after.0 == [255 - red, 255 - green, 255 - blue, alpha], "a frame is off");
        }
    }
    Ok(())
}

#[test]
fn one_sample_is_stored_on_its_side() -> Result<()> {
    let bytes = fs::read(root().join("samples/balloons-orientation-6.jpg"))?;
    assert_eq!(orientation(&bytes)?, Orientation::Rotate90);
    Ok(())
}

on_each_engine!(the_whole_list_becomes_its_inverse);
