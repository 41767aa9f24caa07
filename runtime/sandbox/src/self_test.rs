//! Tries to break each promise, in a sandbox that is made for it.

use std::{
    ffi::OsStr,
    fs, io,
    net::TcpListener,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Stdio,
};

use tempfile::TempDir;

use crate::{Abilities, Held, Limits, Network, Promise, Report, Spec, sandboxed_command};

/// What the shell in the sandbox tries; each line says what succeeded.
const ATTACK: &str = r#"
(echo changed > "$OUT/file") 2>/dev/null && echo writes
(echo new > "$OUT/new") 2>/dev/null && echo writes
chmod 777 "$OUT/file" 2>/dev/null && echo metadata
cat "$OUT-hidden/key" 2>/dev/null && echo reads
kill -0 "$CASCADE" 2>/dev/null && echo processes
if command -v bash >/dev/null; then bash -c "exec 3<>/dev/tcp/127.0.0.1/$PORT" 2>/dev/null && echo network; fi
echo tried
"#;

/// Which promises are held here: first what the machine has the means for, then whether an attack on it fails. The
/// promise of the network stands there twice: with no network, and with that of the machine.
///
/// # Errors
/// When no sandbox can be made, or no folder for it.
pub fn self_test(helper: &Path, abilities: &Abilities) -> io::Result<Vec<Held>> {
    let place = Place::new()?;
    let mut promises = place.test(helper, abilities, Network::Off)?;
    let on = place.test(helper, abilities, Network::On { supervised: abilities.notify, local_ports: Vec::new() })?;
    let network = on.into_iter().filter(|held| held.promise == Promise::Network);
    promises.extend(network.map(|held| Held { why: format!("with `network on`: {}", held.why), ..held }));
    promises.sort_by_key(|held| held.promise);
    Ok(promises)
}

/// A sandbox, and something outside of it to attack.
struct Place {
    folder: TempDir,
    listener: TcpListener,
}

impl Place {
    fn new() -> io::Result<Self> {
        let folder = tempfile::Builder::new().prefix("cascade-self-test-").tempdir()?;
        for name in ["work", "tmp", "out", "out-hidden"] {
            fs::create_dir(folder.path().join(name))?;
        }
        fs::write(folder.path().join("out/file"), "before")?;
        fs::set_permissions(folder.path().join("out/file"), fs::Permissions::from_mode(0o600))?;
        fs::write(folder.path().join("out-hidden/key"), "key")?;
        Ok(Self { folder, listener: TcpListener::bind("127.0.0.1:0")? })
    }

    fn path(&self, name: &str) -> io::Result<PathBuf> {
        self.folder.path().join(name).canonicalize()
    }

    /// The promises for a network, and whether they are held.
    fn test(&self, helper: &Path, abilities: &Abilities, network: Network) -> io::Result<Vec<Held>> {
        let mut promises = abilities.promises(&network);
        let broken = self.attack(helper, abilities.namespaces, network)?;
        for held in promises.iter_mut().filter(|held| held.held && broken.contains(&held.promise)) {
            held.held = false;
            held.why = format!("an attack on it succeeded, although it should be held by {}", held.why);
            held.remedy = "this is a defect of Cascade or of the kernel: please report it".to_owned();
        }
        Ok(promises)
    }

    /// The promises that an attack has broken.
    fn attack(&self, helper: &Path, namespaces: bool, network: Network) -> io::Result<Vec<Promise>> {
        let report = self.folder.path().join("report");
        let spec = Spec {
            directory: self.path("work")?,
            writable: vec![self.path("work")?, self.path("tmp")?],
            // What is to be changed can be seen.
            readable: vec![self.path("out")?],
            hidden: Vec::new(),
            temporary: self.path("tmp")?,
            network,
            namespaces,
            watched: false,
            limits: Limits { cpu_seconds: 10, ..Limits::default() },
            report: report.clone(),
        };
        let mut shell = sandboxed_command(helper, &spec, ["/bin/sh", "-c", ATTACK].map(OsStr::new))?;
        shell.env("PATH", "/usr/bin:/bin").env("OUT", self.path("out")?).env("CASCADE", std::process::id().to_string());
        shell.env("PORT", self.listener.local_addr()?.port().to_string()).stdin(Stdio::null());
        let output = shell.output()?;
        if let Ok(text) = fs::read(&report) {
            let report: Report = serde_json::from_slice(&text)?;
            if let Some(why) = report.setup {
                return Err(io::Error::other(why));
            }
        }
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        if !said.lines().any(|line| line == "tried") {
            return Err(io::Error::other(format!("the attack did not end: {output:?}")));
        }
        let mut broken: Vec<Promise> = said.lines().filter_map(Promise::of_name).collect();
        // What counts is what is seen outside.
        let file = self.path("out/file")?;
        if fs::read(&file)? != b"before" || self.path("out/new").is_ok() {
            broken.push(Promise::Writes);
        }
        if fs::metadata(&file)?.permissions().mode() & 0o777 != 0o600 {
            broken.push(Promise::Metadata);
        }
        Ok(broken)
    }
}
