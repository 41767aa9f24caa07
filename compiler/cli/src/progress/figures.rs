//! Times, tokens and money as people read them.

/// `0.4s`, `12.3s`, `2m05s`, `1h02m`.
pub fn duration_text(ms: u64) -> String {
    match ms {
        0..1_000 => format!("{ms}ms"),
        1_000..60_000 => format!("{:.1}s", ms as f64 / 1000.0),
        60_000..3_600_000 => format!("{}m{:02}s", ms / 60_000, ms / 1000 % 60),
        _ => format!("{}h{:02}m", ms / 3_600_000, ms / 60_000 % 60),
    }
}

/// A time without parts of seconds: `0s`, `12s`, `2m05s`.
pub fn rough_time(ms: u64) -> String {
    match ms {
        0..60_000 => format!("{}s", ms / 1000),
        _ => duration_text(ms),
    }
}

/// `850`, `1.2k`, `3.4M`.
pub fn short_count(n: u64) -> String {
    match n {
        0..1_000 => n.to_string(),
        1_000..1_000_000 => format!("{:.1}k", n as f64 / 1e3),
        _ => format!("{:.1}M", n as f64 / 1e6),
    }
}

/// Millionths of a dollar as `$0.0034`: cents, and two more digits below a dollar.
pub fn dollars(micro: i64) -> String {
    let dollars = micro as f64 / 1e6;
    if dollars.abs() >= 1.0 { format!("${dollars:.2}") } else { format!("${dollars:.4}") }
}

/// "1.2s, 2 attempts, 1.2k tokens, $0.0034": what there is of it.
pub fn stage_figures(ms: u64, attempts: u32, tokens: u64, cost: i64) -> String {
    let mut out = vec![duration_text(ms)];
    if attempts > 1 {
        out.push(format!("{attempts} attempts"));
    }
    if tokens > 0 {
        out.push(format!("{} tokens", short_count(tokens)));
    }
    if cost > 0 {
        out.push(dollars(cost));
    }
    out.join(", ")
}
