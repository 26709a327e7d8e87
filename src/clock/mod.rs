//! Times, and the correction of a clock that is wrong.

use std::sync::atomic::{AtomicI64, Ordering};

use std::time::{SystemTime, UNIX_EPOCH};

use crate::error::{Error, Result};

mod moment;

pub use moment::Moment;
pub(crate) use moment::boot;

/// Values from here on must be milliseconds: 10^11 s is in the year 5138, 10^11 ms in 1973.
const TIME_LIMIT: i64 = 100_000_000_000;

/// The largest correction, and the largest tolerance: one day, in seconds.
pub(crate) const DAY: i64 = 86_400;

/// Returns the time unchanged if it can be Unix seconds.
pub(crate) fn unix_seconds(time: i64) -> Result<i64> {
    if (0..TIME_LIMIT).contains(&time) { Ok(time) } else { Err(Error::InvalidTime) }
}

/// Reads seconds as JSON writes a number, also `1474673195.0` or `1.474673195e9`, as Python's json writes times. A
/// fraction is dropped. `None` if it is no number, or too large. Floating point would make the library 5% larger.
pub(crate) fn parse_seconds(text: &str) -> Option<i64> {
    let (number, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let digits = whole.strip_prefix(['-', '+']).unwrap_or(whole);
    if [digits, fraction].iter().any(|part| part.is_empty() || !part.bytes().all(|byte| byte.is_ascii_digit())) {
        return None;
    }
    let places = i64::try_from(digits.len()).ok()? + i64::from(exponent.parse::<i32>().ok()?);
    let mut rest = digits.bytes().chain(fraction.bytes());
    let mut seconds: i64 = 0;
    for _ in 0..places {
        let digit = match rest.next() {
            Some(digit) => digit - b'0',
            None if seconds == 0 => break, // or `0e999999999` would take a second
            None => 0,
        };
        seconds = seconds.checked_mul(10)?.checked_add(digit.into())?;
    }
    Some(if whole.starts_with('-') { -seconds } else { seconds })
}

/// The time of this machine's clocks.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    /// Unix seconds, for expiries and timestamps. This clock can jump.
    pub unix: i64,
    /// For durations. This clock can't jump, and includes the time in which the machine sleeps.
    pub monotonic: Moment,
}

impl Now {
    /// Reads both clocks.
    #[must_use]
    pub fn read() -> Now {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Now { unix: i64::try_from(since.as_secs()).unwrap_or(i64::MAX), monotonic: Moment::now() }
    }

    /// Adds an offset in seconds to the Unix time.
    pub(crate) fn corrected(self, offset: i64) -> Now {
        Now { unix: self.unix.saturating_add(offset), ..self }
    }
}

/// The seconds to add to this machine's clock to get the server's time. Any thread may read or set it.
#[derive(Default)]
pub(crate) struct ClockOffset(AtomicI64);

impl ClockOffset {
    pub(crate) fn get(&self) -> i64 {
        // Relaxed: the number guards no other data.
        self.0.load(Ordering::Relaxed)
    }

    /// Sets it if it still has the value `seen`.
    pub(crate) fn replace(&self, seen: i64, seconds: i64) -> Result<bool> {
        ClockOffset::check(seconds)?;
        Ok(self.0.compare_exchange(seen, seconds, Ordering::Relaxed, Ordering::Relaxed).is_ok())
    }

    fn check(seconds: i64) -> Result<()> {
        if (-DAY..=DAY).contains(&seconds) { Ok(()) } else { Err(Error::InvalidArgument) }
    }

    pub(crate) fn set(&self, seconds: i64) -> Result<()> {
        ClockOffset::check(seconds)?;
        self.0.store(seconds, Ordering::Relaxed);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{ClockOffset, parse_seconds, unix_seconds};
    use crate::error::Error;

    #[test]
    fn seconds_are_read_in_every_form_of_a_json_number() {
        for (text, seconds) in [
            ("0", 0),
            ("-5", -5),
            ("007", 7),
            ("+7", 7),
            ("1542388283", 1_542_388_283),
            ("1542388283.0", 1_542_388_283),
            ("1542388283.999", 1_542_388_283),
            ("1.5e9", 1_500_000_000),
            ("1.542388283E+9", 1_542_388_283),
            ("1.5423882839e9", 1_542_388_283),
            ("15423882830e-1", 1_542_388_283),
            ("9e-1", 0),
            ("9e-99", 0),
            ("0e2147483647", 0),
            ("9223372036854775807", i64::MAX),
        ] {
            assert_eq!(parse_seconds(text), Some(seconds), "{text}");
        }
        for text in [
            "",
            ".",
            "-",
            "1.",
            ".5",
            "e9",
            "1e",
            "1e1.5",
            "1e+-1",
            "--1",
            "-+1",
            "1 ",
            "0x1",
            "1_0",
            "NaN",
            "nan",
            "Infinity",
            "-Infinity",
            "inf",
            "9223372036854775808",
            "1e19",
            "1e2147483647",
            "1e99999999999999999999",
            "\u{661}",
        ] {
            assert_eq!(parse_seconds(text), None, "{text}");
        }
        let long = format!("0.{}1e1000001", "0".repeat(1_000_000));
        assert_eq!(parse_seconds(&long), Some(1));
    }

    #[test]
    fn a_time_is_in_seconds() {
        for good in [0, 1, 1_513_703_787, 99_999_999_999] {
            assert_eq!(unix_seconds(good), Ok(good));
        }
        for bad in [-1, i64::MIN, 100_000_000_000, 1_513_703_787_000, i64::MAX] {
            assert_eq!(unix_seconds(bad), Err(Error::InvalidTime));
        }
    }

    #[test]
    fn an_offset_is_at_most_a_day() {
        let offset = ClockOffset::default();
        for good in [-86_400, 86_400, 0, 42] {
            offset.set(good).unwrap();
            assert_eq!(offset.get(), good);
        }
        for bad in [-86_401, 86_401, i64::MIN, i64::MAX] {
            assert_eq!(offset.set(bad), Err(Error::InvalidArgument));
            assert_eq!(offset.get(), 42);
        }
    }
}
