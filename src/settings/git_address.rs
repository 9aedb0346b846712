//! A repository elsewhere as the build context: `URL#REF:FOLDER`.

use std::fmt;

use secrecy::{ExposeSecret as _, SecretString};
use url::{Host, Url};

use tagship_domain::untrusted::{cleaned, is_hidden};

/// A commit of a repository elsewhere, and a folder in it.
///
/// Source: docker CLI reference, `docker buildx build`, "Git repositories"; BuildKit, `util/gitutil`.
#[derive(Debug, Clone)]
pub struct GitAddress {
    /// With a password, where it has one.
    remote: SecretString,
    /// Without user, password and fragment.
    shown: String,
    /// The branch, tag, other reference, or commit's full id; the default branch when absent.
    pub reference: Option<String>,
    /// The folder, without `.`, `..` and slashes around it; empty for the root.
    pub folder: String,
}

/// Why an address is no git repository's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidGitAddress {
    /// Of what is fetched by HTTP, repositories alone are taken.
    #[error("`{shown}` is not the address of a git repository, which ends in `.git`")]
    NotGit {
        /// Without what may be secret.
        shown: String,
    },
    /// Another protocol.
    #[error(
        "`{scheme}://` is not supported; a git repository has `https://`, `http://`, `ssh://`, `git://` or `git@HOST:PATH`"
    )]
    Scheme {
        /// The protocol.
        scheme: String,
    },
    /// What a reader would not see.
    #[error("it holds characters that are not shown")]
    Hidden,
    /// No address at all.
    #[error("it is not an address with a host and a path")]
    Address,
    /// Parameters.
    #[error("parameters after `?` are not taken; reference and folder stand behind `#`, as `#v1.2.3:app`")]
    Parameters,
    /// A reference that git does not have.
    #[error("`{reference}` is no name of a branch, tag or commit")]
    Reference {
        /// What stands there.
        reference: String,
    },
    /// A folder that is none of the repository.
    #[error("the folder `{folder}` lies outside of the repository")]
    Folder {
        /// What stands there.
        folder: String,
    },
}

impl GitAddress {
    /// Whether what stands for a context is an address, and no folder.
    pub fn is_address(text: &str) -> bool {
        text.contains("://") || text.starts_with("git@")
    }

    /// Whether an address of a named context is a git repository's, and not one of a file: what is fetched by HTTP is one if it
    /// ends in `.git`.
    ///
    /// Source: BuildKit, `util/gitutil`, `ParseGitRef`.
    pub fn is_repository(address: &str) -> bool {
        let (remote, _) = address.split_once('#').unwrap_or((address, ""));
        let scheme = remote
            .split_once("://")
            .map(|(scheme, _)| scheme.to_ascii_lowercase());
        let of_protocol = remote.starts_with("git@")
            || scheme.is_some_and(|scheme| matches!(scheme.as_str(), "git" | "ssh"));
        let of_web = || {
            let url = Url::parse(remote).ok();
            url.is_some_and(|url| url.path().trim_end_matches('/').strip_suffix(".git").is_some())
        };
        of_protocol || of_web()
    }

    /// Reads an address.
    pub fn parse(text: &str) -> Result<Self, InvalidGitAddress> {
        if text.chars().any(is_hidden) {
            return Err(InvalidGitAddress::Hidden);
        }
        let (remote, fragment) = text.split_once('#').unwrap_or((text, ""));
        let (reference, folder) = fragment.split_once(':').unwrap_or((fragment, ""));
        let shown = shown(remote)?;
        // A scheme is the same in every case, which git does not know. Source: RFC 3986, section 3.1.
        let remote = match remote.split_once("://") {
            Some((scheme, rest)) => format!("{}://{rest}", scheme.to_ascii_lowercase()),
            None => remote.to_owned(),
        };
        let is_id = |text: &str| text.len() == 40 && text.bytes().all(|b| b.is_ascii_hexdigit());
        if !reference.is_empty() && !is_id(reference) && !is_reference(reference) {
            return Err(InvalidGitAddress::Reference {
                reference: cleaned(reference),
            });
        }
        let parts = folder.split('/').filter(|part| !part.is_empty() && *part != ".");
        let parts: Vec<&str> = parts.collect();
        if parts.contains(&"..") || parts.contains(&".git") || folder.contains('\0') {
            return Err(InvalidGitAddress::Folder {
                folder: cleaned(folder),
            });
        }
        Ok(Self {
            remote: remote.into(),
            shown,
            reference: (!reference.is_empty()).then(|| reference.to_owned()),
            folder: parts.join("/"),
        })
    }

    /// The address that git is given, with its password. For git alone.
    pub fn exposed(&self) -> &str {
        self.remote.expose_secret()
    }

    /// The address, without user and password.
    pub fn shown(&self) -> &str {
        &self.shown
    }

    /// Whether it holds a password, or a token in its place.
    pub fn has_secret(&self) -> bool {
        let Some((_, rest)) = self.exposed().split_once("://") else {
            return false;
        };
        let before_path = rest.split('/').next().unwrap_or_default();
        before_path.rsplit_once('@').is_some_and(|(user, _)| {
            // A token may stand for the user.
            let secret = user.split_once(':').map(|(_, password)| password);
            let secret = secret.or(self.shown.starts_with("http").then_some(user));
            secret.is_some_and(|secret| !secret.is_empty())
        })
    }

    /// Where a token may go: protocol, host and port of an address that is asked by HTTPS, or by HTTP on this machine.
    pub fn origin(&self) -> Option<(String, String)> {
        let url = Url::parse(&self.shown).ok()?;
        let is_here = || match url.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        };
        let is_web = url.scheme() == "https" || url.scheme() == "http" && is_here();
        let origin = url.origin().ascii_serialization();
        is_web.then(|| (origin, url.host_str().unwrap_or_default().to_owned()))
    }
}

impl fmt::Display for GitAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reference = self.reference.as_deref().unwrap_or_default();
        f.write_str(&self.shown)?;
        match (reference, self.folder.as_str()) {
            ("", "") => Ok(()),
            (reference, "") => write!(f, "#{reference}"),
            (reference, folder) => write!(f, "#{reference}:{folder}"),
        }
    }
}

/// The address of a repository without user and password.
fn shown(remote: &str) -> Result<String, InvalidGitAddress> {
    if let Some(rest) = remote.strip_prefix("git@") {
        let is_legal = rest
            .split_once(':')
            .is_some_and(|(host, path)| is_host(host) && !path.is_empty() && !path.starts_with('-'));
        return if is_legal {
            Ok(cleaned(remote))
        } else {
            Err(InvalidGitAddress::Address)
        };
    }
    let mut url = Url::parse(remote).map_err(|_error| InvalidGitAddress::Address)?;
    let scheme = url.scheme().to_owned();
    if !matches!(scheme.as_str(), "http" | "https" | "ssh" | "git") {
        return Err(InvalidGitAddress::Scheme {
            scheme: cleaned(&scheme),
        });
    }
    let is_hosted = url.host_str().is_some_and(|host| !host.starts_with('-'));
    if !is_hosted || url.path().len() < 2 || remote.contains(char::is_whitespace) {
        return Err(InvalidGitAddress::Address);
    }
    if url.query().is_some() {
        return Err(InvalidGitAddress::Parameters);
    }
    let cleared = url.set_username("").and_then(|()| url.set_password(None));
    cleared.map_err(|()| InvalidGitAddress::Address)?;
    let shown = url.to_string();
    let is_web = scheme.starts_with("http");
    if is_web && url.path().trim_end_matches('/').strip_suffix(".git").is_none() {
        return Err(InvalidGitAddress::NotGit { shown });
    }
    Ok(shown)
}

fn is_host(text: &str) -> bool {
    let legal = |b: u8| b.is_ascii_alphanumeric() || b".-_".contains(&b);
    !text.is_empty() && !text.starts_with('-') && text.bytes().all(legal)
}

/// Whether git takes a name for one of a reference.
///
/// Source: git, `git-check-ref-format(1)`.
fn is_reference(name: &str) -> bool {
    let is_part =
        |part: &str| !part.is_empty() && !part.starts_with('.') && part.strip_suffix(".lock").is_none();
    let legal = |c: char| !c.is_control() && !" ~^:?*[\\".contains(c);
    name.chars().all(legal)
        && name.split('/').all(is_part)
        && !name.starts_with('-')
        && !name.ends_with('.')
        && !name.contains("..")
        && !name.contains("@{")
        && name != "@"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reference_and_folder_stand_behind_the_address() {
        for (text, shown, reference, folder) in [
            ("https://host/team/app.git", "https://host/team/app.git", None, ""),
            (
                "https://host/app.git#main",
                "https://host/app.git",
                Some("main"),
                "",
            ),
            (
                "https://host/app.git#:docker",
                "https://host/app.git",
                None,
                "docker",
            ),
            (
                "https://host/app.git#refs/pull/7/merge:/a/./b/",
                "https://host/app.git",
                Some("refs/pull/7/merge"),
                "a/b",
            ),
            (
                "git@host:team/app#v1.2.3",
                "git@host:team/app",
                Some("v1.2.3"),
                "",
            ),
            ("ssh://git@host:2222/app", "ssh://host:2222/app", None, ""),
            ("git://host/app", "git://host/app", None, ""),
        ] {
            let address = GitAddress::parse(text).unwrap();
            let found = (
                address.shown(),
                address.reference.as_deref(),
                address.folder.as_str(),
            );
            assert_eq!(found, (shown, reference, folder), "{text}");
        }
    }

    #[test]
    fn a_scheme_is_the_same_in_every_case() {
        for (text, exposed) in [
            ("HTTPS://Host/App.git", "https://Host/App.git"),
            ("Ssh://git@host/app", "ssh://git@host/app"),
        ] {
            assert_eq!(GitAddress::parse(text).unwrap().exposed(), exposed);
            assert!(GitAddress::is_repository(text), "{text}");
        }
    }

    #[test]
    fn credentials_are_shown_nowhere() {
        for (text, secret) in [
            ("https://user:hunter22@host/app.git#main", "hunter22"),
            ("https://ghp_token@host/app.git", "ghp_token"),
        ] {
            let address = GitAddress::parse(text).unwrap();
            for said in [format!("{address}"), format!("{address:?}")] {
                assert!(!said.contains(secret), "{said}");
            }
            assert!(address.has_secret() && address.exposed().contains(secret));
        }
        for text in ["ssh://git@host/app", "git@host:app", "https://host/a@b.git"] {
            assert!(!GitAddress::parse(text).unwrap().has_secret(), "{text}");
        }
        let error = GitAddress::parse("https://user:hunter22@host/app").unwrap_err();
        assert_eq!(
            error.to_string(),
            "`https://host/app` is not the address of a git repository, which ends in `.git`"
        );
    }

    #[test]
    fn what_git_would_misread_is_refused() {
        for text in [
            "https://host/app",
            "https://host/",
            "https:///app.git",
            "ftp://host/app.git",
            "file:///srv/app.git",
            "ext::sh -c evil",
            "ssh://-oProxyCommand=evil/app",
            "git@-oProxyCommand=evil:app",
            "git@host:-upload-pack",
            "git@host",
            "https://host/app.git?ref=main",
            "https://host/app.git#--upload-pack=evil",
            "https://host/app.git#a..b",
            "https://host/app.git#main~1",
            "https://host/app.git#main:../x",
            "https://host/app.git#main:.git/hooks",
            "https://ho st/app.git",
            "https://host/app.git#ma\u{202e}in",
            "https://host/a\u{200b}pp.git",
        ] {
            assert!(GitAddress::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_file_on_the_web_is_no_repository() {
        for (address, is_repository) in [
            ("https://host/app.git", true),
            ("https://host/app.git/#main:docker", true),
            ("git@host:team/app", true),
            ("ssh://git@host/app", true),
            ("git://host/app", true),
            ("https://host/app.tar.gz", false),
            ("https://host/app#a.git", false),
            ("https://host/app?x=.git", false),
        ] {
            assert_eq!(GitAddress::is_repository(address), is_repository, "{address}");
        }
    }

    /// Source: RFC 9110, section 11: what a scheme without encryption sends is there for all on the way.
    #[test]
    fn a_token_goes_to_https_and_to_this_machine() {
        for (text, origin) in [
            ("https://host/a.git", Some("https://host")),
            ("http://127.0.0.1:8080/a.git", Some("http://127.0.0.1:8080")),
            ("http://[::1]/a.git", Some("http://[::1]")),
            ("http://localhost/a.git", Some("http://localhost")),
            ("http://host/a.git", None),
            ("http://127.0.0.1.host/a.git", None),
            ("ssh://host/a.git", None),
            ("git@host:a", None),
        ] {
            let address = GitAddress::parse(text).unwrap();
            assert_eq!(
                address.origin().map(|(origin, _)| origin).as_deref(),
                origin,
                "{text}"
            );
        }
    }
}
