//! The standard library, written in Cascade and embedded as text.

macro_rules! modules {
    ($($name:literal => $file:literal,)*) => {
        /// Names of all modules, sorted.
        pub fn modules() -> &'static [&'static str] {
            &[$($name,)*]
        }

        /// The text of a module such as `std.testing`.
        pub fn source(name: &str) -> Option<&'static str> {
            match name {
                $($name => Some(include_str!(concat!("../std/", $file))),)*
                _ => None,
            }
        }
    };
}

modules! {
    "std.analysis" => "analysis.cascade",
    "std.audit" => "audit.cascade",
    "std.files" => "files.cascade",
    "std.git" => "git.cascade",
    "std.github" => "github.cascade",
    "std.github_rest" => "github_rest.cascade",
    "std.human" => "human.cascade",
    "std.metrics" => "metrics.cascade",
    "std.models" => "models.cascade",
    "std.notify" => "notify.cascade",
    "std.prelude" => "prelude.cascade",
    "std.repair" => "repair.cascade",
    "std.run" => "run.cascade",
    "std.testing" => "testing.cascade",
    "std.text" => "text.cascade",
    "std.time" => "time.cascade",
}
