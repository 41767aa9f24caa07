//! The subcommands and options of git that carry code.

use super::Carrier;

/// Subcommands of `git` all of whose arguments are code or configuration.
pub(crate) const GIT_CODE: &[&str] = &["bisect", "config", "filter-branch", "submodule"];
/// Subcommands of `git` that have options with code.
pub(crate) const GIT_CARRIERS: &[&str] = &[
    "archive",
    "clone",
    "daemon",
    "difftool",
    "fetch",
    "fetch-pack",
    "grep",
    "instaweb",
    "ls-remote",
    "mergetool",
    "pull",
    "push",
    "rebase",
    "remote",
    "send-email",
    "send-pack",
];
/// What the options of those mean.
pub(crate) const GIT_OPTIONS: Carrier = Carrier {
    code: &[
        "--upload-pack",
        "--receive-pack",
        "--exec",
        "-x",
        "--extcmd",
        "-O",
        "--open-files-in-pager",
        "-c",
        "--config",
        "--template",
        "--tool",
        "-t",
        "--smtp-server",
        "--sendmail-cmd",
    ],
    data: &["-b", "--branch", "-o", "--origin", "--depth", "--onto", "-m", "--format", "--prefix", "-e"],
    operands: true,
};
/// Options of `git` before its subcommand.
pub(crate) const GIT_GLOBAL_VALUES: &[&str] = &["-C", "--git-dir", "--work-tree", "--namespace"];
/// Options of `git` before its subcommand that carry code.
pub(crate) const GIT_GLOBAL_CODE: &[&str] = &["-c", "--config-env", "--exec-path"];
