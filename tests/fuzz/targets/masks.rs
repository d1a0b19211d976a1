#![no_main]
//! See `entry::masks`.

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| dicebench_fuzz::entry::masks(bytes));
