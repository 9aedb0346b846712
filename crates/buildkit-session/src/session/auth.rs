//! The session's service of registry credentials.

use std::sync::Arc;

use async_trait::async_trait;
use bollard_buildkit_proto::moby::filesync::v1::auth_server::Auth;
use bollard_buildkit_proto::moby::filesync::v1::{
    CredentialsRequest, CredentialsResponse, FetchTokenRequest, FetchTokenResponse, GetTokenAuthorityRequest,
    GetTokenAuthorityResponse, VerifyTokenAuthorityRequest, VerifyTokenAuthorityResponse,
};
use secrecy::{ExposeSecret as _, SecretString};
use tonic::{Request, Response, Status};

use super::Failures;
use crate::error::Error;

/// User and password of a registry.
#[derive(Debug, Clone)]
pub struct Credential {
    /// The user.
    pub username: String,
    /// The password.
    pub password: SecretString,
}

/// Knows credentials of registries, which the engine asks for at the moment that it pulls or pushes.
#[async_trait]
pub trait RegistryAuth: Send + Sync {
    /// Returns the credential for `host`, as the engine names it; `None` for a registry that is to be used without.
    async fn credential(
        &self,
        host: &str,
    ) -> Result<Option<Credential>, Box<dyn std::error::Error + Send + Sync>>;
}

/// Gives the engine credentials.
pub(crate) struct Credentials {
    pub(crate) auth: Arc<dyn RegistryAuth>,
    pub(crate) failures: Failures,
}

#[tonic::async_trait]
impl Auth for Credentials {
    async fn credentials(
        &self,
        request: Request<CredentialsRequest>,
    ) -> Result<Response<CredentialsResponse>, Status> {
        let host = request.into_inner().host;
        match self.auth.credential(&host).await {
            Ok(None) => Ok(Response::new(CredentialsResponse::default())),
            Ok(Some(credential)) => Ok(Response::new(CredentialsResponse {
                username: credential.username,
                secret: credential.password.expose_secret().to_owned(),
            })),
            Err(source) => {
                let error = Error::Login { host, source };
                let status = Status::failed_precondition(error.to_string());
                self.failures.keep(error);
                Err(status)
            }
        }
    }

    async fn fetch_token(
        &self,
        _: Request<FetchTokenRequest>,
    ) -> Result<Response<FetchTokenResponse>, Status> {
        Err(Status::unimplemented("the engine fetches tokens itself"))
    }

    /// "Unavailable" makes the engine exchange the credential for a token itself.
    async fn get_token_authority(
        &self,
        _: Request<GetTokenAuthorityRequest>,
    ) -> Result<Response<GetTokenAuthorityResponse>, Status> {
        Err(Status::unavailable("the engine fetches tokens itself"))
    }

    async fn verify_token_authority(
        &self,
        _: Request<VerifyTokenAuthorityRequest>,
    ) -> Result<Response<VerifyTokenAuthorityResponse>, Status> {
        Err(Status::unavailable("the engine fetches tokens itself"))
    }
}
