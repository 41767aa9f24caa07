//! What every command may read, and which variables it is given.

use std::{
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
};

/// Folders and files of the system that every command may read.
pub fn system_paths() -> Vec<PathBuf> {
    const PATHS: &[&str] = &[
        "/usr",
        "/bin",
        "/sbin",
        "/lib",
        "/lib32",
        "/lib64",
        "/etc",
        "/opt",
        "/nix",
        "/gnu",
        "/snap",
        "/proc",
        "/sys/fs/cgroup",
        "/sys/devices/system/cpu",
        "/sys/kernel/mm",
        "/var/lib/dpkg",
        "/var/lib/alternatives",
        "/run/systemd/resolve",
        "/run/current-system",
        "/run/resolvconf",
    ];
    PATHS.iter().map(PathBuf::from).collect()
}

/// Devices that every command may read and write.
pub(crate) fn device_files() -> Vec<PathBuf> {
    ["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/fd", "/dev/shm"]
        .iter()
        .map(PathBuf::from)
        .collect()
}

/// Folders of `/etc` that hold secrets of the machine. Only the superuser could read them.
pub(crate) const SECRETS_OF_THE_SYSTEM: &[&str] = &[
    "/etc/shadow",
    "/etc/shadow-",
    "/etc/gshadow",
    "/etc/gshadow-",
    "/etc/sudoers",
    "/etc/sudoers.d",
    "/etc/ssh",
    "/etc/ssl/private",
    "/etc/kubernetes",
    "/etc/docker",
];

/// A tool chain in the home of the user: its folders, and the variable by which it is found there.
struct Toolchain {
    folders: &'static [&'static str],
    variable: Option<(&'static str, &'static str)>,
}

const TOOLCHAINS: &[Toolchain] = &[
    Toolchain { folders: &[".rustup"], variable: Some(("RUSTUP_HOME", ".rustup")) },
    Toolchain { folders: &[".cargo/bin", ".cargo/registry", ".cargo/git"], variable: None },
    Toolchain { folders: &[".pyenv"], variable: Some(("PYENV_ROOT", ".pyenv")) },
    Toolchain { folders: &[".rbenv"], variable: Some(("RBENV_ROOT", ".rbenv")) },
    Toolchain { folders: &[".nvm"], variable: Some(("NVM_DIR", ".nvm")) },
    Toolchain { folders: &[".volta"], variable: Some(("VOLTA_HOME", ".volta")) },
    Toolchain { folders: &[".bun/bin", ".deno/bin", ".sdkman", ".asdf", ".local/share/mise"], variable: None },
    Toolchain { folders: &["go/bin"], variable: None },
    Toolchain { folders: &["go/pkg/mod"], variable: Some(("GOMODCACHE", "go/pkg/mod")) },
    Toolchain { folders: &[".local/bin", ".local/share/uv", ".local/pipx"], variable: None },
    Toolchain { folders: &[".local/lib"], variable: Some(("PYTHONUSERBASE", ".local")) },
];

/// The tool chains that are in this home: folders that a command may read, and variables that it needs to find them
/// when its own home is another one.
pub fn find_toolchains(home: &Path) -> (Vec<PathBuf>, Vec<(OsString, OsString)>) {
    let (mut folders, mut variables) = (Vec::new(), Vec::new());
    for chain in TOOLCHAINS {
        folders.extend(chain.folders.iter().map(|folder| home.join(folder)).filter(|folder| folder.is_dir()));
        if let Some((name, folder)) = chain.variable
            && home.join(folder).is_dir()
        {
            variables.push((name.into(), home.join(folder).into()));
        }
    }
    (folders, variables)
}

/// Whether a variable of the environment is kept from commands in a sandbox: it looks like a key, leads to something
/// that holds keys, or to a folder that they could not write.
pub fn is_private_variable(name: &str, value: &OsStr) -> bool {
    const WORDS: &[&str] = &[
        "TOKEN",
        "SECRET",
        "PASSWORD",
        "PASSWD",
        "PASSPHRASE",
        "CREDENTIAL",
        "CREDENTIALS",
        "APIKEY",
        "KEY",
        "KEYS",
        "AUTH",
        "COOKIE",
        "SESSION",
        "PAT",
        "DSN",
    ];
    const PREFIXES: &[&str] = &["AWS_", "AZURE_", "GOOGLE_", "GCLOUD_", "CLOUDSDK_", "OP_", "VAULT_", "DOCKER_"];
    const NAMES: &[&str] = &[
        "SSH_AUTH_SOCK",
        "SSH_AGENT_PID",
        "SSH_ASKPASS",
        "GPG_AGENT_INFO",
        "GNUPGHOME",
        "DBUS_SESSION_BUS_ADDRESS",
        "XDG_RUNTIME_DIR",
        "XAUTHORITY",
        "DISPLAY",
        "WAYLAND_DISPLAY",
        "KUBECONFIG",
        "NETRC",
        "GIT_ASKPASS",
        "GIT_DIR",
        "GIT_WORK_TREE",
        "GIT_INDEX_FILE",
        "GIT_OBJECT_DIRECTORY",
        "GIT_ALTERNATE_OBJECT_DIRECTORIES",
        "GIT_CONFIG",
        "GIT_CONFIG_GLOBAL",
        "GIT_CONFIG_SYSTEM",
        "GIT_SSH_COMMAND",
        "NPM_CONFIG_USERCONFIG",
    ];
    // Folders of the user that a command could not write; without the variable there is a folder in its own home.
    const FOLDERS: &[&str] = &[
        "XDG_CACHE_HOME",
        "XDG_CONFIG_HOME",
        "XDG_DATA_HOME",
        "XDG_STATE_HOME",
        "CARGO_TARGET_DIR",
        "PIP_CACHE_DIR",
        "UV_CACHE_DIR",
        "NPM_CONFIG_CACHE",
        "GOCACHE",
        "GOPATH",
        "TMP",
        "TEMP",
        "PWD",
        "OLDPWD",
    ];
    let upper = name.to_ascii_uppercase();
    let has_word = upper.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| WORDS.contains(&word))
        || ["TOKEN", "SECRET", "PASSWORD", "APIKEY"].iter().any(|word| upper.ends_with(word));
    has_word
        || FOLDERS.contains(&upper.as_str())
        || NAMES.contains(&upper.as_str())
        || PREFIXES.iter().any(|prefix| upper.starts_with(prefix))
        || has_user_information(&value.to_string_lossy())
}

/// Whether a value is an address with a password in it: `postgres://user:password@host/`.
fn has_user_information(value: &str) -> bool {
    let Some((_, rest)) = value.split_once("://") else { return false };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    authority.rsplit_once('@').is_some_and(|(user, _)| user.contains(':'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_agents_are_private_and_tools_are_not() {
        let is_private = |name: &str| is_private_variable(name, OsStr::new("x"));
        for name in [
            "ANTHROPIC_API_KEY",
            "GH_TOKEN",
            "GITHUB_TOKEN",
            "npm_config__authToken",
            "AWS_PROFILE",
            "SSH_AUTH_SOCK",
            "DB_PASSWORD",
            "MYAPIKEY",
            "DOCKER_HOST",
            "KUBECONFIG",
            "GIT_CONFIG_GLOBAL",
            "SENTRY_DSN",
        ] {
            assert!(is_private(name), "{name}");
        }
        for name in ["PATH", "HOME", "LANG", "JAVA_HOME", "VIRTUAL_ENV", "RUSTFLAGS", "KEYBOARD", "MONKEY", "CI"] {
            assert!(!is_private(name), "{name}");
        }
        assert!(is_private_variable("DATABASE_URL", OsStr::new("postgres://me:secret@host/db")));
        assert!(!is_private_variable("DATABASE_URL", OsStr::new("postgres://me@host/db:5@6")));
    }
}
