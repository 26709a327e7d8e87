//! How often a call through the C ABI allocates, as the header promises.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::ffi::{c_char, c_void};
use std::ptr;

use tc_auth as _; // links the exported functions

struct Counting;

thread_local! {
    static COUNT: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: everything is passed on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.set(COUNT.get() + 1);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, start: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(start, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// TC_AUTH_STATUS_OK.
const OK: i32 = 0;

unsafe extern "C" {
    fn tc_auth_new_hmac(access_id: *const c_char, secret_key: *const c_char, out: *mut *mut c_void) -> i32;
    fn tc_auth_new_token(token: *const c_char, expires: i64, out: *mut *mut c_void) -> i32;
    fn tc_auth_set_api_path(auth: *mut c_void, api_path: *const c_char) -> i32;
    fn tc_auth_headers(auth: *const c_void, method: *const c_char, uri: *const c_char, out: *mut *mut c_void) -> i32;
    fn tc_auth_headers_into(
        auth: *const c_void,
        method: *const c_char,
        method_len: usize,
        uri: *const c_char,
        uri_len: usize,
        unix_time: i64,
        authorization: *mut c_char,
        capacity: usize,
        authorization_len: *mut usize,
        timestamp: *mut i64,
    ) -> i32;
    fn tc_auth_header_block(
        auth: *const c_void,
        method: *const c_char,
        uri: *const c_char,
        block: *mut c_char,
        capacity: usize,
    ) -> i32;
    fn tc_auth_header_list_free(list: *mut c_void);
    fn tc_auth_free(auth: *mut c_void);
}

fn allocations(action: impl FnOnce()) -> usize {
    let before = COUNT.get();
    action();
    COUNT.get() - before
}

#[test]
fn signing_allocates_nothing_or_twice() {
    let uri = c"https://company.example/api/v3/indicators?resultLimit=10&x=!";
    let (mut hmac, mut token) = (ptr::null_mut(), ptr::null_mut());
    // SAFETY: the strings end in NUL, the outputs are valid, and everything is freed once.
    unsafe {
        assert_eq!(tc_auth_new_hmac(c"id".as_ptr(), c"secret".as_ptr(), &mut hmac), OK);
        assert_eq!(tc_auth_new_token(c"token".as_ptr(), 0, &mut token), OK);
        for auth in [hmac, token] {
            assert_eq!(tc_auth_set_api_path(auth, c"https://company.example/api".as_ptr()), OK);
            let mut list = ptr::null_mut();
            let make = |list| assert_eq!(tc_auth_headers(auth, c"get".as_ptr(), uri.as_ptr(), list), OK);
            make(&mut list); // a thread's first call on a token handle allocates more
            tc_auth_header_list_free(list);
            assert_eq!(allocations(|| make(&mut list)), 2);
            tc_auth_header_list_free(list);

            let (mut value, mut len, mut timestamp) = ([0; 256], 0, 0);
            let count = allocations(|| {
                let method = c"get".as_ptr();
                let (start, uri_len) = (value.as_mut_ptr(), uri.count_bytes());
                let status = tc_auth_headers_into(
                    auth,
                    method,
                    3,
                    uri.as_ptr(),
                    uri_len,
                    -1,
                    start,
                    256,
                    &mut len,
                    &mut timestamp,
                );
                assert_eq!(status, OK);
            });
            assert_eq!(count, 0);
            let count = allocations(|| {
                let status = tc_auth_header_block(auth, c"get".as_ptr(), uri.as_ptr(), value.as_mut_ptr(), 256);
                assert_eq!(status, OK);
            });
            assert_eq!(count, 0);
            tc_auth_free(auth);
        }
    }
    assert_eq!(allocations(|| drop(Box::new(1))), 1, "the counter counts");
}
