//! ECR Public under its own name: a proxy leads its clients to an embedded ECR, whatever host they ask it for.

use std::path::Path;
use std::process::Command;

use super::local::Ecr;
use super::proxy::Proxy;

/// The alias of the account's public registry: `a`, and its number in base 36.
pub const ALIAS: &str = "a1kpqzg2c";

/// An embedded ECR that is found as `public.ecr.aws`.
pub struct PublicEcr {
    /// The embedded ECR.
    pub ecr: Ecr,
    proxy: Proxy,
}

impl PublicEcr {
    /// A new one.
    pub fn start() -> Self {
        Self::of(Ecr::start_with_tls(None))
    }

    /// One with these roles.
    pub fn start_with_roles(roles: &str) -> Self {
        Self::of(Ecr::start_with_tls(Some(roles)))
    }

    fn of(ecr: Ecr) -> Self {
        let proxy = Proxy::to(ecr.tls_address(), ecr.tls_address());
        Self { ecr, proxy }
    }

    /// `tagship` with the administrator's key and with ECR Public as the registry of the settings.
    pub fn command(&self, home: &Path, arguments: &[&str]) -> Command {
        let mut command = self.ecr.command(home, arguments);
        command.env("TAGSHIP_REGISTRY", "public.ecr.aws");
        self.lead(&mut command);
        command
    }

    /// Makes a program find `public.ecr.aws` here.
    pub fn lead(&self, command: &mut Command) {
        let (_, authority) = self.ecr.own_names();
        command
            .env("HTTPS_PROXY", format!("http://{}", self.proxy.address()))
            .env("NO_PROXY", "127.0.0.1,localhost")
            .env("SSL_CERT_FILE", authority);
    }
}
