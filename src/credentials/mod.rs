//! The parameters that the platform passes to an App, wherever it puts them.

pub(crate) mod args;
pub(crate) mod discover;
pub(crate) mod env;
pub(crate) mod json;
pub(crate) mod param_file;

use std::fmt;

use crate::auth::Auth;
use crate::clock::Now;
use crate::error::{Result, Status};
use crate::secret::Secret;
use crate::uri;

/// The largest JSON text and the largest parameter file.
pub(crate) const SIZE_LIMIT: usize = 1 << 20;

/// Where a handle got its credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    Caller,
    Json,
    Arguments,
    ParamFile,
    Environment,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Source::Caller => "caller",
            Source::Json => "JSON",
            Source::Arguments => "arguments",
            Source::ParamFile => "parameter file",
            Source::Environment => "environment",
        })
    }
}

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

/// The names in arguments and JSON. The key pair has two: the older ones are those of `install.json`.
const NAMES: [(&str, Parameter); 7] = [
    ("tc_token", Parameter::Token),
    ("tc_token_expires", Parameter::TokenExpires),
    ("tc_api_path", Parameter::ApiPath),
    ("tc_api_access_id", Parameter::AccessId),
    ("tc_api_secret_key", Parameter::SecretKey),
    ("api_access_id", Parameter::OlderAccessId),
    ("api_secret_key", Parameter::OlderSecretKey),
];

/// The newer one first.
const KEY_PAIRS: [(Parameter, Parameter); 2] =
    [(Parameter::AccessId, Parameter::SecretKey), (Parameter::OlderAccessId, Parameter::OlderSecretKey)];

/// The parameter of that name, if it is one of ours.
pub(crate) fn parameter(name: &[u8]) -> Option<Parameter> {
    NAMES.iter().find(|(known, _)| known.as_bytes() == name).map(|(_, parameter)| *parameter)
}

/// What one source holds.
#[derive(Debug, Default)]
pub(crate) struct Parameters {
    /// An empty value is as good as none.
    values: [Secret; NAMES.len()],
    seen: [bool; NAMES.len()],
}

impl Parameters {
    /// The same name twice leaves open which value is meant.
    pub(crate) fn set(&mut self, parameter: Parameter, value: Secret) -> Result<()> {
        let index = parameter as usize;
        if std::mem::replace(&mut self.seen[index], true) {
            return Err(Status::ConfigSyntax);
        }
        self.values[index] = value;
        Ok(())
    }

    pub(crate) fn get(&self, parameter: Parameter) -> Option<&[u8]> {
        let value = &self.values[parameter as usize];
        if value.is_empty() { None } else { Some(value) }
    }

    /// The first key pair that is complete. Halves of two pairs make none: they may belong to two identities.
    fn key_pair(&self) -> Option<(&[u8], &[u8])> {
        KEY_PAIRS.into_iter().find_map(|(access_id, secret_key)| self.get(access_id).zip(self.get(secret_key)))
    }

    /// Whether any credential is named, though it may be half a pair.
    pub(crate) fn has_credentials(&self) -> bool {
        let halves = KEY_PAIRS.into_iter().flat_map(|(access_id, secret_key)| [access_id, secret_key]);
        halves.chain([Parameter::Token]).any(|parameter| self.get(parameter).is_some())
    }

    /// The names of what is there, as the source spells them, and of the half of a key pair that is not. No values.
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

    /// With the API path that was found, perhaps elsewhere.
    pub(crate) fn with_api_path(mut self, api_path: Secret) -> Parameters {
        self.values[Parameter::ApiPath as usize] = api_path;
        self
    }

    /// Makes a handle. With both kinds of credentials at hand the token wins, as on the platform itself.
    pub(crate) fn into_auth(self, source: Source, now: Now) -> Result<Auth> {
        let auth = match (self.get(Parameter::Token), self.key_pair()) {
            (Some(token), _) => Auth::new_token(token, self.expires()?, now)?,
            (None, Some((access_id, secret_key))) => Auth::new_hmac(access_id, secret_key)?,
            (None, None) => return Err(Status::NoCredentials),
        };
        if let Some(api_path) = self.get(Parameter::ApiPath) {
            auth.set_api_path(api_path)?;
        }
        Ok(auth.with_source(source))
    }

    /// 0 is TC_AUTH_NO_EXPIRY here, too.
    fn expires(&self) -> Result<Option<i64>> {
        let Some(text) = self.get(Parameter::TokenExpires) else { return Ok(None) };
        if !text.is_ascii() {
            return Err(Status::ConfigSyntax);
        }
        let seconds: i64 = uri::ascii(text).trim().parse().map_err(|_| Status::ConfigSyntax)?;
        Ok(Some(seconds).filter(|seconds| *seconds != 0))
    }
}
