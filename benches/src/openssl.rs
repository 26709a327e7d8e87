//! OpenSSL's ways to compute an HMAC, from this machine's libcrypto.

use std::ffi::{CStr, c_char, c_int, c_uchar, c_uint, c_void};
use std::ptr;

use libloading::{Error, Library};

pub const FILE: &str = "libcrypto.so.3";

type Object = *mut c_void;

/// `OSSL_PARAM`
#[repr(C)]
struct Parameter {
    key: *const c_char,
    data_type: c_uint,
    data: *const c_void,
    data_size: usize,
    return_size: usize,
}

const UTF8_STRING: c_uint = 4;

/// `SHA256_CTX`
#[repr(C)]
#[derive(Clone, Copy)]
struct Sha256 {
    state: [u32; 8],
    bits: [u32; 2],
    block: [u32; 16],
    filled: c_uint,
    digest_len: c_uint,
}

#[derive(Clone, Copy)]
pub struct Crypto {
    version: unsafe extern "C" fn(c_int) -> *const c_char,
    encode: unsafe extern "C" fn(*mut c_uchar, *const c_uchar, c_int) -> c_int,
    sha256: unsafe extern "C" fn() -> *const c_void,
    #[allow(clippy::type_complexity, reason = "it is that of the C header")]
    hmac: unsafe extern "C" fn(
        *const c_void,
        *const c_void,
        c_int,
        *const c_uchar,
        usize,
        *mut c_uchar,
        *mut c_uint,
    ) -> *mut c_uchar,
    mac_fetch: unsafe extern "C" fn(*mut c_void, *const c_char, *const c_char) -> Object,
    mac_new: unsafe extern "C" fn(Object) -> Object,
    mac_dup: unsafe extern "C" fn(Object) -> Object,
    mac_free: unsafe extern "C" fn(Object),
    mac_init: unsafe extern "C" fn(Object, *const c_uchar, usize, *const Parameter) -> c_int,
    mac_update: unsafe extern "C" fn(Object, *const c_uchar, usize) -> c_int,
    mac_final: unsafe extern "C" fn(Object, *mut c_uchar, *mut usize, usize) -> c_int,
    sha256_init: unsafe extern "C" fn(*mut Sha256) -> c_int,
    sha256_update: unsafe extern "C" fn(*mut Sha256, *const c_void, usize) -> c_int,
    sha256_final: unsafe extern "C" fn(*mut c_uchar, *mut Sha256) -> c_int,
}

/// Computes the MAC of a message.
pub type Mac = Box<dyn FnMut(&[u8]) -> [u8; 32]>;

impl Crypto {
    pub fn load() -> Result<Crypto, Error> {
        // SAFETY: the types are those of the headers of OpenSSL 3; the library stays loaded.
        unsafe {
            let library: &'static Library = Box::leak(Box::new(Library::new(FILE)?));
            Ok(Crypto {
                version: *library.get("OpenSSL_version")?,
                encode: *library.get("EVP_EncodeBlock")?,
                sha256: *library.get("EVP_sha256")?,
                hmac: *library.get("HMAC")?,
                mac_fetch: *library.get("EVP_MAC_fetch")?,
                mac_new: *library.get("EVP_MAC_CTX_new")?,
                mac_dup: *library.get("EVP_MAC_CTX_dup")?,
                mac_free: *library.get("EVP_MAC_CTX_free")?,
                mac_init: *library.get("EVP_MAC_init")?,
                mac_update: *library.get("EVP_MAC_update")?,
                mac_final: *library.get("EVP_MAC_final")?,
                sha256_init: *library.get("SHA256_Init")?,
                sha256_update: *library.get("SHA256_Update")?,
                sha256_final: *library.get("SHA256_Final")?,
            })
        }
    }

    pub fn version(&self) -> String {
        // SAFETY: it returns a string that lives as long as the library.
        unsafe { CStr::from_ptr((self.version)(0)) }.to_string_lossy().into_owned()
    }

    /// Base64 of a MAC, with a NUL.
    pub fn encode(&self, mac: &[u8; 32], text: &mut [u8; 45]) {
        // SAFETY: 32 bytes make 44 and a NUL.
        unsafe { (self.encode)(text.as_mut_ptr(), mac.as_ptr(), 32) };
    }

    /// `HMAC()`, which does everything in one call.
    pub fn one_shot(self, key: &'static [u8]) -> Mac {
        Box::new(move |message| {
            let mut mac = [0; 32];
            // SAFETY: pointers and lengths belong together.
            unsafe {
                let key_len = key.len() as c_int;
                let (start, len) = (message.as_ptr(), message.len());
                (self.hmac)((self.sha256)(), key.as_ptr().cast(), key_len, start, len, mac.as_mut_ptr(), &mut 0);
            }
            mac
        })
    }

    fn keyed(&self, key: &[u8]) -> Object {
        let end = Parameter { key: ptr::null(), data_type: 0, data: ptr::null(), data_size: 0, return_size: 0 };
        let digest = Parameter {
            key: c"digest".as_ptr(),
            data_type: UTF8_STRING,
            data: c"SHA256".as_ptr().cast(),
            data_size: 6,
            return_size: usize::MAX,
        };
        // SAFETY: the parameters end with an empty one.
        unsafe {
            let context = (self.mac_new)((self.mac_fetch)(ptr::null_mut(), c"HMAC".as_ptr(), ptr::null()));
            assert_eq!((self.mac_init)(context, key.as_ptr(), key.len(), [digest, end].as_ptr()), 1);
            context
        }
    }

    fn finish(&self, context: Object, message: &[u8]) -> [u8; 32] {
        let mut mac = [0; 32];
        // SAFETY: the context is valid and initialized.
        unsafe {
            (self.mac_update)(context, message.as_ptr(), message.len());
            (self.mac_final)(context, mac.as_mut_ptr(), &mut 0, mac.len());
        }
        mac
    }

    /// `EVP_MAC`, whose context is initialized with the key each time.
    pub fn initialized_again(self, key: &'static [u8]) -> Mac {
        let context = self.keyed(key);
        Box::new(move |message| {
            // SAFETY: the digest stays as it was set.
            unsafe { (self.mac_init)(context, key.as_ptr(), key.len(), ptr::null()) };
            self.finish(context, message)
        })
    }

    /// `EVP_MAC`, whose context has the key and is duplicated each time.
    pub fn duplicated(self, key: &'static [u8]) -> Mac {
        let keyed = self.keyed(key);
        Box::new(move |message| {
            // SAFETY: the copy is freed once.
            unsafe {
                let context = (self.mac_dup)(keyed);
                let mac = self.finish(context, message);
                (self.mac_free)(context);
                mac
            }
        })
    }

    /// `SHA256_CTX`: two of them that have hashed the key's block, copied each time. The deprecated, fastest way.
    pub fn low_level(self, key: &'static [u8]) -> Mac {
        let state_after = |pad: u8| {
            let mut block = [pad; 64];
            block.iter_mut().zip(key).for_each(|(byte, key)| *byte ^= key);
            let mut context = Sha256 { state: [0; 8], bits: [0; 2], block: [0; 16], filled: 0, digest_len: 0 };
            // SAFETY: the context has the layout of the header.
            unsafe {
                (self.sha256_init)(&mut context);
                (self.sha256_update)(&mut context, block.as_ptr().cast(), block.len());
            }
            context
        };
        let (inner, outer) = (state_after(0x36), state_after(0x5c));
        Box::new(move |message| {
            let (mut inner, mut outer, mut digest) = (inner, outer, [0; 32]);
            // SAFETY: as above.
            unsafe {
                (self.sha256_update)(&mut inner, message.as_ptr().cast(), message.len());
                (self.sha256_final)(digest.as_mut_ptr(), &mut inner);
                (self.sha256_update)(&mut outer, digest.as_ptr().cast(), digest.len());
                (self.sha256_final)(digest.as_mut_ptr(), &mut outer);
            }
            digest
        })
    }
}
