//! Syntax trees that are kept between analyses: a file whose text has not changed is not parsed
//! again.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use cascade_grammar::{Parse, parse};

/// The last tree of each file, shared by the analyses of a session.
#[derive(Debug, Clone, Default)]
pub(crate) struct Trees {
    kept: Arc<Mutex<HashMap<String, Kept>>>,
}

#[derive(Debug)]
struct Kept {
    text: Box<str>,
    parse: Arc<Parse>,
}

impl Trees {
    /// The tree of a file's text: the one that is kept, or else a new one, which is kept.
    pub(crate) fn parse(&self, name: &str, text: &str) -> Arc<Parse> {
        if let Some(kept) = self.lock().get(name).filter(|kept| *kept.text == *text) {
            return Arc::clone(&kept.parse);
        }
        // Other analyses may ask for other files meanwhile.
        let parse = Arc::new(parse(text));
        self.lock().insert(name.to_owned(), Kept { text: text.into(), parse: Arc::clone(&parse) });
        parse
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Kept>> {
        // A panic elsewhere leaves the table whole: entries are inserted at once.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_is_kept_until_its_text_changes() {
        let trees = Trees::default();
        let first = trees.parse("a.cascade", "cascade main() {}\n");
        let again = trees.clone().parse("a.cascade", "cascade main() {}\n");
        assert!(Arc::ptr_eq(&first, &again));
        let changed = trees.parse("a.cascade", "cascade other() {}\n");
        assert!(!Arc::ptr_eq(&first, &changed));
        assert_eq!(*trees.parse("b.cascade", "cascade main() {}\n"), *first);
    }
}
