//! Arguments such as `--tc_token X` or `--tc_token=X`, with which the platform starts an App.

use crate::credentials::{Parameters, parameter};
use crate::error::{Error, Result};
use crate::secret::Secret;

/// Reads the known arguments and ignores others.
pub(crate) fn read<'a>(arguments: impl IntoIterator<Item = &'a [u8]>) -> Result<Parameters> {
    let mut found = Parameters::default();
    let mut arguments = arguments.into_iter();
    while let Some(argument) = arguments.next() {
        let Some(option) = argument.strip_prefix(b"--") else { continue };
        let (name, value) = match option.iter().position(|&byte| byte == b'=') {
            Some(equals) => (&option[..equals], Some(&option[equals + 1..])),
            None => (option, None),
        };
        let Some(parameter) = parameter(name) else { continue };
        let value = match value {
            Some(value) => value,
            // The next option is not a value: one that begins with `--` is written --name=value.
            None => arguments.next().filter(|next| !next.starts_with(b"--")).ok_or(Error::ConfigSyntax)?,
        };
        found.set(parameter, Secret::concat(&[value]))?;
    }
    Ok(found)
}
