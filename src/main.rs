//! The executable: everything it does is said by its arguments.

fn main() -> std::process::ExitCode {
    sally::cli::main()
}
