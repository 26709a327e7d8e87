//! The shared library, called through the C ABI.

use std::ffi::{CStr, c_char, c_void};
use std::ptr;

use libloading::{Error, Library};

use crate::{ACCESS_ID, SECRET_KEY, TOKEN};

type Object = *mut c_void;

/// The functions that are measured, with the types of tc_auth.h.
pub struct TcAuth {
    new_hmac: unsafe extern "C" fn(*const c_char, *const c_char, *mut Object) -> i32,
    new_token: unsafe extern "C" fn(*const c_char, i64, *mut Object) -> i32,
    update_token: unsafe extern "C" fn(Object, *const c_char, i64) -> i32,
    set_api_path: unsafe extern "C" fn(Object, *const c_char) -> i32,
    free: unsafe extern "C" fn(Object),
    headers: unsafe extern "C" fn(Object, *const c_char, *const c_char, *mut Object) -> i32,
    header_list_free: unsafe extern "C" fn(Object),
    headers_into: unsafe extern "C" fn(
        Object,
        *const c_char,
        usize,
        *const c_char,
        usize,
        i64,
        *mut c_char,
        usize,
        *mut usize,
        *mut i64,
    ) -> i32,
    verify: unsafe extern "C" fn(Object, *const c_char, *const c_char, *const c_char, *const c_char, i64, i64) -> i32,
    share_in: unsafe extern "C" fn(Object, *const c_char, *const c_char) -> i32,
    renewal_poll: unsafe extern "C" fn(Object, i64, *mut Object) -> i32,
    renewal_complete: unsafe extern "C" fn(Object, i32, *const c_char, usize, *mut Object) -> i32,
}

/// A `tc_auth *`. All its functions may run in several threads at once.
#[derive(Clone, Copy)]
pub struct Handle<'a>(&'a TcAuth, Object);

// SAFETY: the header says so.
unsafe impl Send for Handle<'_> {}
// SAFETY: the same.
unsafe impl Sync for Handle<'_> {}

/// Room for the value of an Authorization header.
pub type Buffer = [u8; 256];

impl TcAuth {
    /// From a path such as `target/release/libtc_auth.so`. It stays loaded.
    pub fn load(path: &str) -> Result<TcAuth, Error> {
        // SAFETY: the types are those of the header.
        unsafe {
            let library: &'static Library = Box::leak(Box::new(Library::new(path)?));
            Ok(TcAuth {
                new_hmac: *library.get("tc_auth_new_hmac")?,
                new_token: *library.get("tc_auth_new_token")?,
                update_token: *library.get("tc_auth_update_token")?,
                set_api_path: *library.get("tc_auth_set_api_path")?,
                free: *library.get("tc_auth_free")?,
                headers: *library.get("tc_auth_headers")?,
                header_list_free: *library.get("tc_auth_header_list_free")?,
                headers_into: *library.get("tc_auth_headers_into")?,
                verify: *library.get("tc_auth_verify")?,
                share_in: *library.get("tc_auth_share_in")?,
                renewal_poll: *library.get("tc_auth_renewal_poll")?,
                renewal_complete: *library.get("tc_auth_renewal_complete")?,
            })
        }
    }

    pub fn hmac(&self) -> Handle<'_> {
        // SAFETY: both are C strings.
        self.made(|out| unsafe { (self.new_hmac)(ACCESS_ID.as_ptr(), SECRET_KEY.as_ptr(), out) })
    }

    /// A token that expires at a Unix second; 0 if unknown.
    pub fn token(&self, expires: i64) -> Handle<'_> {
        // SAFETY: it is a C string.
        self.made(|out| unsafe { (self.new_token)(TOKEN.as_ptr(), expires, out) })
    }

    fn made(&self, make: impl FnOnce(*mut Object) -> i32) -> Handle<'_> {
        let mut object = ptr::null_mut();
        assert_eq!(make(&mut object), 0);
        Handle(self, object)
    }
}

impl Handle<'_> {
    /// One call. Returns the length of the value, and the timestamp.
    #[inline(always)]
    pub fn headers_into(&self, uri: &[u8], unix_time: i64, buffer: &mut Buffer) -> (usize, i64) {
        let (mut len, mut timestamp) = (0, 0);
        // SAFETY: pointers and lengths belong together.
        let status = unsafe {
            (self.0.headers_into)(
                self.1,
                c"GET".as_ptr(),
                3,
                uri.as_ptr().cast(),
                uri.len(),
                unix_time,
                buffer.as_mut_ptr().cast(),
                buffer.len(),
                &mut len,
                &mut timestamp,
            )
        };
        assert_eq!(status, 0);
        (len, timestamp)
    }

    /// Creates and frees one list.
    #[inline(always)]
    pub fn headers(&self, uri: &CStr) {
        let mut list = ptr::null_mut();
        // SAFETY: both are C strings; the list is freed once.
        unsafe {
            assert_eq!((self.0.headers)(self.1, c"GET".as_ptr(), uri.as_ptr(), &mut list), 0);
            (self.0.header_list_free)(list);
        }
    }

    /// Whether a server would accept these headers now.
    pub fn verifies(&self, uri: &CStr, authorization: &CStr, timestamp: &CStr) -> bool {
        let (method, uri, authorization, timestamp) =
            (c"GET".as_ptr(), uri.as_ptr(), authorization.as_ptr(), timestamp.as_ptr());
        // SAFETY: all are C strings.
        unsafe { (self.0.verify)(self.1, method, uri, authorization, timestamp, -1, 300) == 0 }
    }

    pub fn update_token(&self, token: &CStr, expires: i64) {
        // SAFETY: it is a C string.
        assert_eq!(unsafe { (self.0.update_token)(self.1, token.as_ptr(), expires) }, 0);
    }

    pub fn set_api_path(&self, api_path: &CStr) {
        // SAFETY: it is a C string.
        assert_eq!(unsafe { (self.0.set_api_path)(self.1, api_path.as_ptr()) }, 0);
    }

    pub fn share_in(&self, directory: &CStr) {
        // SAFETY: it is a C string.
        assert_eq!(unsafe { (self.0.share_in)(self.1, directory.as_ptr(), ptr::null()) }, 0);
    }

    /// Polls; with a ticket, `fetch` gets the new token.
    #[inline(always)]
    pub fn poll(&self, fetch: impl FnOnce() -> String) -> bool {
        let mut renewal = ptr::null_mut();
        // SAFETY: the ticket is completed once.
        unsafe {
            assert_eq!((self.0.renewal_poll)(self.1, 60_000, &mut renewal), 0);
            if renewal.is_null() {
                return false;
            }
            let body = fetch();
            let status = (self.0.renewal_complete)(renewal, 200, body.as_ptr().cast(), body.len(), ptr::null_mut());
            assert_eq!(status, 0);
        }
        true
    }

    pub fn free(self) {
        // SAFETY: no copy of it is used afterwards.
        unsafe { (self.0.free)(self.1) };
    }
}
