//! Inverts one picture, or applies other operations to it:
//!
//! ```text
//! cargo run --release -p imaging --example invert -- IN OUT [OPERATIONS]
//! cargo run --release -p imaging --example invert -- photo.jpg small.webp 'resize=800x600|invert'
//! ```
//!
//! Without operations it inverts. Where the name of OUT ends like a picture of another format than
//! IN has, the result is converted to that format; any other name changes nothing.

use std::{env, error::Error, fs, path::Path, process::ExitCode, time::Instant};

use imaging::{Format, Limits, Operation, ParsePipelineError, Pipeline, Sniffed};

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let (input, output, operations) = match arguments.as_slice() {
        [input, output] => (input, output, "invert"),
        [input, output, operations] => (input, output, operations.as_str()),
        _ => {
            eprintln!("usage: invert IN OUT [OPERATIONS], such as 'invert|resize=800x600'");
            return ExitCode::from(2);
        }
    };
    let pipeline = match operations.parse() {
        Ok(pipeline) => pipeline,
        Err(mistake) => {
            point_at(&mistake);
            return ExitCode::from(2);
        }
    };
    match process(input, output, pipeline) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // What cannot be read or written has no class.
            let class = error.downcast_ref::<imaging::Error>().map(|refused| refused.class);
            let class = class.map(|class| format!("{class}: ")).unwrap_or_default();
            eprintln!("{input}: {class}{error}");
            ExitCode::FAILURE
        }
    }
}

fn point_at(mistake: &ParsePipelineError) {
    eprintln!("{}", mistake.pipeline);
    eprintln!("{:1$}^ {2}; {3}", "", mistake.position, mistake.problem, mistake.remedy);
}

fn process(input: &str, output: &str, mut pipeline: Pipeline) -> Result<(), Box<dyn Error>> {
    let source = fs::read(input)?;
    if let Some(format) = wanted_format(&source, output, &pipeline) {
        pipeline = pipeline.then(Operation::Convert(format));
    }
    let started = Instant::now();
    let result = imaging::process(&source, &pipeline, &Limits::default())?;
    let milliseconds = started.elapsed().as_secs_f64() * 1000.0;
    fs::write(output, &result.bytes)?;
    println!(
        "{pipeline}: {} {} x {}, {} frame(s), by {}: {} -> {} bytes in {milliseconds:.1} ms",
        result.format,
        result.width,
        result.height,
        result.frames,
        result.path,
        source.len(),
        result.bytes.len(),
    );
    result.notes.iter().for_each(|note| println!("note: {note}"));
    Ok(())
}

/// The format that the name of the result asks for, unless the source or the operations have it
/// already.
fn wanted_format(source: &[u8], output: &str, pipeline: &Pipeline) -> Option<Format> {
    let is_conversion = |operation: &Operation| matches!(operation, Operation::Convert(_));
    if pipeline.operations().iter().any(is_conversion) {
        return None;
    }
    let extension = Path::new(output).extension()?.to_str()?.to_ascii_lowercase();
    let name = match extension.as_str() {
        "pbm" | "pgm" | "ppm" | "pam" => "pnm",
        other => other,
    };
    let conversion: Pipeline = format!("convert={name}").parse().ok()?;
    let &[Operation::Convert(format)] = conversion.operations() else { return None };
    (imaging::sniff(source) != Some(Sniffed::Picture(format))).then_some(format)
}
