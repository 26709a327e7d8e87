//! No memory that the library frees still contains a secret, or what was derived from one.

use std::alloc::{GlobalAlloc, Layout, System};
use std::ffi::{CStr, c_char, c_void};
use std::ptr;
use std::slice;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tc_auth as _; // links the exported functions

const TOKEN: &[u8] = b"token-7f3a91+that/must:be-wiped=\0";

/// Searches every block that is freed while it is on. Not in Miri, which does not allow reading padding.
struct Searching;

const SEARCHES: bool = cfg!(not(miri));

static ON: AtomicBool = AtomicBool::new(false);
static UNWIPED: AtomicUsize = AtomicUsize::new(0);
/// The token without its start, which a caller may overwrite, and the two states of SHA-256 that HMAC derives from the
/// secret key.
static SECRETS: OnceLock<[Vec<u8>; 3]> = OnceLock::new();

// SAFETY: everything is passed on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Searching {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise is passed on. Zeroed, so that the search reads no uninitialized memory.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, start: *mut u8, layout: Layout) {
        if SEARCHES && ON.load(Ordering::Relaxed) {
            // SAFETY: the block is still allocated, and was zeroed at first.
            let block = unsafe { slice::from_raw_parts(start, layout.size()) };
            for secret in SECRETS.get().into_iter().flatten() {
                if block.windows(secret.len()).any(|window| window == secret) {
                    UNWIPED.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(start, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Searching = Searching;

// Values of tc_auth_status.
const OK: i32 = 0;
const RENEWAL_REFUSED: i32 = 12;
const RENEWAL_BAD_RESPONSE: i32 = 13;

unsafe extern "C" {
    fn tc_auth_new_hmac(access_id: *const c_char, secret_key: *const c_char, out: *mut *mut c_void) -> i32;
    fn tc_auth_new_token(token: *const c_char, expires: i64, out: *mut *mut c_void) -> i32;
    fn tc_auth_update_token(auth: *mut c_void, token: *const c_char, expires: i64) -> i32;
    fn tc_auth_token(auth: *const c_void, token: *mut *mut c_char, expires: *mut i64) -> i32;
    fn tc_auth_string_free(string: *mut c_char);
    fn tc_auth_set_api_path(auth: *mut c_void, api_path: *const c_char) -> i32;
    fn tc_auth_headers(auth: *const c_void, method: *const c_char, uri: *const c_char, out: *mut *mut c_void) -> i32;
    fn tc_auth_header_list_free(list: *mut c_void);
    fn tc_auth_renewal_poll(auth: *mut c_void, max_wait_ms: i64, out: *mut *mut c_void) -> i32;
    fn tc_auth_renewal_cancel(renewal: *mut c_void);
    fn tc_auth_renewal_complete(
        renewal: *mut c_void,
        http_status: i32,
        body: *const c_char,
        body_len: usize,
        server_message: *mut *mut c_char,
    ) -> i32;
    fn tc_auth_free(auth: *mut c_void);
}

const SECRET_KEY: &CStr = c"secret-key-8b22c4";

/// The state of SHA-256 after the padded key block of HMAC (RFC 2104), as bytes in memory.
fn key_state(pad: u8) -> Vec<u8> {
    let mut block = [pad; 64];
    for (byte, key) in block.iter_mut().zip(SECRET_KEY.to_bytes()) {
        *byte ^= key;
    }
    let mut state =
        [0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19_u32];
    sha2::block_api::compress256(&mut state, &[block]);
    state.iter().flat_map(|word| word.to_ne_bytes()).collect()
}

/// Runs with the search on. Returns how many blocks were freed with a secret in them.
fn unwiped(action: impl FnOnce()) -> usize {
    UNWIPED.store(0, Ordering::Relaxed);
    ON.store(true, Ordering::Relaxed);
    action();
    ON.store(false, Ordering::Relaxed);
    UNWIPED.load(Ordering::Relaxed)
}

#[test]
fn freed_and_replaced_secrets_are_wiped() {
    let token = TOKEN.as_ptr().cast::<c_char>();
    SECRETS.set([TOKEN[6..TOKEN.len() - 1].to_vec(), key_state(0x36), key_state(0x5c)]).unwrap();
    for planted in SECRETS.get().unwrap() {
        assert_eq!(unwiped(|| drop(planted.clone())), usize::from(SEARCHES), "the search finds what is planted");
    }

    let count = unwiped(|| {
        let (mut auth, mut list, mut copy, mut ticket) =
            (ptr::null_mut(), ptr::null_mut(), ptr::null_mut(), ptr::null_mut());
        // SAFETY: the strings end in NUL, the outputs are valid, and everything is freed once.
        unsafe {
            assert_eq!(tc_auth_new_token(token, 0, &mut auth), OK);
            assert_eq!(tc_auth_set_api_path(auth, c"https://company.example/api".as_ptr()), OK);
            assert_eq!(tc_auth_headers(auth, c"GET".as_ptr(), c"/".as_ptr(), &mut list), OK);
            tc_auth_header_list_free(list);
            assert_eq!(tc_auth_token(auth, &mut copy, ptr::null_mut()), OK);
            copy.write(0); // a caller may shorten it
            tc_auth_string_free(copy);
            assert_eq!(tc_auth_update_token(auth, token, 1), OK);
            assert_eq!(tc_auth_renewal_poll(auth, 0, &mut ticket), OK);
            assert!(!ticket.is_null());
            tc_auth_renewal_cancel(ticket);
            assert_eq!(tc_auth_update_token(auth, c"another".as_ptr(), 0), OK);
            assert_eq!(tc_auth_update_token(auth, token, 0), OK);
            tc_auth_free(auth);

            assert_eq!(tc_auth_new_hmac(c"id".as_ptr(), SECRET_KEY.as_ptr(), &mut auth), OK);
            assert_eq!(tc_auth_headers(auth, c"GET".as_ptr(), c"/".as_ptr(), &mut list), OK);
            tc_auth_header_list_free(list);
            tc_auth_free(auth);
        }
    });
    assert_eq!(count, 0);

    // Responses: good, escaped as the platform does, failed, refused, with two tokens, in the message, truncated.
    let plain = str::from_utf8(&TOKEN[..TOKEN.len() - 1]).unwrap();
    let escaped = plain.replace('=', "\\u003d").replace('/', "\\/");
    for (http_status, body, expected) in [
        (200, format!(r#"{{"success":true,"apiToken":"{plain}"}}"#), OK),
        (200, format!(r#"{{"success":true,"apiToken":"{escaped}"}}"#), OK),
        (500, format!(r#"{{"success":true,"apiToken":"{escaped}"}}"#), RENEWAL_BAD_RESPONSE),
        (200, format!(r#"{{"success":false,"apiToken":"{escaped}"}}"#), RENEWAL_REFUSED),
        (200, format!(r#"{{"success":true,"apiToken":"{escaped}","apiToken":"{escaped}"}}"#), OK),
        (
            200,
            format!(r#"{{"success":false,"message":"no: {escaped} {plain}","apiToken":"{escaped}"}}"#),
            RENEWAL_REFUSED,
        ),
        (200, format!(r#"{{"success":true,"apiToken":"{escaped}"#), RENEWAL_BAD_RESPONSE),
        (200, format!("{{\"success\":true,\"apiToken\":\"{escaped}\"}}\u{feff}\u{e9}"), RENEWAL_BAD_RESPONSE),
    ] {
        let mut auth = ptr::null_mut();
        let mut ticket = ptr::null_mut();
        let count = unwiped(|| {
            // SAFETY: as above.
            unsafe {
                assert_eq!(tc_auth_new_token(c"an-older-one".as_ptr(), 1, &mut auth), OK);
                assert_eq!(tc_auth_set_api_path(auth, c"https://company.example/api".as_ptr()), OK);
                assert_eq!(tc_auth_renewal_poll(auth, 0, &mut ticket), OK);
                let mut message = ptr::null_mut();
                let start = body.as_ptr().cast();
                assert_eq!(tc_auth_renewal_complete(ticket, http_status, start, body.len(), &mut message), expected);
                tc_auth_string_free(message);
                tc_auth_free(auth);
            }
        });
        assert_eq!(count, 0, "{body}");
    }
}
