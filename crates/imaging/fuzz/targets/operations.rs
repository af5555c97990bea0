#![no_main]

libfuzzer_sys::fuzz_target!(init: oracles::watch_panics(), |data: &[u8]| oracles::operations(data));
