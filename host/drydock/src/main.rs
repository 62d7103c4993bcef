#![forbid(unsafe_code)]

/// A lease is many small pieces of memory that are handed from thread to thread, SQLite's among them.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    drydock::cli::main()
}
