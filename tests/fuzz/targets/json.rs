#![no_main]
//! See `entry::json`.

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| dicebench_fuzz::entry::json(bytes));
