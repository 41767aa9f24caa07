//! The helper that sets a sandbox up, as a program of its own; see [`cascade_sandbox::run_helper`].

fn main() -> std::process::ExitCode {
    match cascade_sandbox::run_helper(std::env::args_os()) {
        Some(code) => code,
        None => {
            eprintln!("this program is started by Cascade");
            std::process::ExitCode::from(2)
        }
    }
}
