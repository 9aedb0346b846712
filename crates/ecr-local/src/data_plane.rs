//! `/v2`: the registry that docker and its kind push to and pull from, with ECR's own ways.
//!
//! Source: OCI distribution spec 1.1; where ECR differs, its behaviour as it was observed.

mod blobs;
mod error;
mod login;
mod manifests;
mod mounts;
mod public;
mod removal;
mod route;
pub(crate) mod storage;
mod tags;
mod translation;
mod uploads;

use std::net::IpAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};

pub(crate) use error::OciError;
pub(crate) use public::{token as public_token, token_by_name as public_token_by_name};
use route::{Endpoint, Route};

use crate::creation;
use crate::emulator::Emulator;
use crate::exchange::{Call, Exchange, Face};
use crate::hosts::AwsHost;
use crate::iam::Principal;
use crate::permissions::{self, Sender};
use crate::refusal::Refusal;
use crate::server::{BaseUrl, Peer};
use crate::store::{Alias, Registry};
use tagship_domain::reference::RepositoryName;

const API_VERSION: HeaderName = HeaderName::from_static("docker-distribution-api-version");
const CONTENT_DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");
const UPLOAD_ID: HeaderName = HeaderName::from_static("docker-upload-uuid");

/// Which registries a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Visibility {
    Private,
    Public,
}

/// Answers one request under `/v2` to the registry that the host's name tells: a private one unless it is the host
/// of the public ones.
pub(crate) async fn answer(
    State(emulator): State<Arc<Emulator>>,
    exchange: Exchange,
    base: BaseUrl,
    request: Request,
) -> Response {
    let visibility = match base.endpoint() {
        Some(AwsHost::PublicRegistry) => Visibility::Public,
        _ => Visibility::Private,
    };
    answer_as(visibility, emulator, exchange, base, request).await
}

/// Answers one request under `/v2` to the public registries.
pub(crate) async fn public_answer(
    State(emulator): State<Arc<Emulator>>,
    exchange: Exchange,
    base: BaseUrl,
    request: Request,
) -> Response {
    answer_as(Visibility::Public, emulator, exchange, base, request).await
}

async fn answer_as(
    visibility: Visibility,
    emulator: Arc<Emulator>,
    exchange: Exchange,
    base: BaseUrl,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let route = Route::parse(&parts.method, &parts.uri);
    let call = match &route {
        Ok(route) => Call::new(route.operation(&parts.method))
            .repository(route.repository().map(ToString::to_string))
            .reference(route.reference()),
        Err(_) => Call::new("Unknown"),
    };
    let effect = async {
        let mut response = match respond(visibility, &emulator, &base, &parts, route, body).await {
            Ok(response) => response,
            Err(error) => error.into_response(),
        };
        response
            .headers_mut()
            .insert(API_VERSION, HeaderValue::from_static("registry/2.0"));
        response
    };
    exchange.perform(&emulator, call.face(Face::Oci), effect).await
}

async fn respond(
    visibility: Visibility,
    emulator: &Arc<Emulator>,
    base: &BaseUrl,
    parts: &Parts,
    route: Result<Route, OciError>,
    body: Body,
) -> Result<Response, OciError> {
    let registry = match base.endpoint() {
        Some(AwsHost::Registry(account, region)) => emulator.registry_at(account, region),
        _ => emulator.registry.clone(),
    };
    let identified = match visibility {
        Visibility::Private => login::identify(emulator, &registry, &parts.headers).map(Some),
        Visibility::Public => public::identify(emulator, &parts.headers),
    };
    let principal = match (identified, visibility) {
        (Ok(principal), _) => principal,
        (Err(login::Refused::Challenge), Visibility::Private) => return Ok(login::challenge(base)),
        (Err(login::Refused::Challenge), Visibility::Public) => return Ok(public::challenge(base)),
        (Err(login::Refused::Expired(refusal)), _) => return Err(refusal.into()),
    };
    let Route::Repository(named, endpoint) = route? else {
        return Ok(StatusCode::OK.into_response());
    };
    if endpoint.deletes() && !emulator.quirks.strict_oci {
        return Err(OciError::unsupported());
    }
    let (registry, repository) = match visibility {
        Visibility::Private => (registry, named.clone()),
        Visibility::Public => public::place(emulator, &named)?,
    };
    let request = DataPlaneRequest {
        emulator,
        base,
        parts,
        principal,
        registry,
        named,
    };
    request.permit(&repository, &endpoint)?;
    match endpoint {
        Endpoint::GetManifest(reference) => manifests::get(&request, repository, reference).await,
        Endpoint::PutManifest(reference) => manifests::put(&request, repository, reference, body).await,
        Endpoint::DeleteManifest(reference) => removal::manifest(&request, repository, reference).await,
        Endpoint::DeleteBlob(digest) => removal::blob(&request, repository, digest).await,
        Endpoint::GetBlob(digest) => blobs::get(&request, repository, digest).await,
        Endpoint::StartUpload => uploads::start(&request, repository).await,
        Endpoint::UploadStatus(id) => uploads::status(&request, &repository, &id),
        Endpoint::UploadPart(id) => uploads::part(&request, repository, &id, body).await,
        Endpoint::CompleteUpload(id) => uploads::complete(&request, repository, &id, body).await,
        Endpoint::CancelUpload(id) => uploads::cancel(&request, &repository, &id),
        Endpoint::ListTags => tags::list(&request, repository).await,
        Endpoint::ListReferrers(digest) => tags::referrers(&request, repository, digest).await,
    }
}

/// A request whose sender and registry are known.
struct DataPlaneRequest<'a> {
    emulator: &'a Arc<Emulator>,
    base: &'a BaseUrl,
    parts: &'a Parts,
    /// Nobody where the sender has not logged in, which only public registries allow.
    principal: Option<Principal>,
    /// The registry that is meant.
    registry: Registry,
    /// The repository as clients name it: with the alias before it in public registries.
    named: RepositoryName,
}

impl DataPlaneRequest<'_> {
    /// Checks the sender's permission for what the request wants.
    fn permit(&self, repository: &RepositoryName, endpoint: &Endpoint) -> Result<(), OciError> {
        if self.registry.is_public() && endpoint.only_reads() {
            return Ok(());
        }
        let is_head = self.parts.method == axum::http::Method::HEAD;
        self.permit_all(repository, endpoint.actions(is_head))
    }

    /// Where the request comes from.
    fn source(&self) -> Option<IpAddr> {
        let peer = self.parts.extensions.get::<Peer>();
        peer.map(|Peer(address)| address.ip())
    }

    /// Checks the sender's permissions for some of the API's operations on a repository.
    fn permit_all(&self, repository: &RepositoryName, operations: &[&str]) -> Result<(), OciError> {
        let sender = Sender {
            principal: self.principal()?,
            source: self.source(),
        };
        self.look_up(|registry| {
            let resource = registry.arn(repository.as_str());
            operations.iter().try_for_each(|operation| {
                let action = registry.action(operation);
                permissions::permit(self.emulator, registry, sender, &action, &resource)
            })
        })
    }

    /// What is malformed: ECR does not support it, where the specification has a code for it.
    fn invalid(&self, specified: &'static str, refusal: Refusal) -> OciError {
        if self.emulator.quirks.strict_oci {
            OciError::new(400, specified, refusal.to_string())
        } else {
            refusal.into()
        }
    }

    /// Who has logged in.
    fn principal(&self) -> Result<&Principal, OciError> {
        let denied = || Refusal::AccessDenied("Not Authorized".to_owned()).into();
        self.principal.as_ref().ok_or_else(denied)
    }

    /// The repository's address.
    fn address(&self) -> String {
        format!("{}/v2/{}", self.base, self.named)
    }

    /// Checks that the repository is there, or makes it as a template for pushes says.
    async fn prepare_push(&self, repository: &RepositoryName) -> Result<(), OciError> {
        creation::before_push(self.emulator, &self.registry, repository)
            .await
            .map_err(|refusal| self.refused(refusal))
    }

    /// Works on the registry's state, where it may block.
    async fn with_registry<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Registry) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, OciError> {
        let registry = self.registry.clone();
        let done = tokio::task::spawn_blocking(move || work(&registry))
            .await
            .map_err(Refusal::from)?;
        done.map_err(|refusal| self.refused(refusal))
    }

    /// Looks something up by its key. That is done at once: it reads a few pages, which takes less time than another
    /// thread needs to wake up.
    fn look_up<T>(&self, look: impl FnOnce(&Registry) -> Result<T, Refusal>) -> Result<T, OciError> {
        look(&self.registry).map_err(|refusal| self.refused(refusal))
    }

    /// A refusal in the words of this interface.
    fn refused(&self, refusal: Refusal) -> OciError {
        match refusal {
            // A public registry goes by its alias there.
            Refusal::RepositoryNotFound { repository, .. } if self.registry.is_public() => {
                public::no_such_repository(&repository, &Alias::of(self.registry.account()).to_string())
            }
            refusal => refusal.into(),
        }
    }

    /// The value of a query parameter.
    fn query(&self, name: &str) -> Option<String> {
        let query = self.parts.uri.query()?;
        url::form_urlencoded::parse(query.as_bytes())
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
    }

    /// A header, if it is text.
    fn header(&self, name: &HeaderName) -> Option<&str> {
        self.parts.headers.get(name)?.to_str().ok()
    }
}
