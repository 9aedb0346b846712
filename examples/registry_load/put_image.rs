//! `PutImage`, signed with Signature Version 4.

use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use hyper::{Method, Request};
use serde_json::json;

use super::{Body, Failure, Registry, full};

/// Makes a signed call of the API.
pub(crate) fn put_image(registry: &Registry, manifest: &str, tag: &str) -> Result<Request<Body>, Failure> {
    let body = json!({"repositoryName": registry.repository, "imageManifest": manifest, "imageTag": tag})
        .to_string();
    let uri = format!("http://{}/", registry.host);
    let region = std::env::var("AWS_REGION")?;
    let identity = Credentials::new(
        std::env::var("AWS_ACCESS_KEY_ID")?,
        std::env::var("AWS_SECRET_ACCESS_KEY")?,
        None,
        None,
        "load",
    )
    .into();
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region(&region)
        .name("ecr")
        .time(SystemTime::now())
        .settings(SigningSettings::default())
        .build()?
        .into();
    let headers = [
        ("host", registry.host.as_str()),
        ("content-type", "application/x-amz-json-1.1"),
        ("x-amz-target", "AmazonEC2ContainerRegistry_V20150921.PutImage"),
    ];
    let signable = SignableRequest::new(
        "POST",
        &uri,
        headers.into_iter(),
        SignableBody::Bytes(body.as_bytes()),
    )?;
    let (instructions, _) = sign(signable, &parameters)?.into_parts();
    let mut request = Request::builder().method(Method::POST).uri("/");
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let mut request = request.body(full(body))?;
    instructions.apply_to_request_http1x(&mut request);
    Ok(request)
}
