//! The session's service of secrets.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

use bollard_buildkit_proto::moby::buildkit::secrets::v1::secrets_server::Secrets;
use bollard_buildkit_proto::moby::buildkit::secrets::v1::{GetSecretRequest, GetSecretResponse};
use secrecy::{ExposeSecret as _, SecretString};
use tonic::{Request, Response, Status};

use super::Failures;
use crate::context::problem;
use crate::error::Error;
use crate::event::ProgressSink;
use tagship_domain::build::{BuildSecret, SecretSource};

/// The most bytes of a secret. Source: BuildKit, `session/secrets.MaxSecretSize`.
const MAX_SECRET_BYTES: usize = 500 * 1024;

/// Gives secrets to the build steps that mount them.
pub(crate) struct SecretStore {
    sources: BTreeMap<String, SecretSource>,
    sink: Arc<dyn ProgressSink>,
    failures: Failures,
}

impl SecretStore {
    /// Holds `secrets`.
    pub(crate) fn new(secrets: &[BuildSecret], sink: Arc<dyn ProgressSink>, failures: Failures) -> Self {
        let sources = secrets
            .iter()
            .map(|secret| (secret.id.clone(), secret.source.clone()))
            .collect();
        Self {
            sources,
            sink,
            failures,
        }
    }

    fn value(&self, id: &str, source: &SecretSource) -> Result<Vec<u8>, Error> {
        let wrong = |problem: String| Error::Secret {
            id: id.to_owned(),
            problem,
        };
        let value = match source {
            SecretSource::Value(value) => value.expose_secret().as_bytes().to_vec(),
            SecretSource::File(path) => read_bounded(path).map_err(|error| {
                wrong(format!(
                    "cannot be read from `{}`: {}",
                    path.display(),
                    problem(&error)
                ))
            })?,
        };
        if value.len() > MAX_SECRET_BYTES {
            return Err(wrong(
                "is larger than 500 KiB, the most that a build step can mount".to_owned(),
            ));
        }
        // The step may print it.
        if let Ok(text) = std::str::from_utf8(&value) {
            self.sink.mask(&SecretString::from(text.trim_end()));
        }
        Ok(value)
    }
}

/// At most one byte more than a secret has.
fn read_bounded(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut value = Vec::new();
    std::fs::File::open(path)?
        .take(MAX_SECRET_BYTES as u64 + 1)
        .read_to_end(&mut value)?;
    Ok(value)
}

#[tonic::async_trait]
impl Secrets for SecretStore {
    async fn get_secret(
        &self,
        request: Request<GetSecretRequest>,
    ) -> Result<Response<GetSecretResponse>, Status> {
        let id = request.into_inner().id;
        // The engine asks for more than the Dockerfile does, and takes this answer for a no.
        let source = self
            .sources
            .get(&id)
            .ok_or_else(|| Status::not_found("there is no such secret"))?;
        match self.value(&id, source) {
            Ok(data) => Ok(Response::new(GetSecretResponse { data })),
            Err(error) => {
                let status = Status::failed_precondition(error.to_string());
                self.failures.keep(error);
                Err(status)
            }
        }
    }
}
