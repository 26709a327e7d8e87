//! The C ABI. Every export reads its arguments, calls the core, and hands over the result.
//!
//! Pointers that may be NULL are an `Option`, or raw and checked here. Handles may be shared between threads, so they
//! are never borrowed as `&mut`, even if the parameter is not `const` in C.

#![allow(non_camel_case_types, reason = "the names of the C types")]
// The header states the safety rules for callers; each `unsafe fn` here relies on all of them.
#![allow(clippy::missing_safety_doc)]

#[cfg(not(panic = "unwind"))]
compile_error!("build with panic = \"unwind\": only then a panic can become a status");

// In the order of the header; the blank lines stop rustfmt from sorting.
mod time;

mod auth;

mod header_list;

mod token;

mod ticket;

mod review;

mod seal;

mod url;

mod credentials;

mod string;

mod status;

mod library;

mod cancel;
#[cfg(test)]
mod panics;

use std::ffi::{CStr, c_char};
use std::mem::MaybeUninit;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::slice;

use crate::secret::residue::{cleared, wiped};
use cancel::Uncancelled;
use status::{Result, Status};

/// Stack bytes that are overwritten after a call; tests/residue checks that this is enough.
const CALL_STACK: usize = 10 << 10;

/// Runs the body of an export, and wipes what it has left on the stack and in registers.
fn guard(body: impl FnOnce() -> Result<()>) -> Status {
    wiped::<CALL_STACK, _>(|| caught(body))
}

/// The same, without thread cancellation, for an export that may read a file or take a lock. (A quick one that takes a lock
/// uses `Uncancelled` itself.)
fn guard_to_the_end(body: impl FnOnce() -> Result<()>) -> Status {
    wiped::<CALL_STACK, _>(|| {
        let _uncancelled = Uncancelled::new();
        caught(body)
    })
}

/// The same for an export that is called for each request, or that handles no secret: it clears only the registers. Where
/// the core puts a secret on the stack in such a call, it must use `wiped` itself.
fn guard_quick(body: impl FnOnce() -> Result<()>) -> Status {
    let status = cleared(|| caught(body));
    if status == Status::Panic {
        wiped::<CALL_STACK, _>(|| {}); // the panic may have skipped the core's own `wiped`
    }
    status
}

/// Turns a panic into a status, because unwinding into C is undefined behaviour.
fn caught(body: impl FnOnce() -> Result<()>) -> Status {
    // A panic can interrupt building a URL, whose string stays valid, or a renewal, whose ticket lapses.
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(())) => Status::Ok,
        Ok(Err(status)) => status,
        Err(_) => Status::Panic,
    }
}

/// A pointer that must not be NULL.
fn required<T>(pointer: Option<T>) -> Result<T> {
    pointer.ok_or(Status::NullArgument)
}

/// Gives a new object to the caller, who frees it.
fn hand_over<T>(out: &mut MaybeUninit<*mut T>, value: T) {
    out.write(Box::into_raw(Box::new(value)));
}

/// The bytes of a C string, without its NUL.
unsafe fn c_str<'a>(string: *const c_char) -> Result<&'a [u8]> {
    // SAFETY: the caller passes NULL or a string that ends in NUL and stays unchanged during the call.
    unsafe { c_str_or_null(string) }.ok_or(Status::NullArgument)
}

/// The same for a string that may be NULL.
unsafe fn c_str_or_null<'a>(string: *const c_char) -> Option<&'a [u8]> {
    // SAFETY: as above; NULL is not read.
    (!string.is_null()).then(|| unsafe { CStr::from_ptr(string) }.to_bytes())
}

/// The bytes of a `(ptr, len)` input. A length of 0 is empty, whatever the pointer.
unsafe fn bytes<'a>(start: *const c_char, len: usize) -> Result<&'a [u8]> {
    if len == 0 {
        return Ok(&[]);
    }
    if start.is_null() {
        return Err(Status::NullArgument);
    }
    if isize::try_from(len).is_err() {
        return Err(Status::InvalidArgument); // no object is that large
    }
    // SAFETY: the caller passes the start of `len` readable bytes that stay unchanged during the call.
    Ok(unsafe { slice::from_raw_parts(start.cast(), len) })
}

/// The caller's buffer, for a text whose length the caller may not know.
struct Buffer {
    start: *mut c_char,
    capacity: usize,
}

impl Buffer {
    /// NULL with a capacity of 0 has no room for any text.
    fn new(start: *mut c_char, capacity: usize) -> Result<Buffer> {
        if start.is_null() && capacity > 0 {
            return Err(Status::NullArgument);
        }
        Ok(Buffer { start, capacity })
    }

    /// The first `len` bytes, which the caller has to fill, with a NUL after them; an error if there is no room.
    #[inline(always)]
    unsafe fn text<'a>(self, len: usize) -> Result<&'a mut [u8]> {
        if len >= self.capacity {
            return Err(Status::BufferTooSmall);
        }
        let start = self.start.cast::<u8>();
        // SAFETY: the caller owns `capacity` writable bytes from `start` on, which overlap no input.
        unsafe {
            start.add(len).write(0);
            Ok(slice::from_raw_parts_mut(start, len))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Status, bytes, c_str, guard};
    use std::ptr;

    #[test]
    fn a_panic_becomes_a_status() {
        assert_eq!(guard(|| panic!("planted by a test")), Status::Panic);
        assert_eq!(guard(|| Err(Status::InvalidTime)), Status::InvalidTime);
        assert_eq!(guard(|| Ok(())), Status::Ok);
    }

    #[test]
    fn pointers_and_lengths_are_checked() {
        let text = c"abc".as_ptr();
        // SAFETY: every pointer is NULL or points to a string with a NUL that lives for the whole program.
        unsafe {
            assert_eq!(c_str(text), Ok(b"abc".as_slice()));
            assert_eq!(c_str(ptr::null()), Err(Status::NullArgument));
            assert_eq!(bytes(text, 2), Ok(b"ab".as_slice()));
            assert_eq!(bytes(ptr::null(), 0), Ok(b"".as_slice()));
            assert_eq!(bytes(ptr::without_provenance(1), 0), Ok(b"".as_slice()));
            assert_eq!(bytes(ptr::null(), 1), Err(Status::NullArgument));
            assert_eq!(bytes(text, usize::MAX), Err(Status::InvalidArgument));
        }
    }
}
