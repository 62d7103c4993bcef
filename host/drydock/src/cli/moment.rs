//! Times as people read and write them. Everything is in milliseconds, moments since 1970.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Now, in milliseconds since 1970.
pub fn now() -> i64 {
    milliseconds(SystemTime::now())
}

/// `at` seen from `now`: "3 s ago", "in 2 h", "now" within half a second.
pub fn relative(now: i64, at: i64) -> String {
    let distance = at.saturating_sub(now);
    if distance.unsigned_abs() < 500 {
        "now".into()
    } else if distance < 0 {
        format!("{} ago", span(distance.saturating_neg()))
    } else {
        format!("in {}", span(distance))
    }
}

/// A length of time, rounded, in its largest unit of which there are at least two: "90 s", "36 h". Below a second in
/// milliseconds.
pub fn span(milliseconds: i64) -> String {
    const UNITS: [(&str, i64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("min", 60_000), ("s", 1_000), ("ms", 1)];
    let length = milliseconds.max(0);
    if length < 950 {
        return format!("{length} ms");
    }
    let (name, unit) = UNITS
        .windows(2)
        // What rounds to two of the larger unit in the smaller one is two of the larger.
        .find(|pair| length.saturating_add(pair[1].1 / 2) >= 2 * pair[0].1)
        .map_or(("s", 1_000), |pair| pair[0]);
    format!("{} {name}", length.saturating_add(unit / 2) / unit)
}

/// `at` on the clock, in UTC with milliseconds: "2026-11-24T08:30:12.345Z".
pub fn clock(at: i64) -> String {
    let moment = UNIX_EPOCH + Duration::from_millis(u64::try_from(at).unwrap_or(0));
    // The formatter refuses years after 9999; the bare number says it then.
    if at < 253_402_300_800_000 { humantime::format_rfc3339_millis(moment).to_string() } else { at.to_string() }
}

/// A length of time as a flag's value: "90s", "10m", "1h 30m", "2days"; more than nothing and at most ten years.
pub fn parse_span(text: &str) -> Result<Duration, String> {
    let length = humantime::parse_duration(text.trim())
        .map_err(|error| format!("{error}; write a length of time like 90s, 10m or 1h30m"))?;
    if length.is_zero() {
        return Err("it must be more than nothing".into());
    }
    if length > Duration::from_secs(10 * 366 * 86_400) {
        return Err("it must be at most ten years".into());
    }
    Ok(length)
}

/// When something ends, as a flag's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// So long from now.
    In(Duration),
    /// At this moment, in milliseconds since 1970.
    At(i64),
}

impl End {
    /// The moment, seen from `now`.
    pub fn moment(self, now: i64) -> i64 {
        match self {
            End::In(length) => now.saturating_add(whole_milliseconds(length)),
            End::At(at) => at,
        }
    }
}

/// "2h" from now, or a moment like 2026-11-24T18:00:00Z, which must lie ahead.
pub fn parse_end(text: &str) -> Result<End, String> {
    if let Ok(moment) = humantime::parse_rfc3339_weak(text.trim()) {
        let at = milliseconds(moment);
        return if at > now() { Ok(End::At(at)) } else { Err(format!("{} is over", clock(at))) };
    }
    match parse_span(text) {
        Ok(length) => Ok(End::In(length)),
        Err(why) if text.starts_with(|c: char| c.is_ascii_digit()) && !text.contains('-') => Err(why),
        Err(_) => Err("write a length of time like 2h, or a moment in UTC like 2026-11-24T18:00:00Z".into()),
    }
}

/// A moment as a flag's value, in milliseconds since 1970: "2h" ago, or one like 2026-11-24T18:00:00Z.
pub fn parse_since(text: &str) -> Result<i64, String> {
    if let Ok(moment) = humantime::parse_rfc3339_weak(text.trim()) {
        return Ok(milliseconds(moment));
    }
    match parse_span(text) {
        Ok(length) => Ok(now() - whole_milliseconds(length)),
        Err(why) if text.starts_with(|c: char| c.is_ascii_digit()) && !text.contains('-') => Err(why),
        Err(_) => Err("write how long ago, like 2h, or a moment in UTC like 2026-11-24T18:00:00Z".into()),
    }
}

/// A length in whole milliseconds, as the API has them.
pub fn whole_milliseconds(length: Duration) -> i64 {
    i64::try_from(length.as_millis()).unwrap_or(i64::MAX)
}

fn milliseconds(moment: SystemTime) -> i64 {
    moment.duration_since(UNIX_EPOCH).map_or(0, whole_milliseconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_told_from_now() {
        let now = 1_800_000_000_000;
        for (distance, told) in [
            (0, "now"),
            (-499, "now"),
            (-700, "700 ms ago"),
            (-960, "1 s ago"),
            (-3_200, "3 s ago"),
            (-119_000, "119 s ago"),
            (-120_000, "2 min ago"),
            (7_200_000, "in 2 h"),
            (7_195_000, "in 2 h"),
            (2 * 3_600_000 - 60_000, "in 119 min"),
            (47 * 3_600_000, "in 47 h"),
            (-48 * 3_600_000, "2 d ago"),
            (-400 * 86_400_000, "400 d ago"),
        ] {
            assert_eq!(relative(now, now + distance), told, "{distance} ms");
        }
        assert!(relative(i64::MAX, i64::MIN).ends_with(" ago"));
    }

    #[test]
    fn the_clock_is_utc() {
        assert_eq!(clock(1_795_509_012_345), "2026-11-24T08:30:12.345Z");
        assert_eq!(clock(i64::MAX), i64::MAX.to_string());
        assert_eq!(clock(-5), "1970-01-01T00:00:00.000Z");
    }

    #[test]
    fn spans_are_bounded() {
        assert_eq!(parse_span("10m"), Ok(Duration::from_secs(600)));
        assert_eq!(parse_span(" 1h 30m "), Ok(Duration::from_secs(5_400)));
        assert!(parse_span("0s").is_err_and(|why| why.contains("more than nothing")));
        assert!(parse_span("11years").is_err_and(|why| why.contains("ten years")));
        assert!(parse_span("ten").is_err_and(|why| why.contains("90s, 10m or 1h30m")));
        assert!(parse_span("-1h").is_err());
        assert!(parse_span("").is_err());
        assert!(parse_span("99999999999999999999h").is_err());
    }

    #[test]
    fn a_past_moment_is_a_length_ago_or_a_moment() {
        let ago = now() - parse_since("2h").unwrap();
        assert!((7_200_000..7_260_000).contains(&ago), "{ago}");
        assert_eq!(parse_since("2026-11-24T08:30:12Z"), Ok(1_795_509_012_000));
        assert!(parse_since("yesterday").is_err_and(|why| why.contains("like 2h")));
        assert!(parse_since("5 parsecs").is_err_and(|why| why.contains("90s")));
    }

    #[test]
    fn an_end_is_a_length_or_a_moment() {
        assert_eq!(parse_end("2h"), Ok(End::In(Duration::from_secs(7_200))));
        assert_eq!(End::In(Duration::from_secs(2)).moment(1_000), 3_000);
        let ahead = now() + 3_600_000;
        let whole = ahead / 1_000 * 1_000;
        assert_eq!(parse_end(&clock(whole)), Ok(End::At(whole)));
        assert_eq!(End::At(5).moment(1_000), 5);
        assert!(parse_end("2001-01-01T00:00:00Z").is_err_and(|why| why.contains("is over")));
        assert!(parse_end("tomorrow").is_err_and(|why| why.contains("2026-11-24T18:00:00Z")));
        assert!(parse_end("2099-13-01T00:00:00Z").is_err_and(|why| why.contains("moment in UTC")));
        assert!(parse_end("5 parsecs").is_err_and(|why| why.contains("90s")));
    }
}
