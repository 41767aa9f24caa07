//! Instants as text.
//!
//! Time zones come with the program, so that a run gives the same text on every machine.

use jiff::{
    Timestamp,
    fmt::strtime,
    tz::{TimeZone, TimeZoneDatabase},
};

/// An instant as RFC 3339 in UTC: `2026-03-01T12:00:00Z`, with milliseconds where they are not zero.
pub fn format_time(ms: i64) -> String {
    Timestamp::from_millisecond(ms).map_or_else(|_| ms.to_string(), |time| time.to_string())
}

/// Milliseconds since 1970 of an RFC 3339 text with its offset; `None` for anything else. A fraction of a
/// millisecond is dropped.
pub fn parse_time(text: &str) -> Option<i64> {
    text.trim().parse::<Timestamp>().ok().map(Timestamp::as_millisecond)
}

/// An instant in a time zone, by the pattern of `strftime`.
///
/// # Errors
/// When there is no such zone, or the pattern cannot be read.
pub fn format_time_as(ms: i64, pattern: &str, zone: &str) -> Result<String, String> {
    let time = Timestamp::from_millisecond(ms).map_err(|error| error.to_string())?;
    let zone = match zone {
        "UTC" => TimeZone::UTC,
        name => TimeZoneDatabase::bundled()
            .get(name)
            .map_err(|_| format!("there is no time zone `{name}`; zones are named like `Europe/Berlin`"))?,
    };
    strtime::format(pattern, &time.to_zoned(zone)).map_err(|error| format!("the pattern `{pattern}`: {error}"))
}
