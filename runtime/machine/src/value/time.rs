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
    let zone = find_zone(zone)?;
    strtime::format(pattern, &time.to_zoned(zone)).map_err(|error| format!("the pattern `{pattern}`: {error}"))
}

/// A time zone by its name. Zones are those of the program, not of the machine, so that a recorded run gives the same.
///
/// # Errors
/// When there is no such zone.
fn find_zone(name: &str) -> Result<TimeZone, String> {
    match name {
        "UTC" => Ok(TimeZone::UTC),
        name => TimeZoneDatabase::bundled()
            .get(name)
            .map_err(|_| format!("there is no time zone `{name}`; zones are named like `Europe/Berlin`")),
    }
}

/// Milliseconds since 1970 of a text, by the pattern of `strptime`. Where the text has no offset, it is a time of the zone,
/// and where it has no time of day, the beginning of the day.
///
/// # Errors
/// When there is no such zone, the pattern cannot be read, or the text does not fit it or is no day.
pub fn parse_time_as(text: &str, pattern: &str, zone: &str) -> Result<i64, String> {
    let zone = find_zone(zone)?;
    let wrong = |error: jiff::Error| format!("`{text}` does not fit `{pattern}`: {error}");
    let parsed = strtime::parse(pattern, text.trim()).map_err(wrong)?;
    if parsed.offset().is_some() {
        return parsed.to_timestamp().map(Timestamp::as_millisecond).map_err(wrong);
    }
    let time = match parsed.hour() {
        Some(_) => parsed.to_datetime().map_err(wrong)?,
        None => parsed.to_date().map_err(wrong)?.at(0, 0, 0, 0),
    };
    zone.to_timestamp(time).map(Timestamp::as_millisecond).map_err(wrong)
}
