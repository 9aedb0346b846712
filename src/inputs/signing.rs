//! Who signs the image.

use std::collections::BTreeMap;

use secrecy::SecretString;

use super::paths::Paths;
use super::problem::Problems;
use super::raw::InputText;
use super::{Environment, Origin, RawInputs, SettingsError, read_bounded};
use crate::settings::{RepositoryPlace, SignKey, SignSettings};
use tagship_domain::signing::Signer;
use tagship_domain::untrusted::cleaned;

/// The variables that a program which signs is given: its own, those that the network and its key store need. The job's
/// tokens and Tagship's inputs are not among them.
const VARIABLES: [&str; 15] = [
    "PATH",
    "HOME",
    "XDG_CONFIG_HOME",
    "TMPDIR",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "no_proxy",
    "GOOGLE_APPLICATION_CREDENTIALS",
];
/// The same by how they begin.
const PREFIXES: [&str; 6] = ["AWS_", "AZURE_", "COSIGN_", "NOTATION_", "SIGSTORE_", "VAULT_"];

/// The most bytes of a file with a public key.
const MAX_KEY: usize = 64 * 1024;

/// Reads `sign` and `sign-key` of a run that publishes.
pub(super) fn read(
    raw: &RawInputs,
    environment: &Environment,
    paths: &Paths,
    push: bool,
    targets: &[RepositoryPlace],
    problems: &mut Problems,
) -> Option<SignSettings> {
    let sign = raw.text("sign", problems)?;
    let key = raw.text("sign-key", problems);
    if sign.text == "off" {
        let key = key?;
        if !matches!(key.origin, Origin::File { .. }) {
            let hint = "give `sign: cosign` or `sign: notation`, or leave it out".to_owned();
            problems.add::<()>(&key.origin, "names a key, and nothing is signed", hint);
        }
        return None;
    }
    let Some(signer) = Signer::parse(&sign.text) else {
        let message = format!(
            "`{}` is none of `cosign`, `notation`, `managed` and `off`",
            cleaned(&sign.text)
        );
        return problems.add(&sign.origin, message, None);
    };
    if !push {
        let hint = "leave `sign` out, or publish".to_owned();
        return problems.add(&sign.origin, "what is not published is not signed", hint);
    }
    let is_private_ecr = |target: &RepositoryPlace| match target {
        RepositoryPlace::Ecr(_) => target.image().is_none_or(|image| !image.registry.is_public_ecr()),
        RepositoryPlace::Other(_) => false,
    };
    let elsewhere = targets.iter().find(|target| !is_private_ecr(target));
    if signer == Signer::Managed
        && let Some(image) = elsewhere.and_then(RepositoryPlace::image)
    {
        let message =
            format!("`managed` signs in private registries of ECR alone, and `targets` names `{image}`");
        let hint = "let `cosign` or `notation` sign, or leave that target out".to_owned();
        return problems.add(&sign.origin, message, hint);
    }
    let key = key_of(signer, key, &sign, paths, problems)?;
    let variables = variables(environment);
    Some(SignSettings {
        signer,
        key,
        variables,
    })
}

fn key_of(
    signer: Signer,
    key: Option<InputText>,
    sign: &InputText,
    paths: &Paths,
    problems: &mut Problems,
) -> Option<SignKey> {
    match (signer, key) {
        (Signer::Managed, Some(key)) => {
            let message = "names a key, and ECR signs with the profile of its own rule";
            problems.add(&key.origin, message, "leave it out".to_owned())
        }
        (Signer::Cosign, None) => {
            let hint = "give the path of a private key, or a reference such as `awskms:///alias/NAME` or \
                        `env://COSIGN_PRIVATE_KEY`; without a key `actions/attest` signs (docs/signing.md)";
            problems.add(&sign.origin, "`cosign` needs `sign-key`", hint.to_owned())
        }
        (Signer::Cosign, Some(key)) if key.text.contains("://") => Some(SignKey::Private(key.text)),
        (Signer::Cosign, Some(key)) => {
            let path = paths.resolve(&key.text);
            Some(SignKey::Private(path.to_string_lossy().into_owned()))
        }
        (Signer::Notation, Some(key)) => Some(SignKey::Private(key.text)),
        (Signer::Notation | Signer::Managed, None) => Some(SignKey::Configured),
    }
}

/// What verifies a signature that a promotion needs.
pub fn verification(
    signer: Signer,
    key: Option<&str>,
    environment: &Environment,
) -> Result<SignSettings, SettingsError> {
    let mut problems = Problems::new(Vec::new());
    let origin = Origin::Flag("require-signed");
    let key = match (signer, key) {
        (Signer::Cosign, Some(key)) => {
            let hint =
                "give the public key that belongs to the one that signs, such as `cosign.pub`".to_owned();
            problems.check(&Origin::Flag("verify-key"), public_key(key, environment), hint)
        }
        (Signer::Cosign, None) => {
            let hint = "give the public key with `--verify-key`".to_owned();
            problems.add(&origin, "`cosign` needs a key to verify with", hint)
        }
        (Signer::Notation | Signer::Managed, None) => Some(SignKey::Configured),
        (Signer::Notation | Signer::Managed, Some(_)) => {
            let message = format!("`{signer}` takes no `--verify-key`");
            problems.add(&origin, message, "leave the key out".to_owned())
        }
    };
    problems.finish()?;
    let key = key.ok_or_else(SettingsError::incomplete)?;
    let variables = variables(environment);
    Ok(SignSettings {
        signer,
        key,
        variables,
    })
}

/// Takes the key that verifies, and finds out that a file or variable holds none: cosign would say the same of the image.
fn public_key(key: &str, environment: &Environment) -> Result<SignKey, String> {
    let shown = cleaned(key);
    let content = if let Some(variable) = key.strip_prefix("env://") {
        let content = environment.get(variable).map(|text| text.as_bytes().to_vec());
        content.ok_or_else(|| format!("variable `{}` is not set", cleaned(variable)))?
    } else if key.contains("://") {
        return Ok(SignKey::Public(key.to_owned()));
    } else {
        let path = environment.working_directory().join(key);
        read_bounded(&path, MAX_KEY).map_err(|error| format!("`{shown}` cannot be read: {error}"))?
    };
    let begins = |text: &str| content.windows(text.len()).any(|part| part == text.as_bytes());
    if content.len() > MAX_KEY || !begins("-----BEGIN ") || !begins("PUBLIC KEY-----") {
        return Err(format!("`{shown}` holds no public key in PEM"));
    }
    if key.contains("://") {
        return Ok(SignKey::Public(key.to_owned()));
    }
    let path = environment.working_directory().join(key);
    Ok(SignKey::Public(path.to_string_lossy().into_owned()))
}

/// What a program that signs or verifies is given of the environment.
fn variables(environment: &Environment) -> BTreeMap<String, SecretString> {
    let own = PREFIXES.iter().flat_map(|prefix| environment.names(prefix));
    let names = own.chain(VARIABLES);
    let mut variables: BTreeMap<String, SecretString> = names
        .filter_map(|name| Some((name.to_owned(), environment.get(name)?.into())))
        .collect();
    // A key may have an empty password, and without the variable cosign asks its user for one.
    variables.entry("COSIGN_PASSWORD".to_owned()).or_default();
    variables
}
