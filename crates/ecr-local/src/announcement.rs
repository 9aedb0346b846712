//! What a server says when it listens: how to use it, as names and values.

use secrecy::{ExposeSecret as _, SecretString};

use crate::access::Access;
use crate::hosts::ISSUER;

/// How to use the server that `access` is for, whose registry takes `password`.
pub(crate) fn announcement(access: &Access, password: &SecretString) -> Vec<(&'static str, String)> {
    let mut lines = vec![
        ("endpoint", access.endpoint.to_string()),
        ("registry", access.registry.to_string()),
        ("registry-password", password.expose_secret().to_owned()),
        ("access-key-id", access.administrator.id.clone()),
        (
            "secret-access-key",
            access.administrator.secret.expose_secret().to_owned(),
        ),
        ("region", access.region.to_string()),
        ("role-arn", access.role_arn.clone()),
        ("oidc-issuer", ISSUER.to_owned()),
        ("oidc-request-url", access.oidc_request_url.to_string()),
        (
            "oidc-request-token",
            access.oidc_request_token.expose_secret().to_owned(),
        ),
    ];
    let public = access.public_registry.clone();
    lines.extend(public.map(|registry| ("public-registry", registry)));
    if let Some(tls) = &access.tls {
        let registry = tls.registry(&access.account, &access.region);
        lines.extend([
            ("tls-endpoint", tls.endpoint()),
            ("ca-certificate", tls.authority.display().to_string()),
            ("hosts-line", tls.hosts_line(&access.account, &access.region)),
            ("docker-ca", format!("/etc/docker/certs.d/{registry}/ca.crt")),
            ("tls-registry", registry),
        ]);
    }
    lines
}
