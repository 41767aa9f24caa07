//! Patterns of paths, in the style of `.gitignore`.

/// A pattern: `*` and `?` match within a path component, `**` matches any components. A pattern
/// without `/` matches a file or folder of that name anywhere; others are relative to the project
/// folder. Everything below a folder that matches is matched, too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    parts: Vec<String>,
}

impl Pattern {
    /// Parses a pattern.
    ///
    /// # Errors
    /// Why the text is not a valid pattern.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        if text.starts_with('!') {
            return Err("a pattern cannot include again what another one excludes");
        }
        let inner = text.strip_suffix('/').unwrap_or(text);
        let inner = inner.strip_prefix("./").unwrap_or(inner);
        let mut parts: Vec<String> =
            inner.split('/').filter(|part| !part.is_empty() && *part != ".").map(str::to_owned).collect();
        if parts.is_empty() {
            return Err("a pattern must name a file or a folder");
        }
        if parts.iter().any(|part| part == "..") {
            return Err("a pattern cannot lead outside of the project");
        }
        if !inner.contains('/') {
            parts.insert(0, "**".to_owned());
        }
        Ok(Self { parts })
    }

    /// Whether a path, or one of its parent folders, matches.
    pub fn matches(&self, path: &str) -> bool {
        let parts: Vec<&str> = path.split('/').collect();
        (1..=parts.len()).any(|n| matches_components(&self.parts, &parts[..n]))
    }
}

fn matches_components(pattern: &[String], path: &[&str]) -> bool {
    match pattern.split_first() {
        None => path.is_empty(),
        Some((first, rest)) if first == "**" => (0..=path.len()).any(|n| matches_components(rest, &path[n..])),
        Some((first, rest)) => path
            .split_first()
            .is_some_and(|(part, others)| matches_component(first, part) && matches_components(rest, others)),
    }
}

/// Matches one component; it backtracks only to the last `*`, so that it is never exponential.
fn matches_component(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(c) if *c == '?' || *c == text[t] => {
                p += 1;
                t += 1;
            }
            _ => match star {
                Some((at, from)) => {
                    star = Some((at, from + 1));
                    p = at + 1;
                    t = from + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        for (pattern, path, expected) in [
            ("legacy", "legacy/a.cascade", true),
            ("legacy/", "flows/legacy/deep/a.cascade", true),
            ("legacy", "legacy_2/a.cascade", false),
            ("/legacy", "flows/legacy/a.cascade", false),
            ("/legacy", "legacy/a.cascade", true),
            ("flows/old", "flows/old/a.cascade", true),
            ("flows/old", "more/flows/old/a.cascade", false),
            ("**/old", "more/flows/old/a.cascade", true),
            ("*.gen.cascade", "flows/a.gen.cascade", true),
            ("*.gen.cascade", "flows/a.cascade", false),
            ("flows/*.cascade", "flows/a.cascade", true),
            ("flows/*.cascade", "flows/deep/a.cascade", false),
            ("flows/**/a.cascade", "flows/a.cascade", true),
            ("flows/**/a.cascade", "flows/x/y/a.cascade", true),
            ("a?.cascade", "ab.cascade", true),
            ("a?.cascade", "a.cascade", false),
            ("*a*b*", "xxaxxbxx", true),
            ("*a*b*", "xxbxxaxx", false),
        ] {
            assert_eq!(Pattern::parse(pattern).unwrap().matches(path), expected, "{pattern} on {path}");
        }
        for wrong in ["", "/", "!a", "a/../b"] {
            assert!(Pattern::parse(wrong).is_err(), "{wrong}");
        }
    }
}
