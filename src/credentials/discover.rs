//! Looks for credentials in all sources.

use crate::auth::{Auth, Source};
use crate::clock::Now;
use crate::credentials::{Parameter, Parameters, args, env, param_file};
use crate::error::{Error, Result};
use crate::secret::Secret;

/// The arguments, then the parameter file that the environment names, then the environment. Only the first source that
/// contains a credential is used; the API path comes from the first one that contains it.
///
/// The string says which names were found where, without values.
pub(crate) fn discover<'a>(
    arguments: impl IntoIterator<Item = &'a [u8]>,
    lookup: &dyn Fn(&str) -> Option<Vec<u8>>,
    now: Now,
) -> (Result<Auth>, String) {
    let mut search = Search { chosen: None, api_path: Secret::default(), why: Vec::new() };
    let file = |name| lookup(name).filter(|value| !value.is_empty()).map(Secret::from);
    let result = search.look(Source::Arguments, args::read(arguments)).and_then(|()| match file("TC_APP_PARAM_FILE") {
        None => {
            search.why.push("parameter file: TC_APP_PARAM_FILE is not set".to_owned());
            Ok(())
        }
        Some(path) => {
            let Some(key) = file("TC_APP_PARAM_KEY") else {
                return search.fail("parameter file: TC_APP_PARAM_KEY is not set".to_owned(), Error::ConfigDecrypt);
            };
            search.look(Source::ParamFile, param_file::path(&path).and_then(|path| param_file::read(path, &key)))
        }
    });
    let result = result.and_then(|()| search.look(Source::Environment, env::read(lookup)));
    let auth = result.and_then(|()| search.finish(now));
    (auth, search.why.join("; "))
}

struct Search {
    chosen: Option<(Source, Parameters)>,
    api_path: Secret,
    why: Vec<String>,
}

impl Search {
    /// Reads one more source. Its errors are final, unless credentials were found before.
    fn look(&mut self, source: Source, parameters: Result<Parameters>) -> Result<()> {
        let parameters = match parameters {
            Ok(parameters) => parameters,
            Err(error) => {
                return self.fail(format!("{source}: {error}"), error);
            }
        };
        self.why.push(format!("{source}: {}", parameters.names(source)));
        if let (true, Some(api_path)) = (self.api_path.is_empty(), parameters.get(Parameter::ApiPath)) {
            self.api_path = Secret::concat(&[api_path]);
        }
        if self.chosen.is_none() && parameters.has_credentials() {
            self.chosen = Some((source, parameters));
        }
        Ok(())
    }

    fn fail(&mut self, why: String, error: Error) -> Result<()> {
        self.why.push(why);
        if self.chosen.is_some() { Ok(()) } else { Err(error) }
    }

    fn finish(&mut self, now: Now) -> Result<Auth> {
        let (source, parameters) = self.chosen.take().ok_or(Error::NoCredentials)?;
        self.why.push(format!("used: {source}"));
        parameters.with_api_path(std::mem::take(&mut self.api_path)).into_auth(source, now)
    }
}
