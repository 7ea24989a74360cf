//! The executable: everything it does is said by its arguments.

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    // A huge page for each corner of the heap would be 30 MiB that hold nothing; not to have them costs no measurable time.
    #[cfg(target_os = "linux")]
    let _ = rustix::thread::disable_transparent_huge_pages(true);
    sally::cli::main()
}
