//! Words that this version checks but does not run.

use std::collections::HashMap;

use crate::{codes, diagnostic::Diagnostic, source::SourceId};

/// Keeps the first of the warnings about one word in a file, and says in it how many more uses there are. The
/// diagnostics are sorted.
pub(crate) fn tell_once_a_file(diagnostics: &mut Vec<Diagnostic>) {
    let mut uses: HashMap<(SourceId, String), usize> = HashMap::new();
    diagnostics.retain(|d| {
        if d.code != codes::NOT_YET {
            return true;
        }
        let count = uses.entry((d.primary.source, d.message.clone())).or_default();
        *count += 1;
        *count == 1
    });
    for d in diagnostics.iter_mut().filter(|d| d.code == codes::NOT_YET) {
        let more = uses.get(&(d.primary.source, d.message.clone())).map_or(0, |count| count - 1);
        if more > 0 {
            let times = if more == 1 { "once more".to_owned() } else { format!("{more} more times") };
            d.help = Some(format!("it is used {times} in this file"));
        }
    }
}
