//! Durations and money as text.

const UNITS: [(&str, i64); 6] =
    [("w", 7 * 86_400_000), ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// `90_000` as `1m30s`; weeks are written as days.
pub fn format_duration(ms: i64) -> String {
    if ms == 0 {
        return "0s".to_owned();
    }
    let mut out = String::new();
    if ms < 0 {
        out.push('-');
    }
    let mut rest = ms.unsigned_abs();
    for (unit, size) in &UNITS[1..] {
        let n = rest / size.unsigned_abs();
        if n > 0 {
            out.push_str(&format!("{n}{unit}"));
            rest %= size.unsigned_abs();
        }
    }
    out
}

/// Milliseconds of `1m30s`, `250ms`, `1.5h`; `None` if the text is not a duration or the duration is
/// too long.
pub fn parse_duration(text: &str) -> Option<i64> {
    let text = text.trim();
    let (sign, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text),
    };
    if rest.is_empty() {
        return None;
    }
    let mut total = 0i64;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !(c.is_ascii_digit() || c == '.' || c == '_'))?;
        let (number, tail) = rest.split_at(digits);
        let unit_len = tail.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(unit_len);
        let size = UNITS.iter().find(|(name, _)| *name == unit)?.1;
        let number = number.replace('_', "");
        let part = match number.parse::<i64>() {
            Ok(n) => n.checked_mul(size)?,
            Err(_) => whole_number(number.parse::<f64>().ok()? * size as f64)?,
        };
        total = total.checked_add(part)?;
        rest = tail.trim_start();
    }
    Some(sign * total)
}

/// `500_000` as `0.50usd`: two decimals, more if needed.
pub fn format_money(micro: i64) -> String {
    let (sign, abs) = if micro < 0 { ("-", micro.unsigned_abs()) } else { ("", micro.unsigned_abs()) };
    let mut decimals = format!("{:06}", abs % 1_000_000);
    while decimals.len() > 2 && decimals.ends_with('0') {
        decimals.pop();
    }
    format!("{sign}{}.{decimals}usd", abs / 1_000_000)
}

/// Millionths of `0.50usd`, `$0.50`, `0.50`; `None` if it is not an amount.
pub fn parse_money(text: &str) -> Option<i64> {
    let text = text.trim();
    let text = text.strip_suffix("usd").or_else(|| text.strip_suffix("USD")).unwrap_or(text);
    let text = text.trim().strip_prefix('$').unwrap_or(text.trim()).replace('_', "");
    let well_formed = text.strip_prefix('-').unwrap_or(&text);
    if well_formed.is_empty() || !well_formed.chars().all(|c| c.is_ascii_digit() || c == '.') {
        return None;
    }
    whole_number(text.parse::<f64>().ok()? * 1e6)
}

/// The nearest integer, if it fits into 64 bits.
pub(crate) fn whole_number(x: f64) -> Option<i64> {
    let x = x.round();
    (-9.2e18..=9.2e18).contains(&x).then_some(x as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_go_both_ways() {
        for (ms, text) in [(0, "0s"), (250, "250ms"), (90_000, "1m30s"), (604_800_000, "7d"), (-1_500, "-1s500ms")] {
            assert_eq!(format_duration(ms), text);
            assert_eq!(parse_duration(text), Some(ms));
        }
        assert_eq!(parse_duration("1.5h"), Some(5_400_000));
        assert_eq!(parse_duration("2w"), Some(1_209_600_000));
        for bad in ["", "5", "m5", "5 parsecs", "9999999999999w", "-", "."] {
            assert_eq!(parse_duration(bad), None, "{bad}");
        }
    }

    #[test]
    fn money_goes_both_ways() {
        for (micro, text) in [(500_000, "0.50usd"), (5_000_000, "5.00usd"), (1, "0.000001usd"), (-25_000, "-0.025usd")]
        {
            assert_eq!(format_money(micro), text);
            assert_eq!(parse_money(text), Some(micro));
        }
        assert_eq!(parse_money("$3"), Some(3_000_000));
        assert_eq!(parse_money("3 eur"), None);
        assert_eq!(parse_money("inf"), None);
    }
}
