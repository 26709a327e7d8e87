//! The parser of parameter files: any bytes, which half of the inputs encrypt correctly. Parts may be `grown`.
#![no_main]

use std::sync::OnceLock;

use aes::cipher::block_padding::Pkcs7;
use aes::cipher::{BlockModeEncrypt, KeyIvInit};
use libfuzzer_sys::fuzz_target;
use tc_auth::{Auth, Error, Now};
use tc_auth_fuzz::{LARGE, grown, linear, planted};

const KEY: &[u8; 16] = b"ajfmuyodhscwegea";

fn path() -> &'static std::path::Path {
    static PATH: OnceLock<std::path::PathBuf> = OnceLock::new();
    PATH.get_or_init(|| std::env::temp_dir().join(format!("tc_auth-fuzz-{}", std::process::id())))
}

fuzz_target!(|input: (bool, &[u8])| {
    let (encrypt, text) = (input.0, &*grown(input.1));
    let file = if encrypt {
        cbc::Encryptor::<aes::Aes128>::new(KEY.into(), &[0; 16].into()).encrypt_padded_vec::<Pkcs7>(text)
    } else {
        text.to_vec()
    };
    std::fs::write(path(), &file).unwrap();
    let from_file = linear(file.len(), || Auth::from_param_file(path(), KEY, Now::read()).map(|auth| auth.describe()));
    if file.len() > LARGE {
        assert_eq!(from_file.err(), Some(Error::ConfigIo));
    } else if encrypt {
        let from_json = Auth::from_json(text, Now::read()).map(|auth| auth.describe());
        match (from_file, from_json) {
            (Ok(one), Ok(other)) => assert_eq!(one.replace("parameter file", "JSON"), other),
            // Anything but an object must give the same error as a wrong key. The planted fault: it need not.
            (Err(Error::ConfigDecrypt), Err(Error::ConfigSyntax)) if !planted("wrong") => {}
            (one, other) => assert_eq!(one.err(), other.err()),
        }
    } else if let Err(status) = from_file {
        assert_ne!(status, Error::ConfigIo);
    }
});
