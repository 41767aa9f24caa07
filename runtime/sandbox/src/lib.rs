//! Sandboxes: private copies of folders, and commands that can do no more than their policy says.
//!
//! Three parts that know nothing of each other:
//! - *Enforcement.* A [`Spec`] says what one command may do. [`command`] starts the helper (this very program with
//!   [`HELPER_ARGUMENT`] first), which confines itself and becomes the command. Nothing is done between `fork` and
//!   `exec` of a program with threads.
//! - *Workspaces.* [`tree`] makes the private copy of a folder, tells what was changed in it, and applies the change to
//!   the folder.
//! - *The network.* [`proxy`] connects commands to the hosts of a list, from outside.
//!
//! What a machine can enforce is found out by trying in a child ([`probe_abilities`]), and reported as data ([`Held`]).

mod command;
#[cfg(target_os = "linux")]
mod linux;
pub mod macos;
mod paths;
mod promise;
pub mod proxy;
mod self_test;
mod spec;
mod system;
pub mod tree;

pub use command::{HELPER_ARGUMENT, probe_abilities, run_helper, sandboxed_command};
pub use paths::without_dots;
pub use promise::{Abilities, Held, Promise};
pub use self_test::self_test;
pub use spec::{Limits, Network, Report, Spec};
pub use system::{find_toolchains, is_private_variable, system_paths};
