//! `GET /v2/_catalog`: the names of a registry's repositories.
//!
//! The OCI specification has no such thing; Docker's registry has, and ECR answers it with pages of 100 names, or of up
//! to 1000. Source: distribution registry documentation, "Listing Repositories"; for the most names, what
//! clients report of ECR.

use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde_json::json;

use super::error::OciError;
use super::request::value;
use super::tags::page_size;
use crate::faces::base_url::{BaseUrl, Peer};
use crate::refusal::Refusal;
use crate::services::permissions::{self, Sender};
use crate::state::EmulatorState;
use crate::state::iam::Principal;
use crate::state::store::Registry;

/// The repositories, for those who may list them.
pub(super) async fn list(
    state: &EmulatorState,
    base: &BaseUrl,
    parts: &Parts,
    principal: Option<&Principal>,
    registry: Registry,
) -> Result<Response, OciError> {
    let denied = || Refusal::AccessDenied("Not Authorized".to_owned());
    let sender = Sender {
        principal: principal.ok_or_else(denied)?,
        source: parts.extensions.get::<Peer>().map(|Peer(address)| address.ip()),
    };
    let all = registry.arn("*");
    permissions::permit(&state.iam, &registry, sender, "ecr:DescribeRepositories", &all)?;
    let query = parts.uri.query().unwrap_or_default();
    let parameter = |name: &str| {
        let mut pairs = url::form_urlencoded::parse(query.as_bytes());
        pairs
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
    };
    let (number, last) = (parameter("n"), parameter("last"));
    let size = number.as_deref().map_or(Ok(100), page_size)?;
    let listed = tokio::task::spawn_blocking(move || registry.repositories(last.as_deref(), size));
    let page = listed.await.map_err(Refusal::from)??;
    let names: Vec<&str> = page
        .items
        .iter()
        .map(|repository| repository.name.as_str())
        .collect();
    let body = json!({"repositories": names}).to_string();
    let content_type = HeaderValue::from_static("text/plain; charset=utf-8");
    let mut response = (StatusCode::OK, [(header::CONTENT_TYPE, content_type)], body).into_response();
    if let Some(next) = page.next {
        let number = number.map(|number| format!("&n={number}")).unwrap_or_default();
        let link = format!("<{base}/v2/_catalog?last={next}{number}>; rel=\"next\"");
        response.headers_mut().insert(header::LINK, value(&link)?);
    }
    Ok(response)
}
