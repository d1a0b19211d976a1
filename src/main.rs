//! The thin binary: everything is in the library.

#[global_allocator]
static ALLOCATOR: dicebench::heap::Heap = dicebench::heap::Heap;

fn main() -> std::process::ExitCode {
    dicebench::heap::open();
    dicebench::cli::main()
}
