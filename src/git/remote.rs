use gix::bstr::{BStr, ByteSlice as _};
use gix::url::Scheme;
use url::Url;

/// The web address of the repository that a remote's URL names; `None` for what is no forge's.
///
/// Users, passwords and ports of other protocols are left out, `.git` too.
pub(super) fn web_url(remote: &BStr) -> Option<String> {
    let parsed = gix::url::parse(remote).ok()?;
    let host = parsed.host()?;
    let path = parsed.path.to_str().ok()?;
    let path = path.trim_matches('/');
    let path = path.strip_suffix(".git").unwrap_or(path);
    let legal = |c: char| c.is_ascii_alphanumeric() || "-._~/".contains(c);
    if path.is_empty() || path.starts_with('~') || !path.chars().all(legal) {
        return None;
    }
    let base = match (&parsed.scheme, parsed.port) {
        (Scheme::Https, Some(port)) => format!("https://{host}:{port}"),
        (Scheme::Http, Some(port)) => format!("http://{host}:{port}"),
        (Scheme::Http, None) => format!("http://{host}"),
        (Scheme::Https | Scheme::Ssh | Scheme::Git, _) => format!("https://{host}"),
        _ => return None,
    };
    let url = Url::parse(&format!("{base}/{path}")).ok()?;
    url.host_str()
        .is_some_and(|found| found == host.to_ascii_lowercase())
        .then(|| url.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remotes_become_web_addresses_without_credentials() {
        for (remote, web) in [
            ("https://github.com/octo/app.git", "https://github.com/octo/app"),
            ("https://github.com/octo/app", "https://github.com/octo/app"),
            (
                "https://x-access-token:ghs_secret@github.com/octo/app.git/",
                "https://github.com/octo/app",
            ),
            ("git@github.com:octo/app.git", "https://github.com/octo/app"),
            (
                "ssh://git@github.example:2222/octo/app.git",
                "https://github.example/octo/app",
            ),
            ("git://git.example/app.git", "https://git.example/app"),
            (
                "https://git.example:8443/a/b/c.git",
                "https://git.example:8443/a/b/c",
            ),
            ("http://git.example/app", "http://git.example/app"),
        ] {
            assert_eq!(web_url(remote.into()).as_deref(), Some(web), "{remote}");
        }
    }

    #[test]
    fn what_is_no_forge_has_no_web_address() {
        for remote in [
            "",
            "/srv/git/app.git",
            "../app",
            "file:///srv/app.git",
            "https://github.com/",
            "https://github.com/octo/app?token=secret",
            "https://github.com/octo/a b",
            "https://github.com/octo/app\n::set-output",
            "git@github.com:~/app",
            "ext::sh -c evil",
        ] {
            assert_eq!(web_url(remote.into()), None, "{remote}");
        }
    }
}
