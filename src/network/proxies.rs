//! The proxies that the environment names.

use std::fmt;

use url::Url;

use super::exceptions::Exceptions;
use super::{NetworkError, Place, Variables};
use tagship_domain::untrusted::cleaned;

const HINT: &str = "name a proxy as `http://host:port`, or unset the variable; SOCKS is not spoken here";

/// The proxies of both protocols, and what is reached without one.
#[derive(Default)]
pub(super) struct Proxies {
    http: Option<Url>,
    https: Option<Url>,
    exceptions: Exceptions,
}

impl Proxies {
    /// Reads the variables: the name in capitals counts before the other, and `ALL_PROXY` for a protocol that has none.
    ///
    /// Source: curl(1), "ENVIRONMENT"; that capitals come first is what Go's `httpproxy` does, and so Docker.
    pub(super) fn read(variables: &Variables<'_>) -> Result<Self, NetworkError> {
        let https = given(variables, ["HTTPS_PROXY", "https_proxy"]);
        let http = given(variables, ["HTTP_PROXY", "http_proxy"]);
        // What no address is reached by need not be understood.
        let is_needed = https.is_none() || http.is_none();
        let all = given(variables, ["ALL_PROXY", "all_proxy"]).filter(|_| is_needed);
        let parsed = |named: Option<(&'static str, &str)>| {
            named.or(all).map(|(name, text)| proxy(name, text)).transpose()
        };
        Ok(Self {
            https: parsed(https)?,
            http: parsed(http)?,
            exceptions: match given(variables, ["NO_PROXY", "no_proxy"]) {
                Some((name, text)) => Exceptions::parse(name, text)?,
                None => Exceptions::default(),
            },
        })
    }

    /// Whether everything is reached without a proxy.
    pub(super) fn is_empty(&self) -> bool {
        self.http.is_none() && self.https.is_none()
    }

    /// The proxy by which an address is reached, with its credentials.
    pub(super) fn of(&self, address: &Url) -> Option<&Url> {
        let proxy = match address.scheme() {
            "https" => self.https.as_ref(),
            "http" => self.http.as_ref(),
            _ => None,
        }?;
        (!self.exceptions.contain(address)).then_some(proxy)
    }
}

/// The first of the variables that is not blank.
fn given<'a>(variables: &Variables<'a>, names: [&'static str; 2]) -> Option<(&'static str, &'a str)> {
    names.into_iter().find_map(|name| {
        let text = variables(name)?.trim();
        (!text.is_empty()).then_some((name, text))
    })
}

fn proxy(name: &'static str, text: &str) -> Result<Url, NetworkError> {
    let whole = if text.contains("://") {
        text.to_owned()
    } else {
        format!("http://{text}")
    };
    let refused = |problem: &str| NetworkError::Setting {
        place: Place::Variable(name),
        problem: format!("`{}` {problem}", shown(text)),
        hint: HINT,
    };
    let url = Url::parse(&whole).map_err(|error| refused(&format!("is no address of a proxy: {error}")))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(refused("is a proxy of another protocol than HTTP"));
    }
    Ok(url)
}

/// The address without user and password.
fn shown(text: &str) -> String {
    let (scheme, rest) = match text.split_once("://") {
        Some((scheme, rest)) => (format!("{scheme}://"), rest),
        None => (String::new(), text),
    };
    match rest.rsplit_once('@') {
        Some((_, host)) => cleaned(&format!("{scheme}***@{host}")),
        None => cleaned(text),
    }
}

/// Without credentials.
impl fmt::Debug for Proxies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = |url: &Option<Url>| url.as_ref().and_then(Url::host_str).map(str::to_owned);
        f.debug_struct("Proxies")
            .field("http", &host(&self.http))
            .field("https", &host(&self.https))
            .finish_non_exhaustive()
    }
}
