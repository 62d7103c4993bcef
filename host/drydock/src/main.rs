#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    drydock::cli::main()
}
