//! Environment variables such as `TC_TOKEN`, for development and for Apps that run outside the platform.

use crate::credentials::{Parameter, Parameters};
use crate::error::Result;
use crate::secret::Secret;

const VARIABLES: [(&str, Parameter); 5] = [
    ("TC_TOKEN", Parameter::Token),
    ("TC_TOKEN_EXPIRES", Parameter::TokenExpires),
    ("TC_API_PATH", Parameter::ApiPath),
    ("TC_API_ACCESS_ID", Parameter::AccessId),
    ("TC_API_SECRET_KEY", Parameter::SecretKey),
];

/// Reads the variables through `lookup`: the caller decides whether the environment can be trusted.
pub(crate) fn read(lookup: &dyn Fn(&str) -> Option<Vec<u8>>) -> Result<Parameters> {
    let mut found = Parameters::default();
    for (name, parameter) in VARIABLES {
        if let Some(value) = lookup(name) {
            found.set(parameter, Secret::from(value))?;
        }
    }
    Ok(found)
}
