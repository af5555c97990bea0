//! A list with everything that can be wrong with a line.

use std::time::Duration;

use anyhow::{Result, ensure};
use e2e::origin::{Answer, Origin};
use e2e::{Cluster, Engine, Finished, Job, free_port, on_each_engine, pictures};
use protocol::Class;

/// How often what may go better next time is tried.
const ATTEMPTS: u32 = 2;

const FLAGS: &[&str] = &[
    "--attempts=2",
    "--connect-timeout=2s",
    "--idle-timeout=2s",
    "--download-timeout=5s",
    "--max-download-size=8MiB",
];

/// Even if all slow lines run one after the other: each attempt of the silent server takes the
/// idle time of 2 s, of the dripping one the whole 5 s, of the unknown host at most the 2 s to
/// connect, of the endless body at most 5 s, so 14 s, twice; a wait of at most 1 s before each of
/// the five second attempts; and 40 s to start and end everything on a busy machine.
const WITHIN: Duration = Duration::from_secs(14 * 2 + 5 + 40);

/// One line of the list, and what must become of it.
struct Line {
    text: String,
    class: Class,
    /// How often the origin is to be asked, if it is to be asked at all.
    requests: Option<u32>,
}

fn line(text: impl Into<String>, class: Class, requests: Option<u32>) -> Line {
    Line { text: text.into(), class, requests }
}

fn origin() -> Result<Origin> {
    let [first, second, third] = [pictures::png(1)?, pictures::png(2)?, pictures::jpeg(3)?];
    let (half, photo) = (pictures::truncated_jpeg()?, pictures::jpeg(4)?);
    Origin::start(move |path| {
        Some(match path {
            "/good.png" | "/one/photo.png" => Answer::picture(first.clone()),
            "/two/photo.png" => Answer::picture(second.clone()),
            "/show?id=7&size=large" => Answer::picture(third.clone()),
            "/weak.jpg" => Answer::Status(500).then(1, Answer::picture(photo.clone())),
            "/never.jpg" => Answer::Never,
            "/drip.png" => Answer::Drip(first.clone()),
            "/endless.jpg" => Answer::Endless,
            "/loop.jpg" => Answer::Redirect("/pool.jpg".into()),
            "/pool.jpg" => Answer::Redirect("/loop.jpg".into()),
            "/page.jpg" => Answer::Content("image/jpeg", b"<!doctype html><title>Hi".to_vec()),
            "/half.jpg" => Answer::picture(half.clone()),
            "/bomb.png" => Answer::picture(pictures::png_bomb()),
            "/empty.png" => Answer::Content("image/png", Vec::new()),
            _ => return None,
        })
    })
}

fn lines(origin: &Origin) -> Result<Vec<Line>> {
    let refused = format!("http://127.0.0.1:{}/x.jpg", free_port()?);
    let url = |path: &str| origin.url(path);
    Ok(vec![
        line(url("/good.png"), Class::Ok, Some(1)),
        line(url("/none.jpg"), Class::Http4xx, Some(1)),
        line(refused, Class::Connect, None),
        line("http://nowhere.invalid/x.jpg", Class::Dns, None),
        line(url("/never.jpg"), Class::Timeout, Some(ATTEMPTS)),
        line(url("/drip.png"), Class::Timeout, Some(ATTEMPTS)),
        line(url("/endless.jpg"), Class::TooLarge, Some(1)),
        line(url("/loop.jpg"), Class::Redirect, None),
        line(url("/page.jpg"), Class::NotAnImage, Some(1)),
        line(url("/half.jpg"), Class::Truncated, Some(1)),
        line(url("/bomb.png"), Class::TooLarge, Some(1)),
        line(url("/empty.png"), Class::Empty, Some(1)),
        line(url("/one/photo.png"), Class::Ok, Some(1)),
        line(url("/two/photo.png"), Class::Ok, Some(1)),
        line(url("/show?id=7&size=large"), Class::Ok, Some(1)),
        line(url("/good.png"), Class::Duplicate, Some(1)),
        line("htp:/nowhere at all", Class::BadUrl, None),
        line(url("/weak.jpg"), Class::Ok, Some(2)),
    ])
}

fn every_line_gets_its_own_outcome(engine: Engine) -> Result<()> {
    let cluster = Cluster::start(engine, 2)?;
    let origin = origin()?;
    let lines = lines(&origin)?;
    let texts: Vec<String> = lines.iter().map(|line| line.text.clone()).collect();
    let finished = Job::of_lines(&cluster, &texts)?.with(FLAGS).run(1, WITHIN)?;
    ensure!(finished.entries.len() == lines.len(), "{:#?}", finished.entries);
    let wrong: Vec<String> =
        (0..lines.len()).filter_map(|at| complaint(&finished, &origin, &lines, at)).collect();
    ensure!(wrong.is_empty(), "{}\nin {:?}\n{}", wrong.join("\n"), finished.took, finished.log);
    different_results_for_same_names(&finished)
}

/// What is wrong with the outcome of a line, if anything.
fn complaint(finished: &Finished, origin: &Origin, lines: &[Line], at: usize) -> Option<String> {
    let (line, entry) = (&lines[at], &finished.entries[at]);
    let is_done = matches!(line.class, Class::Ok | Class::Duplicate);
    let attempts = if line.class.is_transient() { ATTEMPTS } else { entry.attempts };
    let path = line.text.strip_prefix(&origin.url("")).unwrap_or_default();
    let requests = u32::try_from(origin.requests(path)).unwrap();
    let problem = if entry.class != line.class.as_str() || entry.is_done() != is_done {
        format!("should be {}", line.class)
    } else if entry.attempts != attempts {
        format!("should have had {attempts} attempts")
    } else if line.requests.is_some_and(|wanted| wanted != requests) {
        format!("should have been asked for {:?} times, not {requests}", line.requests)
    } else if !is_done && entry.message.is_empty() {
        "should say why".into()
    } else if entry.is_done() {
        entry.result(&finished.output).err()?.to_string()
    } else {
        return None;
    };
    Some(format!("{problem}: {entry:?}"))
}

fn different_results_for_same_names(finished: &Finished) -> Result<()> {
    let ending = |end: &str| finished.entries.iter().find(|entry| entry.url.ends_with(end));
    let (Some(one), Some(two)) = (ending("/one/photo.png"), ending("/two/photo.png")) else {
        anyhow::bail!("the photos are not in the manifest");
    };
    ensure!(one.output != two.output && one.sha256 != two.sha256, "{one:?}\n{two:?}");
    Ok(())
}

on_each_engine!(every_line_gets_its_own_outcome);
