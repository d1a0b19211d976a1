#![no_main]
//! See `entry::stacks`.

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| dicebench_fuzz::entry::stacks(bytes));
