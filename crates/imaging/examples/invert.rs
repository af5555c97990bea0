//! Inverts one picture: `cargo run -p imaging --example invert -- IN OUT`.

use std::{env, error::Error, fs, process::ExitCode, time::Instant};

use imaging::{Limits, Pipeline};

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [input, output] = arguments.as_slice() else {
        eprintln!("usage: invert IN OUT");
        return ExitCode::from(2);
    };
    match invert(input, output) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{input}: {error}");
            ExitCode::FAILURE
        }
    }
}

fn invert(input: &str, output: &str) -> Result<(), Box<dyn Error>> {
    let source = fs::read(input)?;
    let started = Instant::now();
    let result = imaging::process(&source, &Pipeline::invert(), &Limits::default())?;
    let milliseconds = started.elapsed().as_secs_f64() * 1000.0;
    fs::write(output, &result.bytes)?;
    println!(
        "{} {} x {}, {} frame(s), by {}: {} -> {} bytes in {milliseconds:.1} ms",
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
