//! Logins to registries, as lines.

use super::attributes::attributes;
use super::invalid::InvalidOption;

/// A line of `registry-auth`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistryLoginLine {
    /// The registry's host, as an engine names it.
    pub host: String,
    /// The user.
    pub username: String,
    /// The variable that holds the password.
    pub password_env: String,
}

/// Reads `host=HOST,username=USER,password-env=VARIABLE`.
pub fn registry_login(line: &str) -> Result<RegistryLoginLine, InvalidOption> {
    let mut attributes = attributes(line)?;
    let mut take = |key| attributes.remove(key).filter(|value: &String| !value.is_empty());
    match (take("host"), take("username"), take("password-env")) {
        (Some(host), Some(username), Some(password_env)) if attributes.is_empty() => Ok(RegistryLoginLine {
            host: login_host(&host),
            username,
            password_env,
        }),
        _ => Err(InvalidOption::RegistryLogin),
    }
}

/// Returns the host that an engine asks for, of the text that a login is kept under.
///
/// Source: docker/cli, `credentials.ConvertToHostname`; `BuildKit`, `session/auth/authprovider`, for Docker Hub's hosts.
pub fn login_host(text: &str) -> String {
    let text = text.trim();
    let rest = text.split_once("://").map_or(text, |(_, rest)| rest);
    let host = rest.split('/').next().unwrap_or(rest);
    match host {
        "docker.io" | "index.docker.io" => "registry-1.docker.io".to_owned(),
        host => host.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logins_are_found_by_the_host_that_an_engine_asks_for() {
        for (text, host) in [
            ("https://index.docker.io/v1/", "registry-1.docker.io"),
            ("docker.io", "registry-1.docker.io"),
            ("https://ghcr.io", "ghcr.io"),
            ("registry.example:5000", "registry.example:5000"),
            ("http://registry.example:5000/v2/", "registry.example:5000"),
        ] {
            assert_eq!(login_host(text), host, "{text}");
        }
    }

    #[test]
    fn a_line_says_host_user_and_where_the_password_is() {
        let login = registry_login("host=ghcr.io,username=bot,password-env=GHCR").unwrap();
        assert_eq!(
            (
                login.host.as_str(),
                login.username.as_str(),
                login.password_env.as_str()
            ),
            ("ghcr.io", "bot", "GHCR")
        );
        for line in [
            "host=a,username=b",
            "host=a,username=b,password=c",
            "host=a,username=,password-env=c",
            "host=a,username=b,password-env=c,x=y",
        ] {
            assert_eq!(registry_login(line), Err(InvalidOption::RegistryLogin), "{line}");
        }
    }
}
