//! Which endpoints may be sent secrets.

use std::net::IpAddr;

use url::{Host, Url};

use crate::aws::IdentityError;
use tagship_domain::reference::RegistryHost;

/// Refuses an endpoint that secrets would reach in the clear.
///
/// Tokens and passwords cross the endpoint, so plain HTTP is taken only on this machine and in private networks, and
/// where the registry is itself an emulator, which is spoken to in plain HTTP anyway.
pub(super) fn check(endpoint: &Url, registry: &RegistryHost) -> Result<(), IdentityError> {
    let private = match endpoint.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => is_private(address.into()),
        Some(Host::Ipv6(address)) => is_private(address.into()),
        None => false,
    };
    match endpoint.scheme() {
        "https" => Ok(()),
        "http" if private || registry.is_plain_http() => Ok(()),
        _ => {
            let mut shown = endpoint.clone();
            // Both fail only for URLs that cannot have them.
            shown.set_password(None).ok();
            shown.set_username("").ok();
            Err(IdentityError::InsecureEndpoint {
                url: shown.to_string(),
            })
        }
    }
}

fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_loopback() || v4.is_private() || v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_stays_in_private_networks() {
        let ecr = RegistryHost::parse("123456789012.dkr.ecr.eu-central-1.amazonaws.com").unwrap();
        let emulator = RegistryHost::parse("ecr:5510").unwrap();
        let allowed = |url: &str, registry: &RegistryHost| check(&Url::parse(url).unwrap(), registry).is_ok();
        for url in [
            "https://api.example",
            "http://127.0.0.1:1",
            "http://localhost:1",
            "http://[::1]:1",
            "http://172.20.0.2",
        ] {
            assert!(allowed(url, &ecr), "{url}");
        }
        for url in [
            "http://ecr:5510",
            "http://8.8.8.8",
            "http://localhost.example",
            "ftp://127.0.0.1",
            "unix:/x",
        ] {
            assert!(!allowed(url, &ecr), "{url}");
        }
        assert!(allowed("http://ecr:5510", &emulator));
        let error = check(&Url::parse("http://me:secret@api.example/").unwrap(), &ecr).unwrap_err();
        assert!(!error.to_string().contains("secret"), "{error}");
    }
}
