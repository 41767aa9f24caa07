//! The profile of `sandbox-exec` for macOS, from the same policy.
//!
//! Only the text is made and tested here: no command has been run with it yet, and [`crate::command`] refuses to start
//! one on macOS.

use std::{fmt::Write, path::Path};

use crate::{Network, Spec};

/// The profile, in the language of `sandbox-exec -p`.
pub fn sandbox_profile(spec: &Spec) -> String {
    let mut out = String::from(
        "(version 1)\n(deny default)\n(allow process-fork process-exec)\n(allow signal (target same-sandbox))\n\
         (allow process-info* (target same-sandbox))\n(allow sysctl-read)\n(allow mach-lookup (global-name \
         \"com.apple.system.opendirectoryd.libinfo\"))\n(allow file-read-metadata)\n",
    );
    let system =
        ["/usr", "/bin", "/sbin", "/System", "/Library", "/opt", "/private/etc", "/private/var/db/timezone", "/dev"];
    let mut allow = |what: &str, path: &Path| {
        // Writing into a string cannot fail.
        let _ = writeln!(out, "(allow {what} (subpath {}))", quote_path(path));
    };
    for path in system.iter().map(Path::new).chain(spec.readable.iter().map(AsRef::as_ref)) {
        allow("file-read*", path);
    }
    for path in spec.writable.iter().chain([&spec.temporary]) {
        allow("file-read* file-write*", path);
    }
    for device in ["/dev/null", "/dev/zero", "/dev/random", "/dev/urandom"] {
        allow("file-write*", Path::new(device));
    }
    match &spec.network {
        Network::Off => {}
        Network::On { .. } => out.push_str("(allow network-outbound (remote ip))\n(allow network* (local ip))\n"),
        Network::Proxy { port, .. } => {
            let _ = writeln!(out, "(allow network-outbound (remote ip \"localhost:{port}\"))");
        }
    }
    // The last rule that fits decides.
    for secret in ["/Library/Keychains", "/private/var/run", "/private/etc/ssh", "/private/etc/master.passwd"] {
        let _ = writeln!(out, "(deny file-read* file-write* (subpath {}))", quote_path(Path::new(secret)));
    }
    out
}

/// A path as a text of the language.
fn quote_path(path: &Path) -> String {
    format!("\"{}\"", path.to_string_lossy().replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Limits;

    fn spec(network: Network) -> Spec {
        Spec {
            directory: "/w".into(),
            writable: vec!["/w \"x\"".into()],
            readable: vec!["/r".into()],
            hidden: vec![],
            temporary: "/t".into(),
            network,
            namespaces: false,
            watched: false,
            limits: Limits::default(),
            report: "/report".into(),
        }
    }

    #[test]
    fn the_profile_denies_what_it_does_not_allow() {
        let off = sandbox_profile(&spec(Network::Off));
        assert!(off.starts_with("(version 1)\n(deny default)\n"), "{off}");
        assert!(off.contains("(allow file-read* file-write* (subpath \"/w \\\"x\\\"\"))"), "{off}");
        assert!(off.contains("(allow file-read* (subpath \"/r\"))") && !off.contains("network"), "{off}");
        assert!(!off.contains("/Users") && off.ends_with("(subpath \"/private/etc/master.passwd\"))\n"), "{off}");
    }

    #[test]
    fn the_network_is_that_of_the_policy() {
        assert!(
            sandbox_profile(&spec(Network::On { supervised: true, local_ports: Vec::new() }))
                .contains("(allow network-outbound (remote ip))")
        );
        let proxied = sandbox_profile(&spec(Network::Proxy { port: 4321, handover: "/s".into() }));
        assert!(proxied.contains("(allow network-outbound (remote ip \"localhost:4321\"))"), "{proxied}");
        assert!(!proxied.contains("(remote ip))"), "{proxied}");
    }
}
