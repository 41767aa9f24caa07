//! The paths of stages: the name of a stage, after those of the blocks and loops around it.

use rustc_hash::FxHashMap as HashMap;

/// Gives the stages and loops of a body names that are unique among the paths.
#[derive(Debug, Default)]
pub(super) struct StagePaths {
    /// How often each path occurred so far.
    counts: HashMap<String, u32>,
    /// The path of the enclosing named stages and loops.
    prefix: String,
}

impl StagePaths {
    /// The name of a stage or a loop in paths: itself, or with a number when its path is taken.
    pub fn unique_name(&mut self, name: &str) -> String {
        let count = self.counts.entry(format!("{}/{name}", self.prefix)).or_insert(0);
        *count += 1;
        if *count == 1 { name.to_owned() } else { format!("{name}#{count}") }
    }

    /// Enters a stage or a loop; gives the prefix around it, for [`StagePaths::leave_stage`].
    pub fn enter_stage(&mut self, name: &str) -> String {
        let inner = format!("{}/{name}", self.prefix);
        std::mem::replace(&mut self.prefix, inner)
    }

    /// Enters a block at the end of a cascade, whose paths begin anew.
    pub fn enter_hook(&mut self, event: &str) -> String {
        std::mem::replace(&mut self.prefix, format!("on_{event}"))
    }

    /// Ends what [`StagePaths::enter_stage`] began.
    pub fn leave_stage(&mut self, outer: String) {
        self.prefix = outer;
    }
}

#[cfg(test)]
mod tests {
    use super::StagePaths;

    #[test]
    fn a_path_that_is_taken_gets_a_number() {
        let mut paths = StagePaths::default();
        assert_eq!(paths.unique_name("a"), "a");
        assert_eq!(paths.unique_name("a"), "a#2");
        let outer = paths.enter_stage("a");
        assert_eq!(paths.unique_name("a"), "a");
        paths.leave_stage(outer);
        assert_eq!(paths.unique_name("a"), "a#3");
    }
}
