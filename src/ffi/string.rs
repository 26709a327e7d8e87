//! Strings that the caller owns.

use std::ffi::c_char;
use std::mem::MaybeUninit;
use std::ptr;

use zeroize::Zeroizing;

use crate::secret::residue::cleared;

/// The size is stored in front of the string: a caller may shorten the string in place, and it must still be wiped
/// completely, and freed with its original size.
const PREFIX: usize = size_of::<usize>();

/// Copies a text for the caller.
pub(super) fn hand_over_string(out: &mut MaybeUninit<*mut c_char>, text: &str) {
    let block: Box<[u8]> = [&text.len().to_ne_bytes(), text.as_bytes(), b"\0"].concat().into();
    let start = Box::into_raw(block).cast::<u8>();
    // SAFETY: the block is PREFIX bytes longer than the string.
    out.write(unsafe { start.add(PREFIX) }.cast());
}

/// Wipes and frees a string that the library gave you through a `char **`. Do not use free(): it belongs to another
/// allocator.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tc_auth_string_free(string: *mut c_char) {
    if string.is_null() {
        return;
    }
    // SAFETY: the caller passes what `hand_over_string` created, once, and does not change the size in front of it.
    let block = unsafe {
        let start = string.cast::<u8>().sub(PREFIX);
        let len = start.cast::<usize>().read_unaligned();
        Box::from_raw(ptr::slice_from_raw_parts_mut(start, PREFIX + len + 1))
    };
    cleared(move || drop(Zeroizing::new(block)));
}

#[cfg(test)]
mod tests {
    use super::{hand_over_string, tc_auth_string_free};
    use std::ffi::CStr;
    use std::mem::MaybeUninit;
    use std::ptr;

    #[test]
    fn a_caller_may_shorten_a_string() {
        for text in ["", "x", "some text"] {
            let mut out = MaybeUninit::uninit();
            hand_over_string(&mut out, text);
            // SAFETY: the string was just created and is freed once.
            unsafe {
                let string = out.assume_init();
                assert_eq!(CStr::from_ptr(string).to_str().unwrap(), text);
                string.write(0);
                tc_auth_string_free(string);
            }
        }
        // SAFETY: NULL is allowed.
        unsafe { tc_auth_string_free(ptr::null_mut()) };
    }
}
