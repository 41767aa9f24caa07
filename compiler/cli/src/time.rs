//! Times of the clock, as they are printed.

use jiff::Timestamp;

/// Milliseconds since 1970 as a time of the local clock.
pub fn clock(ms: i64) -> String {
    match Timestamp::from_millisecond(ms) {
        Ok(at) => at.to_zoned(jiff::tz::TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S").to_string(),
        Err(_) => format!("{ms} ms"),
    }
}
