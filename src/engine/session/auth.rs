use std::sync::Arc;

use bollard_buildkit_proto::moby::filesync::v1::auth_server::Auth;
use bollard_buildkit_proto::moby::filesync::v1::{
    CredentialsRequest, CredentialsResponse, FetchTokenRequest, FetchTokenResponse, GetTokenAuthorityRequest,
    GetTokenAuthorityResponse, VerifyTokenAuthorityRequest, VerifyTokenAuthorityResponse,
};
use secrecy::ExposeSecret as _;
use tonic::{Request, Response, Status};

use super::Failures;
use crate::ports::{RegistryError, RegistryLogin};
use tagship_domain::reference::RegistryHost;

/// Gives the engine the destination's credential at the moment that it pushes, and no other registry's.
pub(in crate::engine) struct Credentials {
    pub(in crate::engine) host: RegistryHost,
    pub(in crate::engine) login: Arc<dyn RegistryLogin>,
    pub(in crate::engine) failures: Failures,
}

#[tonic::async_trait]
impl Auth for Credentials {
    async fn credentials(
        &self,
        request: Request<CredentialsRequest>,
    ) -> Result<Response<CredentialsResponse>, Status> {
        if request.get_ref().host != self.host.as_str() {
            return Ok(Response::new(CredentialsResponse::default()));
        }
        match self.login.credential(&self.host).await {
            Ok(credential) => Ok(Response::new(CredentialsResponse {
                username: credential.username,
                secret: credential.password.expose_secret().to_owned(),
            })),
            Err(source) => {
                let error = RegistryError::Login {
                    host: self.host.clone(),
                    source,
                };
                let status = Status::failed_precondition(error.to_string());
                self.failures.keep(error.into());
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
