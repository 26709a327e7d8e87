//! The record of a family: since when the renewal lock's holder has a ticket, and the pauses.

use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::clock::{Moment, Now};
use crate::token::state::Pauses;

/// All records have this length, so that one takes exactly the room of the one before.
pub(super) const LEN: usize = 256;

/// Hexadecimal digits of the checksum: a reader without the lock may see half a record.
const CHECK: usize = 16;

const VERSION: &str = "TCR1";

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Record {
    /// Moments of another boot mean nothing.
    pub(crate) boot: u64,
    /// When the ticket was handed out; `None` if none is.
    pub(crate) started: Option<Moment>,
    pub(crate) pauses: Pauses,
}

impl Record {
    /// When the ticket was handed out, if that can be true.
    pub(crate) fn start(&self, now: Now) -> Option<Moment> {
        self.started.filter(|&started| started <= now.monotonic)
    }

    /// A line of text, padded with spaces, so that a person can read it.
    pub(crate) fn to_bytes(self) -> Vec<u8> {
        let Pauses { generation, failures, until, rejections, last_rejection, counted: (counted, expires) } =
            self.pauses;
        let [started, until, last_rejection] = [self.started, until, last_rejection].map(nanoseconds);
        let fields = format!(
            "{VERSION} {} {started} {generation} {failures} {until} {rejections} {last_rejection} {counted} \
             {expires}",
            self.boot
        );
        let line = format!("{fields} {}", checksum(&fields));
        format!("{line:width$}\n", width = LEN - 1).into_bytes()
    }

    /// What can't be read is as if it were not there.
    pub(crate) fn parse(bytes: &[u8]) -> Record {
        Record::read(bytes).unwrap_or_default()
    }

    fn read(bytes: &[u8]) -> Option<Record> {
        let text = str::from_utf8(bytes).ok()?.trim_end();
        let (fields, check) = text.rsplit_once(' ')?;
        let numbers = fields.strip_prefix(VERSION)?.strip_prefix(' ')?;
        if checksum(fields) != check {
            return None;
        }
        let mut numbers = numbers.split(' ').map(|number| number.parse::<u64>().ok());
        let mut next = || numbers.next().flatten();
        let small = |number: u64| u32::try_from(number).ok();
        Some(Record {
            boot: next()?,
            started: moment(next()?),
            pauses: Pauses {
                generation: next()?,
                failures: small(next()?)?,
                until: moment(next()?),
                rejections: small(next()?)?,
                last_rejection: moment(next()?),
                counted: (next()?, i64::try_from(next()?).ok()?),
            },
        })
    }
}

/// 0 for none: the clock starts when the machine does, long before this code runs.
fn nanoseconds(moment: Option<Moment>) -> u64 {
    moment.map_or(0, |moment| u64::try_from(moment.since_boot().as_nanos()).unwrap_or(u64::MAX))
}

fn moment(nanoseconds: u64) -> Option<Moment> {
    (nanoseconds > 0).then(|| Moment::after_boot(Duration::from_nanos(nanoseconds)))
}

fn checksum(fields: &str) -> String {
    let digest = Sha256::digest(fields.as_bytes());
    digest.iter().take(CHECK / 2).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{LEN, Record};
    use crate::clock::Moment;
    use crate::token::state::Pauses;

    fn full() -> Record {
        let moment = |seconds| Some(Moment::after_boot(Duration::from_secs(seconds)));
        let pauses = Pauses {
            generation: u64::MAX,
            failures: u32::MAX,
            until: moment(u64::MAX / 1_000_000_000),
            rejections: u32::MAX,
            last_rejection: moment(3),
            counted: (u64::MAX, i64::MAX),
        };
        Record { boot: u64::MAX, started: moment(1), pauses }
    }

    #[test]
    fn every_record_has_the_same_length_and_can_be_read() {
        for record in [Record::default(), full()] {
            let bytes = record.to_bytes();
            assert_eq!(bytes.len(), LEN);
            assert_eq!(Record::parse(&bytes), record);
        }
    }

    #[test]
    fn half_a_record_is_none() {
        let (old, new) = (Record::default().to_bytes(), full().to_bytes());
        for at in 1..LEN {
            let torn = [&new[..at], &old[at..]].concat();
            let read = Record::parse(&torn);
            assert!(read == Record::default() || torn == new, "{at}");
            assert_eq!(
                Record::parse(&new[..at]),
                if new[at..].trim_ascii().is_empty() { full() } else { Record::default() }
            );
        }
        assert_eq!(Record::parse(b"\xff"), Record::default());
        assert_eq!(Record::parse(b""), Record::default());
    }
}
