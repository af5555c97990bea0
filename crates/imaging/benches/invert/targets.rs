//! What was to be reached, and whether this run reached it.

use crate::{measure::Measured, memory::Memory};

pub(crate) fn print(rows: &[Measured], memory: &Memory) {
    println!();
    let of = |part: &str| -> Vec<&Measured> {
        rows.iter().filter(|row| row.is_photo && row.name.starts_with(part)).collect()
    };
    let (baseline, progressive) = (of("baseline"), of("progressive"));
    lowest("baseline JPEG, times faster than decode", &baseline, |row| row.decode / row.ours, 4.0);
    let full = |row: &Measured| row.full / row.ours;
    lowest("baseline JPEG, times faster than decode + invert + encode", &baseline, full, 25.0);
    let decode = |row: &Measured| row.decode / row.ours;
    lowest("progressive JPEG, times faster than decode", &progressive, decode, 3.0);

    let photos: Vec<&Measured> =
        rows.iter().filter(|row| row.is_photo && row.blocks.is_some()).collect();
    let (coarse, fine): (Vec<_>, Vec<_>) = photos.iter().partition(|row| row.name.contains("-q50"));
    let error = |row: &Measured| row.exact.unwrap_or(row.difference).mean;
    highest("JPEG of quality 75 and up, mean error of 255", &fine, error, 0.35);
    highest("JPEG of quality 50, mean error of 255", &coarse, error, 1.2);
    let growth =
        |row: &Measured| 100.0 * (row.output_bytes as f64 / row.input_bytes as f64 - 1.0).abs();
    highest("JPEG, change of size in percent", &photos, growth, 0.5);

    let truecolour: Vec<&Measured> =
        of("truecolour").into_iter().filter(|row| row.name.ends_with("png")).collect();
    lowest("truecolour PNG, times faster than decode + invert + encode", &truecolour, full, 1.0);
    let size = |row: &Measured| row.output_bytes as f64 / row.input_bytes as f64;
    highest("truecolour PNG, size of the output to the input's", &truecolour, size, 1.15);
    highest("truecolour PNG, mean error of 255", &truecolour, error, 0.0);
    restored(rows);
    peak(memory);
}

fn peak(memory: &Memory) {
    let &Memory { peak_kib, input_bytes, milliseconds } = memory;
    let mebibytes = peak_kib as f64 / 1024.0;
    let (megabytes, reached) = (input_bytes as f64 / 1e6, reached(mebibytes < 4.0));
    let rate = megabytes / milliseconds as f64 * 1000.0;
    println!(
        "JPEG of 100 megapixels in pieces of 64 KiB, peak above the process's own: {mebibytes:.2} MiB \
         ({megabytes:.1} MB in {milliseconds} ms, {rate:.0} MB/s), wanted under 4 MiB: {reached}"
    );
}

fn reached(is_reached: bool) -> &'static str {
    if is_reached { "reached" } else { "NOT reached" }
}

fn lowest(what: &str, rows: &[&Measured], value: impl Fn(&Measured) -> f64, wanted: f64) {
    let worst = rows.iter().min_by(|a, b| value(a).total_cmp(&value(b)));
    let Some(worst) = worst else { return };
    let value = value(worst);
    verdict(what, "lowest", value, &worst.name, "at least", wanted, value >= wanted);
}

fn highest(what: &str, rows: &[&Measured], value: impl Fn(&Measured) -> f64, wanted: f64) {
    let worst = rows.iter().max_by(|a, b| value(a).total_cmp(&value(b)));
    let Some(worst) = worst else { return };
    let value = value(worst);
    verdict(what, "highest", value, &worst.name, "at most", wanted, value <= wanted);
}

fn verdict(
    what: &str,
    end: &str,
    value: f64,
    name: &str,
    bound: &str,
    wanted: f64,
    is_reached: bool,
) {
    let reached = reached(is_reached);
    println!("{what}: {end} {value:.2} ({name}), wanted {bound} {wanted}: {reached}");
}

/// Files that two inversions give back byte for byte.
fn restored(rows: &[Measured]) {
    let wanted = |row: &&Measured| {
        let name = &row.name;
        row.is_photo
            && (name.starts_with("baseline")
                || name.starts_with("three-scans")
                || name.starts_with("palette"))
    };
    let all: Vec<&Measured> = rows.iter().filter(wanted).collect();
    let missing: Vec<&str> =
        all.iter().filter(|row| !row.is_restored).map(|row| row.name.as_str()).collect();
    let count = all.len() - missing.len();
    let reached = reached(missing.is_empty());
    println!(
        "sequential JPEG and palettes, twice is the same bytes: {count} of {}: {reached} {}",
        all.len(),
        missing.join(" "),
    );
}
