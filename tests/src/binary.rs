//! A fresh `cascadec` for tests that start it as a process.

use std::{
    env,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::OnceLock,
};

use serde_json::Value as Json;

/// The path of a debug `cascadec`, built from the sources as they are now, or why there is none.
///
/// It is built once per test process. Cargo holds no lock while tests run, and a build that has
/// nothing to do takes a fraction of a second, so this works under `cargo test` and nextest.
pub fn cascadec() -> &'static Result<PathBuf, String> {
    static BUILT: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    BUILT.get_or_init(build_cascadec)
}

fn build_cascadec() -> Result<PathBuf, String> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command
        .args(["build", "--quiet", "--package", "cascadec", "--bin", "cascadec", "--message-format", "json"])
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))
        .stdin(Stdio::null())
        .stderr(Stdio::inherit());
    // Variables that cargo sets for this test must not reach build scripts: some depend on them, and would run
    // again each time, with everything that depends on them.
    let own = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_", "CARGO_PRIMARY_", "CARGO_TARGET_TMPDIR"];
    for (name, _) in env::vars_os() {
        if own.iter().any(|prefix| name.to_string_lossy().starts_with(prefix)) {
            command.env_remove(name);
        }
    }
    // `cargo test --target-dir` sets no variable; the target folder is that of this test's executable.
    if let Some(target) = target_folder() {
        command.arg("--target-dir").arg(target);
    }
    let output = command.output().map_err(|e| format!("cargo cannot be started: {e}"))?;
    let found = String::from_utf8_lossy(&output.stdout).lines().filter_map(executable_of_message).next_back();
    match found {
        Some(path) if output.status.success() => Ok(path),
        _ => Err(format!("cargo build -p cascadec failed: {}", output.status)),
    }
}

/// The target folder that this test was built into: `<target>/debug/deps/<test>`.
fn target_folder() -> Option<PathBuf> {
    let here = env::current_exe().ok()?;
    let deps = here.parent().filter(|p| p.ends_with("deps"))?;
    deps.parent()?.parent().map(Path::to_path_buf)
}

/// The path of the executable in a message of cargo.
fn executable_of_message(line: &str) -> Option<PathBuf> {
    let message: Json = serde_json::from_str(line).ok()?;
    if message.get("target")?.get("name")? != "cascadec" {
        return None;
    }
    message.get("executable")?.as_str().map(PathBuf::from)
}
