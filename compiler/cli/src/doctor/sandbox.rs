//! What this system offers to confine programs.

use std::fs;

use super::{Finding, Surroundings};

pub(super) fn check(_around: &Surroundings) -> Vec<Finding> {
    if !cfg!(target_os = "linux") {
        let remedy = "run in a container or a virtual machine where programs must be confined";
        return vec![Finding::note("sandbox", "this system has no user namespaces and no Landlock", remedy)];
    }
    vec![user_namespaces(), landlock()]
}

/// The first line of a file of the kernel.
fn kernel_value(path: &str) -> Option<String> {
    fs::read_to_string(path).ok().and_then(|text| text.lines().next().map(|line| line.trim().to_owned()))
}

fn user_namespaces() -> Finding {
    const NAME: &str = "user namespaces";
    let closed = |setting: &str, value: &str| {
        Finding::note(
            NAME,
            format!("not for users: `{setting}` is {value}"),
            format!("`sysctl {setting}` can be changed by root"),
        )
    };
    match kernel_value("/proc/sys/user/max_user_namespaces").as_deref() {
        None => return Finding::note(NAME, "the kernel has none", "use a kernel with `CONFIG_USER_NS`"),
        Some("0") => return closed("user.max_user_namespaces", "0"),
        Some(_) => {}
    }
    if kernel_value("/proc/sys/kernel/unprivileged_userns_clone").as_deref() == Some("0") {
        return closed("kernel.unprivileged_userns_clone", "0");
    }
    if kernel_value("/proc/sys/kernel/apparmor_restrict_unprivileged_userns").as_deref() == Some("1") {
        return closed("kernel.apparmor_restrict_unprivileged_userns", "1");
    }
    Finding::good(NAME, "allowed")
}

/// Landlock, by the list of security modules and the kernel's version: each version of its interface came with a
/// version of the kernel.
fn landlock() -> Finding {
    const NAME: &str = "landlock";
    const VERSIONS: [((u32, u32), u32); 6] =
        [((6, 12), 6), ((6, 10), 5), ((6, 7), 4), ((6, 2), 3), ((5, 19), 2), ((5, 13), 1)];
    let modules = kernel_value("/sys/kernel/security/lsm").unwrap_or_default();
    let release = kernel_value("/proc/sys/kernel/osrelease").unwrap_or_default();
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).filter_map(|part| part.parse::<u32>().ok());
    let kernel = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    let version = VERSIONS.iter().find(|(since, _)| kernel >= *since).map(|(_, version)| version);
    match (modules.split(',').any(|module| module == "landlock"), version) {
        (true, Some(version)) => Finding::good(NAME, format!("on, version {version} (kernel {release})")),
        _ if modules.is_empty() => Finding::note(
            NAME,
            format!("unknown: `/sys/kernel/security/lsm` cannot be read (kernel {release})"),
            "mount securityfs to see the security modules",
        ),
        _ => Finding::note(NAME, format!("off (kernel {release})"), "add `landlock` to the kernel's parameter `lsm=`"),
    }
}
