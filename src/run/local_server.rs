//! The embedded ECR as a server for others, and how they use it.

use std::path::Path;

use secrecy::ExposeSecret as _;
use serde_json::{Map, Value};

use super::{Outcome, RunError};
use ecr_local::{Access, LocalEcr, LocalError, Options, SecureAccess};

/// Serves the embedded ECR until the future is dropped; `ready` gets what to print once it listens: `NAME=value` lines
/// that a shell can read, and the same as JSON.
pub async fn serve_local(options: Options, ready: impl FnOnce(Outcome) + Send) -> Result<(), RunError> {
    let emulator = LocalEcr::start(options).await?;
    let lines = emulator.announcement()?;
    let text = lines.iter().map(|(name, value)| format!("{name}={value}\n"));
    ready(outcome(
        text.collect(),
        lines.iter().map(|(name, value)| (*name, value.clone().into())),
    ));
    std::future::pending::<()>().await;
    Ok(())
}

/// The variables that lead the AWS CLI, the SDKs and Tagship to what serves `data` now, for a shell to evaluate.
pub async fn local_environment(data: &Path) -> Result<Outcome, RunError> {
    let access = LocalEcr::access_at(data)
        .await
        .ok_or_else(|| LocalError::NotServed {
            path: data.to_owned(),
        })?;
    Ok(shell_variables(&access, data))
}

fn shell_variables(access: &Access, data: &Path) -> Outcome {
    let endpoint = access
        .tls
        .as_ref()
        .map_or_else(|| access.endpoint.to_string(), SecureAccess::endpoint);
    let mut variables = vec![
        ("AWS_ENDPOINT_URL", endpoint),
        ("AWS_ACCESS_KEY_ID", access.administrator.id.clone()),
        (
            "AWS_SECRET_ACCESS_KEY",
            access.administrator.secret.expose_secret().to_owned(),
        ),
        // Python's SDK knows the second name alone.
        ("AWS_REGION", access.region.to_string()),
        ("AWS_DEFAULT_REGION", access.region.to_string()),
        (
            "ACTIONS_ID_TOKEN_REQUEST_URL",
            access.oidc_request_url.to_string(),
        ),
        (
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
            access.oidc_request_token.expose_secret().to_owned(),
        ),
        ("TAGSHIP_LOCAL", "true".to_owned()),
        ("TAGSHIP_LOCAL_DATA", data.display().to_string()),
    ];
    if let Some(tls) = &access.tls {
        let authority = tls.authority.display().to_string();
        variables.extend([
            // The first is for Python and the AWS CLI, the second for everything that is built on OpenSSL or rustls.
            ("AWS_CA_BUNDLE", authority.clone()),
            ("SSL_CERT_FILE", authority),
        ]);
    }
    // What these say would win over the key pair, or go with it as if it were a session's.
    let stale = ["AWS_PROFILE", "AWS_SESSION_TOKEN"];
    let exports: Vec<String> = variables
        .iter()
        .map(|(name, value)| format!("export {name}={}\n", quoted(value)))
        .collect();
    let text = format!("unset {}\n{}", stale.join(" "), exports.concat());
    let values = variables.into_iter().map(|(name, value)| (name, value.into()));
    outcome(
        text,
        stale.map(|name| (name, Value::Null)).into_iter().chain(values),
    )
}

/// One word of a POSIX shell, whatever is in it.
pub(super) fn quoted(value: &str) -> String {
    format!("'{}'", value.replace('\'', "'\\''"))
}

fn outcome(text: String, values: impl Iterator<Item = (&'static str, Value)>) -> Outcome {
    let json: Map<String, Value> = values.map(|(name, value)| (name.to_owned(), value)).collect();
    Outcome {
        text,
        json: Value::Object(json),
        is_bare: true,
        ..Outcome::default()
    }
}

#[cfg(test)]
mod tests {
    use super::quoted;

    // POSIX shell, "2.2.2 Single-Quotes": everything is literal but the quote itself.
    #[test]
    fn a_value_is_one_word_whatever_is_in_it() {
        for (value, word) in [
            ("plain", "'plain'"),
            ("$(id) `id` \\ \"", "'$(id) `id` \\ \"'"),
            ("it's", r"'it'\''s'"),
            ("", "''"),
        ] {
            assert_eq!(quoted(value), word);
        }
    }
}
