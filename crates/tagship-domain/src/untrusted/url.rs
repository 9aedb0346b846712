//! Passwords in URLs.

use std::borrow::Cow;

/// Replaces the password of each URL by `***`; over HTTP the name too, where it stands alone, because a token often does.
///
/// A password that should have been percent-encoded is known by what follows its colon, which is no port then.
/// Source: RFC 3986, sections 3.2.1 to 3.2.3.
pub(super) fn without_passwords(text: &str) -> Cow<'_, str> {
    let mut shown = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + "://".len());
        shown.push_str(before);
        rest = after;
        let end = rest
            .find(|c: char| c.is_whitespace() || c.is_control() || "`\"'<>".contains(c))
            .unwrap_or(rest.len());
        let authority = rest[..end].split(['/', '?', '#']).next().unwrap_or_default();
        let user = authority
            .rsplit_once('@')
            .or_else(|| rest[..end].rsplit_once('@').filter(|_| !has_port(authority)))
            .map(|(user, _)| user);
        if let Some(user) = user {
            match user.split_once(':') {
                Some((name, _)) => shown.extend([name, ":***"]),
                None if before.ends_with("http://") || before.ends_with("https://") => shown.push_str("***"),
                None => shown.push_str(user),
            }
            rest = &rest[user.len()..];
        }
    }
    if shown.is_empty() {
        return Cow::Borrowed(text);
    }
    shown.push_str(rest);
    Cow::Owned(shown)
}

/// Replaces the password of `name:password@rest`, as it is written where the scheme of a URL was forgotten.
///
/// For names that were given, and not for output: there `npm:package@1` says another thing. Neither does `app:1@sha256:…`
/// have a password.
pub fn without_bare_password(text: &str) -> Cow<'_, str> {
    let parts = text.rsplit_once('@').filter(|(_, rest)| !rest.starts_with("sha"));
    match parts.and_then(|(user, rest)| Some((user.split_once(':')?.0, rest))) {
        Some((name, rest)) if !text.contains("://") => Cow::Owned(format!("{name}:***@{rest}")),
        _ => Cow::Borrowed(text),
    }
}

/// Whether the text is a host, with a port or without.
fn has_port(authority: &str) -> bool {
    authority
        .rsplit_once(':')
        .is_none_or(|(_, port)| port.ends_with(']') || port.bytes().all(|b| b.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::{without_bare_password, without_passwords};

    #[test]
    fn passwords_and_lone_tokens_are_replaced_and_nothing_else_is() {
        for (text, shown) in [
            ("tcp://me:s3cret@host:2375", "tcp://me:***@host:2375"),
            (
                "`https://AWS:a/b@c@1.dkr.ecr/x` and so on",
                "`https://AWS:***@1.dkr.ecr/x` and so on",
            ),
            (
                "https://ghp_token@github.com/a/b.git",
                "https://***@github.com/a/b.git",
            ),
            (
                "from http://a:b@c to http://d:e@f.",
                "from http://a:***@c to http://d:***@f.",
            ),
            ("http://:only@host", "http://:***@host"),
            ("ssh://git@github.com:22/a", "ssh://git@github.com:22/a"),
            (
                "https://host:443/v2/app@sha256:00",
                "https://host:443/v2/app@sha256:00",
            ),
            (
                "https://[::1]:443/app@sha256:00",
                "https://[::1]:443/app@sha256:00",
            ),
            ("https://host/@scope/package", "https://host/@scope/package"),
            ("mail me@host: app:1@sha256:00", "mail me@host: app:1@sha256:00"),
            ("://", "://"),
        ] {
            assert_eq!(without_passwords(text), shown, "{text}");
        }
    }

    #[test]
    fn a_password_is_replaced_where_the_scheme_was_forgotten() {
        for (text, shown) in [
            ("AWS:s3cret@host", "AWS:***@host"),
            ("AWS:a@b:c@host:5000/team/app", "AWS:***@host:5000/team/app"),
            ("host:5000/team/app:1@sha256:00", "host:5000/team/app:1@sha256:00"),
            ("me@host:5000", "me@host:5000"),
            ("host:5000/app:1", "host:5000/app:1"),
            ("https://me@host:1/@x", "https://me@host:1/@x"),
        ] {
            assert_eq!(without_bare_password(text), shown, "{text}");
        }
    }
}
