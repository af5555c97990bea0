//! The one table.

use crate::measure::Measured;

pub(crate) fn head() {
    println!(
        "{:34} {:>5} {:>7} {:>8} {:>8} {:>6} {:>8} {:>6} {:>6} {:>6} {:>8} {:>8} {:>7} {:>6}  path",
        "file",
        "MP",
        "kB",
        "ours ms",
        "decode",
        "times",
        "dec+enc",
        "times",
        "size",
        "error",
        "by image",
        "restored",
        "MB/s",
        "ns/blk",
    );
}

pub(crate) fn row(row: &Measured) {
    let megabytes_a_second = row.input_bytes as f64 / row.ours / 1000.0;
    let block = row.blocks.map(|blocks| row.ours * 1e6 / blocks as f64);
    println!(
        "{:34} {:5.2} {:7.1} {:8.3} {:8.3} {:6.1} {:8.3} {:6.1} {:6.3} {:6.3} {:8.3} {:>8} {:7.0} {:>6}  {}",
        row.name,
        row.megapixels,
        row.input_bytes as f64 / 1000.0,
        row.ours,
        row.decode,
        row.decode / row.ours,
        row.full,
        row.full / row.ours,
        row.output_bytes as f64 / row.input_bytes as f64,
        row.exact.unwrap_or(row.difference).mean,
        row.difference.mean,
        if row.is_restored { "bytes" } else { "" },
        megabytes_a_second,
        block.map_or_else(String::new, |block| format!("{block:.0}")),
        row.path,
    );
}
