//! Times of the clock, as they are printed.

use cascade_runtime::journal::now_ms;
use jiff::Timestamp;

/// Milliseconds since 1970 as a time of the local clock.
pub fn clock_text(ms: i64) -> String {
    match Timestamp::from_millisecond(ms) {
        Ok(at) => at.to_zoned(jiff::tz::TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S").to_string(),
        Err(_) => format!("{ms} ms"),
    }
}

/// The time of the local clock in so many milliseconds.
pub fn clock_in(ms: u64) -> String {
    clock_text(now_ms().saturating_add_unsigned(ms))
}

/// A duration as the language writes it (`30d`, `12h`), in milliseconds.
pub fn parse_duration(text: &str) -> Result<i64, String> {
    let wrong = || format!("`{text}` is no duration; write `30d`, `12h`, `15m`");
    let digits = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
    let number: i64 = text[..digits].parse().map_err(|_| wrong())?;
    let unit = match &text[digits..] {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(wrong()),
    };
    number.checked_mul(unit).ok_or_else(wrong)
}
