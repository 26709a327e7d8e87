//! The parameters that the platform passes to an App, from all sources.

pub(crate) mod args;
pub(crate) mod discover;
pub(crate) mod env;
pub(crate) mod json;
pub(crate) mod param_file;

use std::path::Path;

use crate::auth::{Auth, Source};
use crate::clock::{self, Now};
use crate::error::{Error, Result};
use crate::secret::Secret;

impl Auth {
    /// An identity from a JSON object of the platform's parameters, or a message to a service App, of at most 1 MiB.
    ///
    /// # Errors
    /// [`Error::ConfigSyntax`]; [`Error::NoCredentials`]; those of [`Auth::new_token`], [`Auth::new_hmac`] and
    /// [`Auth::set_api_path`] for the values found.
    pub fn from_json(json: impl AsRef<[u8]>, now: Now) -> Result<Auth> {
        json::read(json.as_ref())?.into_auth(Source::Json, now)
    }

    /// An identity from command-line arguments such as `--tc_token X` or `--tc_token=X`.
    ///
    /// # Errors
    /// Those of [`Auth::from_json`].
    pub fn from_args<'a>(arguments: impl IntoIterator<Item = &'a [u8]>, now: Now) -> Result<Auth> {
        args::read(arguments)?.into_auth(Source::Arguments, now)
    }

    /// An identity from the platform's encrypted parameter file, which is not deleted.
    ///
    /// # Errors
    /// [`Error::ConfigIo`]; [`Error::ConfigDecrypt`] for any fault of the key or the content; those of
    /// [`Auth::from_json`].
    pub fn from_param_file(path: impl AsRef<Path>, key: impl AsRef<[u8]>, now: Now) -> Result<Auth> {
        param_file::read(path.as_ref(), key.as_ref())?.into_auth(Source::ParamFile, now)
    }

    /// An identity from environment variables such as `TC_TOKEN`, which `lookup` reads.
    ///
    /// # Errors
    /// Those of [`Auth::from_json`].
    pub fn from_env(lookup: &dyn Fn(&str) -> Option<Vec<u8>>, now: Now) -> Result<Auth> {
        env::read(lookup)?.into_auth(Source::Environment, now)
    }

    /// An identity from the first source that contains a credential: the arguments, the parameter file that the
    /// environment names, or the environment. The API path may come from another source. The string says, without
    /// secrets, what was found where.
    ///
    /// # Errors
    /// Those of the sources.
    pub fn discover<'a>(
        arguments: impl IntoIterator<Item = &'a [u8]>,
        lookup: &dyn Fn(&str) -> Option<Vec<u8>>,
        now: Now,
    ) -> (Result<Auth>, String) {
        discover::discover(arguments, lookup, now)
    }
}

/// The largest JSON text and the largest parameter file, in bytes.
pub(crate) const SIZE_LIMIT: usize = 1 << 20;

/// A parameter that is read; the order is that of `NAMES`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Parameter {
    Token,
    TokenExpires,
    ApiPath,
    AccessId,
    SecretKey,
    OlderAccessId,
    OlderSecretKey,
}

/// The names in arguments and JSON. A key pair has two sets of names; the older one is that of `install.json`.
const NAMES: [(&str, Parameter); 7] = [
    ("tc_token", Parameter::Token),
    ("tc_token_expires", Parameter::TokenExpires),
    ("tc_api_path", Parameter::ApiPath),
    ("tc_api_access_id", Parameter::AccessId),
    ("tc_api_secret_key", Parameter::SecretKey),
    ("api_access_id", Parameter::OlderAccessId),
    ("api_secret_key", Parameter::OlderSecretKey),
];

/// The newer names first.
const KEY_PAIRS: [(Parameter, Parameter); 2] =
    [(Parameter::AccessId, Parameter::SecretKey), (Parameter::OlderAccessId, Parameter::OlderSecretKey)];

/// The parameter of that name, if it is known.
pub(crate) fn parameter(name: &[u8]) -> Option<Parameter> {
    NAMES.iter().find(|(known, _)| known.as_bytes() == name).map(|(_, parameter)| *parameter)
}

/// The parameters of one source.
#[derive(Debug, Default)]
pub(crate) struct Parameters {
    /// An empty value counts as absent.
    values: [Secret; NAMES.len()],
    seen: [bool; NAMES.len()],
}

impl Parameters {
    /// A name given twice is an error: it is not clear which value is meant.
    pub(crate) fn set(&mut self, parameter: Parameter, value: Secret) -> Result<()> {
        let index = parameter as usize;
        if std::mem::replace(&mut self.seen[index], true) {
            return Err(Error::ConfigSyntax);
        }
        self.values[index] = value;
        Ok(())
    }

    pub(crate) fn get(&self, parameter: Parameter) -> Option<&[u8]> {
        let value = &self.values[parameter as usize];
        if value.is_empty() { None } else { Some(value) }
    }

    /// The first complete key pair. Halves of two pairs are not combined: they may belong to two identities.
    fn key_pair(&self) -> Option<(&[u8], &[u8])> {
        KEY_PAIRS.into_iter().find_map(|(access_id, secret_key)| self.get(access_id).zip(self.get(secret_key)))
    }

    /// Whether there is any credential, even half a pair.
    pub(crate) fn has_credentials(&self) -> bool {
        let halves = KEY_PAIRS.into_iter().flat_map(|(access_id, secret_key)| [access_id, secret_key]);
        halves.chain([Parameter::Token]).any(|parameter| self.get(parameter).is_some())
    }

    /// The names of what was found, as the source spells them, and of a missing half of a key pair. No values.
    pub(crate) fn names(&self, source: Source) -> String {
        let spell = |name: &str| match source {
            Source::Environment => name.to_ascii_uppercase(),
            _ => name.to_owned(),
        };
        let there = NAMES.iter().filter(|(_, parameter)| self.get(*parameter).is_some());
        let mut names: Vec<String> = there.map(|(name, _)| spell(name)).collect();
        if self.get(Parameter::Token).is_none() && self.key_pair().is_none() {
            for (access_id, secret_key) in KEY_PAIRS {
                for (there, missing) in [(access_id, secret_key), (secret_key, access_id)] {
                    if self.get(there).is_some() {
                        names.push(format!("no {}", spell(NAMES[missing as usize].0)));
                    }
                }
            }
        }
        if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
    }

    /// Sets the API path, which may come from another source.
    pub(crate) fn with_api_path(mut self, api_path: Secret) -> Parameters {
        self.values[Parameter::ApiPath as usize] = api_path;
        self
    }

    /// Creates a handle. A token takes precedence over a key pair, as on the platform.
    pub(crate) fn into_auth(self, source: Source, now: Now) -> Result<Auth> {
        let auth = match (self.get(Parameter::Token), self.key_pair()) {
            (Some(token), _) => Auth::new_token(token, self.expires()?, now)?,
            (None, Some((access_id, secret_key))) => Auth::new_hmac(access_id, secret_key)?,
            (None, None) => return Err(Error::NoCredentials),
        };
        if let Some(api_path) = self.get(Parameter::ApiPath) {
            auth.set_api_path(api_path)?;
        }
        Ok(auth.with_source(source))
    }

    /// 0 means no expiry, like TC_AUTH_NO_EXPIRY.
    fn expires(&self) -> Result<Option<i64>> {
        let Some(text) = self.get(Parameter::TokenExpires) else { return Ok(None) };
        let seconds = str::from_utf8(text).ok().and_then(|text| clock::parse_seconds(text.trim()));
        let seconds = seconds.ok_or(Error::ConfigSyntax)?;
        Ok(Some(seconds).filter(|seconds| *seconds != 0))
    }
}
