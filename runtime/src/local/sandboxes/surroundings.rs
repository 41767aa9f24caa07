//! What a command in a sandbox finds around it: folders, homes, variables.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
};

/// Where copies are made: outside of projects, so that tools that look for their files upwards find none of them.
pub(super) fn cache_folder() -> PathBuf {
    let set = |name: &str| std::env::var_os(name).filter(|path| !path.is_empty()).map(PathBuf::from);
    let cache = set("XDG_CACHE_HOME").or_else(|| set("HOME").map(|home| home.join(".cache")));
    let cache = cache.unwrap_or_else(std::env::temp_dir).join("cascade/sandboxes");
    std::path::absolute(&cache).unwrap_or(cache)
}

/// The folders of the search path that are not of the system, with what stands beside them: a `bin` needs its `lib`.
pub(super) fn search_path(home: Option<&Path>) -> Vec<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders = Vec::new();
    for folder in std::env::split_paths(&path).filter(|folder| folder.is_absolute()) {
        let Ok(folder) = folder.canonicalize() else { continue };
        let around = match folder.parent() {
            // All of a home, and what is beside a folder at the top, is more than a program needs.
            Some(parent)
                if folder.ends_with("bin")
                    && Some(parent) != home
                    && parent.components().count() > 2
                    && (parent.join("lib").is_dir() || parent.join("pyvenv.cfg").is_file()) =>
            {
                parent.to_path_buf()
            }
            _ => folder,
        };
        // `~/.local` and `~/.cargo` hold more than programs.
        let is_shared = [".local", ".cargo"].iter().any(|name| home.is_some_and(|home| around == home.join(name)));
        folders.push(if is_shared { around.join("bin") } else { around });
    }
    folders.sort();
    folders.dedup();
    folders.retain(|folder| Some(folder.as_path()) != home && folder.parent().is_some() && folder.is_dir());
    folders
}

/// A home of cargo in the sandbox: what was downloaded outside is found there.
pub(super) fn cargo_home(home: &Path) -> PathBuf {
    let own = home.join(".cargo");
    let outer = std::env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cargo")));
    if !own.exists()
        && fs::create_dir_all(&own).is_ok()
        && let Some(outer) = outer
    {
        for name in ["registry", "git", "bin"] {
            if outer.join(name).is_dir() {
                // Without the link cargo downloads again.
                let _ = std::os::unix::fs::symlink(outer.join(name), own.join(name));
            }
        }
    }
    own
}

/// Whether a host of a list, `localhost:8080`, is one of the loopback.
fn is_of_loopback(host: &str) -> bool {
    ["localhost", "127.", "[::1]"].iter().any(|name| host.starts_with(name))
}

/// The port of a host that is one of this machine.
pub(super) fn local_port(host: &str) -> Option<u16> {
    let (_, port) = host.rsplit_once(':').filter(|_| is_of_loopback(host))?;
    port.parse().ok()
}

/// The variables by which programs find the proxy.
pub(super) fn proxy_variables(port: u16, hosts: &[String]) -> Vec<(OsString, OsString)> {
    let address = format!("http://127.0.0.1:{port}");
    let mut all: Vec<(OsString, OsString)> = Vec::new();
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"] {
        all.push((name.into(), address.clone().into()));
        all.push((name.to_ascii_lowercase().into(), address.clone().into()));
    }
    // The loopback is the command's own, unless the list names that of the machine.
    let direct = if hosts.iter().any(|host| is_of_loopback(host)) { "" } else { "localhost,127.0.0.1,::1" };
    for name in ["NO_PROXY", "no_proxy"] {
        all.push((name.into(), direct.into()));
    }
    all.push(("NODE_USE_ENV_PROXY".into(), "1".into()));
    all
}

pub(super) fn make_removable(folder: &Path) {
    use std::os::unix::fs::PermissionsExt;
    // What cannot be changed cannot be removed either, and is left.
    let _ = fs::set_permissions(folder, fs::Permissions::from_mode(0o700));
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            make_removable(&entry.path());
        }
    }
}
