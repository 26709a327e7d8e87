//! `TC_TOKEN` and its like, for development and for Apps that run elsewhere.

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

/// Reads the variables through `lookup`, for who may read an environment is not the core's business.
pub(crate) fn read(lookup: &dyn Fn(&str) -> Option<Vec<u8>>) -> Result<Parameters> {
    let mut found = Parameters::default();
    for (name, parameter) in VARIABLES {
        if let Some(value) = lookup(name) {
            found.set(parameter, Secret::from(value))?;
        }
    }
    Ok(found)
}
