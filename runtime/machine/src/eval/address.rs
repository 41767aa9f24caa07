//! Checks addresses: a value in an address cannot change which resource it names.

use std::ops::Range;

use super::Result;
use crate::failure::fail;

/// Refuses values that make a path segment `.` or `..`, since the address would then name something
/// outside of the path that the program states. Within a segment values are percent-encoded, `/` too.
pub(super) fn check_segments(address: &str, values: &[Range<usize>]) -> Result<()> {
    let path_end = address.find(['?', '#']).unwrap_or(address.len());
    for value in values.iter().filter(|value| value.start <= path_end) {
        let start = address[..value.start].rfind('/').map_or(0, |slash| slash + 1);
        let end =
            address[value.end..path_end.max(value.end)].find('/').map_or(path_end.max(value.end), |i| i + value.end);
        // Servers decode `%2e` to a dot.
        let segment = address[start..end].to_ascii_lowercase().replace("%2e", ".");
        if segment == "." || segment == ".." {
            fail!("a value makes `{segment}` a segment of the address, which would ask for another path");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether an address is accepted; the value is marked by bars.
    fn is_good(marked: &str) -> bool {
        let (mut address, mut values, mut open) = (String::new(), Vec::new(), None);
        for c in marked.chars() {
            match (c, open) {
                ('|', None) => open = Some(address.len()),
                ('|', Some(start)) => {
                    values.push(start..address.len());
                    open = None;
                }
                _ => address.push(c),
            }
        }
        check_segments(&address, &values).is_ok()
    }

    #[test]
    fn a_value_is_one_segment_that_stays_below() {
        for good in [
            "https://h/users/|7|/sessions",
            "https://h/|a.b|",
            "https://h/v|..|",
            "https://h/x?q=|..|",
            "https://h/|...|",
            "https://h/a/../|b|",
            "https://h/#|..|",
        ] {
            assert!(is_good(good), "{good}");
        }
        for bad in [
            "https://h/users/|..|/sessions",
            "https://h/|.|",
            "https://h/|.||.|/x",
            "https://h/.|.|",
            "https://h/%2E|.|?q=1",
            "https://h/|..|?q=1",
        ] {
            assert!(!is_good(bad), "{bad}");
        }
    }
}
