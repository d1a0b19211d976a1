//! The thin binary: everything is in the library.

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Keeps freed memory for a while: a training step frees and allocates the same buffers as the
/// last one, and giving them back to the system in between costs a quarter of the step.
#[expect(unsafe_code, reason = "the allocator's settings are functions in C")]
fn keep_freed_memory() {
    /// `mi_option_purge_delay` of mimalloc 2 and 3.
    const PURGE_DELAY: std::ffi::c_int = 15;
    const MILLISECONDS: std::ffi::c_long = 10_000;
    unsafe extern "C" {
        fn mi_option_set(option: std::ffi::c_int, value: std::ffi::c_long);
    }
    // SAFETY: part of mimalloc, which is linked as the allocator; takes any two numbers and may
    // be called at any time.
    unsafe { mi_option_set(PURGE_DELAY, MILLISECONDS) };
}

fn main() -> std::process::ExitCode {
    keep_freed_memory();
    dicebench::cli::main()
}
