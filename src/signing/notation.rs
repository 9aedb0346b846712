//! `notation`: signatures refer to the image, and have no tag where the registry has the referrers API.
//!
//! Keys, trust stores and the trust policy are those of the user's own configuration; a profile of AWS Signer needs no key,
//! but its plugin. Source: Notary Project docs, CLI reference, `notation sign`, `notation verify`, `notation key list`; AWS
//! Signer developer guide, "Sign container images".

use std::ffi::OsStr;

use super::program::Program;
use super::scratch::Scratch;
use crate::ports::SignError;
use crate::settings::SignKey;
use tagship_domain::reference::ImageRef;
use tagship_domain::signing::Signer;

/// The plugin that signs with a profile of AWS Signer.
const AWS_PLUGIN: &str = "com.amazonaws.signer.notation.plugin";

/// Finds out whether the key and a trust policy are there. Of a profile of AWS Signer only the plugin is known, when it signs.
pub(super) async fn check(program: &Program, key: &SignKey, scratch: &Scratch) -> Result<(), SignError> {
    let action = "reading the keys";
    let listed = program
        .expect(&["key", "list"].map(OsStr::new), scratch, action)
        .await?;
    // Without one no signature is verified, and one that is not must not be made.
    let policy = ["policy", "show"].map(OsStr::new);
    program
        .expect(&policy, scratch, "reading the trust policy")
        .await?;
    let SignKey::Private(name) = key else {
        return Ok(());
    };
    let listed = String::from_utf8_lossy(&listed);
    let is_named = |line: &str| line.trim_start_matches('*').split_whitespace().next() == Some(name);
    if is_profile(name) || listed.lines().any(is_named) {
        return Ok(());
    }
    Err(SignError::Failed {
        program: Signer::Notation,
        action,
        message: format!("there is no key `{name}`"),
    })
}

pub(super) async fn sign(
    program: &Program,
    key: &SignKey,
    scratch: &Scratch,
    image: &ImageRef,
    is_plain: bool,
) -> Result<(), SignError> {
    let image = image.to_string();
    // The default writes a tag, which an immutable repository takes once.
    let mut arguments = ["sign", "--force-referrers-tag=false"].map(OsStr::new).to_vec();
    match key {
        SignKey::Private(profile) if is_profile(profile) => {
            arguments.extend(["--plugin", AWS_PLUGIN, "--id", profile].map(OsStr::new));
        }
        SignKey::Private(name) => arguments.extend(["--key", name].map(OsStr::new)),
        SignKey::Public(_) | SignKey::Configured => {}
    }
    if is_plain {
        arguments.push(OsStr::new("--insecure-registry"));
    }
    arguments.push(OsStr::new(&image));
    program.expect(&arguments, scratch, "signing").await.map(drop)
}

pub(super) async fn verify(
    program: &Program,
    scratch: &Scratch,
    image: &ImageRef,
    is_plain: bool,
) -> Result<(), SignError> {
    let name = image.to_string();
    let mut arguments = vec![OsStr::new("verify")];
    if is_plain {
        arguments.push(OsStr::new("--insecure-registry"));
    }
    arguments.push(OsStr::new(&name));
    program.expect_signature(&arguments, scratch, image).await
}

fn is_profile(key: &str) -> bool {
    key.starts_with("arn:") && key.contains(":signer:")
}
