//! A clock that does not jump and that includes the time in which the machine sleeps.
//!
//! On most systems, the clock of the standard library stops while the machine sleeps. A token would then seem valid for
//! longer than it is, and a ticket would block others for too long.

#![allow(unsafe_code, reason = "the standard library does not read these clocks")]

use std::ops::{Add, AddAssign, Sub};
use std::time::Duration;

/// A point in time on that clock. Only moments of the same process can be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(Duration);

impl Moment {
    /// Later than any that is read.
    pub(crate) const LAST: Moment = Moment(Duration::MAX);

    /// Reads the clock.
    #[must_use]
    pub fn now() -> Moment {
        Moment(read())
    }

    /// The time since the machine was started, or since another fixed moment.
    pub(crate) fn since_boot(self) -> Duration {
        self.0
    }

    pub(crate) fn after_boot(time: Duration) -> Moment {
        Moment(time)
    }

    pub(crate) fn checked_add(self, time: Duration) -> Option<Moment> {
        self.0.checked_add(time).map(Moment)
    }

    pub(crate) fn saturating_duration_since(self, earlier: Moment) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

impl Add<Duration> for Moment {
    type Output = Moment;

    /// Saturates at the last moment.
    fn add(self, time: Duration) -> Moment {
        Moment(self.0.saturating_add(time))
    }
}

impl AddAssign<Duration> for Moment {
    fn add_assign(&mut self, time: Duration) {
        *self = *self + time;
    }
}

impl Sub for Moment {
    type Output = Duration;

    /// The time since an earlier moment; zero if it is later.
    fn sub(self, earlier: Moment) -> Duration {
        self.saturating_duration_since(earlier)
    }
}

#[cfg(all(unix, not(miri)))]
fn read() -> Duration {
    // A kernel either has the better clock or not, so the two are never mixed.
    time_of(BEST).or_else(|| time_of(libc::CLOCK_MONOTONIC)).unwrap_or_default()
}

#[cfg(any(target_os = "linux", target_os = "android"))]
const BEST: libc::clockid_t = libc::CLOCK_BOOTTIME;

/// The clock of mach_continuous_time().
#[cfg(target_vendor = "apple")]
const BEST: libc::clockid_t = libc::CLOCK_MONOTONIC_RAW;

#[cfg(all(unix, not(any(target_os = "linux", target_os = "android", target_vendor = "apple"))))]
const BEST: libc::clockid_t = libc::CLOCK_MONOTONIC;

#[cfg(all(unix, not(miri)))]
fn time_of(clock: libc::clockid_t) -> Option<Duration> {
    // SAFETY: all fields are integers, so zeros are valid; some platforms have more fields than the two below.
    let mut time: libc::timespec = unsafe { std::mem::zeroed() };
    // SAFETY: the pointer is valid.
    let known = unsafe { libc::clock_gettime(clock, &mut time) } == 0;
    known.then(|| Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0)))
}

/// The interrupt time, in milliseconds.
#[cfg(windows)]
fn read() -> Duration {
    #[link(name = "kernel32")]
    unsafe extern "system" {
        fn GetTickCount64() -> u64;
    }
    // SAFETY: it takes no argument and changes nothing.
    Duration::from_millis(unsafe { GetTickCount64() })
}

/// Other systems use the clock of the standard library.
#[cfg(any(miri, not(any(unix, windows))))]
fn read() -> Duration {
    use std::sync::OnceLock;
    use std::time::Instant;

    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed()
}

/// A number that changes each time the machine starts. Moments of processes are comparable if it is the same in both, and
/// the processes are in one time namespace. 0 if the system does not say it, as in a root directory without /proc.
pub(crate) fn boot() -> u64 {
    boot_id().and_then(|id| first_digits(&id)).unwrap_or(0)
}

/// The first 16 hexadecimal digits of a UUID.
fn first_digits(uuid: &str) -> Option<u64> {
    let digits: String = uuid.chars().filter(char::is_ascii_hexdigit).take(16).collect();
    u64::from_str_radix(&digits, 16).ok()
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn boot_id() -> Option<String> {
    use std::io::Read;

    let mut uuid = [0; 36];
    std::fs::File::open("/proc/sys/kernel/random/boot_id").ok()?.read_exact(&mut uuid).ok()?;
    Some(String::from_utf8_lossy(&uuid).into_owned())
}

#[cfg(all(target_vendor = "apple", not(miri)))]
fn boot_id() -> Option<String> {
    let mut uuid = [0_u8; 37];
    let mut len = uuid.len();
    // SAFETY: the name ends in NUL, and `len` is the size of the buffer.
    let result = unsafe {
        let name = c"kern.bootsessionuuid".as_ptr();
        libc::sysctlbyname(name, uuid.as_mut_ptr().cast(), &mut len, std::ptr::null_mut(), 0)
    };
    (result == 0).then(|| String::from_utf8_lossy(&uuid).into_owned())
}

/// The number of this start in the page that the kernel shares with every process.
#[cfg(all(windows, not(miri)))]
fn boot_id() -> Option<String> {
    const KUSER_SHARED_DATA_BOOT_ID: usize = 0x7ffe_02c4;
    // SAFETY: the page is at this address in each process, and readable.
    let id = unsafe { std::ptr::with_exposed_provenance::<u32>(KUSER_SHARED_DATA_BOOT_ID).read_volatile() };
    Some(format!("{id:x}"))
}

#[cfg(not(any(
    target_os = "linux",
    target_os = "android",
    all(target_vendor = "apple", not(miri)),
    all(windows, not(miri))
)))]
fn boot_id() -> Option<String> {
    None
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Moment, boot, first_digits};

    #[test]
    fn a_boot_has_a_number() {
        assert_eq!(boot(), boot());
        assert_eq!(boot() != 0, cfg!(all(any(target_os = "linux", target_vendor = "apple"), not(miri))));
        assert_eq!(first_digits("d21d3e3b-4f6c-4d5e-9ad1-0123456789ab\n"), Some(0xd21d_3e3b_4f6c_4d5e));
        assert_eq!(first_digits("2A"), Some(42));
        assert_eq!(first_digits(""), None);
    }

    #[test]
    fn it_advances() {
        let before = Moment::now();
        std::thread::sleep(Duration::from_millis(20));
        let passed = Moment::now() - before;
        assert!((Duration::from_millis(4)..Duration::from_secs(100)).contains(&passed), "{passed:?}");
        assert_eq!(before - Moment::now(), Duration::ZERO);
    }

    #[test]
    fn adding_saturates() {
        assert_eq!(Moment::now() + Duration::MAX, Moment(Duration::MAX));
        assert_eq!(Moment::now().checked_add(Duration::MAX), None);
    }

    /// The kernel's uptime includes sleep.
    #[test]
    #[cfg(all(target_os = "linux", not(miri)))]
    fn it_is_the_uptime() {
        let text = std::fs::read_to_string("/proc/uptime").unwrap();
        let up: f64 = text.split(' ').next().unwrap().parse().unwrap();
        assert!((Moment::now().0.as_secs_f64() - up).abs() < 5.0);
    }
}
