//! `cosign`, from version 3: signatures are bundles that refer to the image, and have no tag.
//!
//! Nothing is sent to a public log, because the names of private images would be public for ever: the configuration for
//! signing names no log, and the trusted root none to verify by.
//! Source: sigstore/cosign, `doc/cosign_sign.md`, `doc/cosign_verify.md`, `doc/cosign_signing-config_create.md`.

use std::ffi::OsStr;

use super::program::Program;
use super::scratch::Scratch;
use crate::ports::SignError;
use crate::settings::SignKey;
use tagship_domain::reference::ImageRef;

const PUBLIC_KEY: &str = "cosign.pub";
const SIGNING_CONFIG: &str = "signing-config.json";
const TRUSTED_ROOT: &str = "trusted-root.json";

/// How references to keys of a key service begin. Source: sigstore/cosign, `KMS.md`.
const KEY_SERVICES: [&str; 4] = ["awskms://", "azurekms://", "gcpkms://", "hashivault://"];

/// Makes what signing and verifying needs, before anything is built: a key that cannot be used is found here.
pub(super) async fn prepare(program: &Program, key: &SignKey, scratch: &Scratch) -> Result<(), SignError> {
    match key {
        SignKey::Public(key) => {
            // Where the service gives none, cosign says of the image that no signature of it matches.
            if is_of_service(key) {
                let arguments = ["public-key", "--key", key].map(OsStr::new);
                let public = program.expect(&arguments, scratch, "reading the key").await?;
                scratch.write(PUBLIC_KEY, &public)?;
            }
            return Ok(());
        }
        SignKey::Private(key) => {
            let arguments = ["public-key", "--key", key].map(OsStr::new);
            let public = program.expect(&arguments, scratch, "reading the key").await?;
            scratch.write(PUBLIC_KEY, &public)?;
        }
        SignKey::Configured => {}
    }
    for (command, file) in [("signing-config", SIGNING_CONFIG), ("trusted-root", TRUSTED_ROOT)] {
        let file = scratch.argument(file);
        let arguments = [command, "create", "--out"].map(OsStr::new);
        let arguments = [&arguments[..], &[&file]].concat();
        program
            .expect(&arguments, scratch, "preparing a signature without a public log")
            .await?;
    }
    Ok(())
}

pub(super) async fn sign(
    program: &Program,
    key: &SignKey,
    scratch: &Scratch,
    image: &ImageRef,
    is_plain: bool,
) -> Result<(), SignError> {
    let (config, root) = (scratch.argument(SIGNING_CONFIG), scratch.argument(TRUSTED_ROOT));
    let image = image.to_string();
    let mut arguments = ["sign", "--yes", "--signing-config"].map(OsStr::new).to_vec();
    arguments.extend([config.as_os_str(), OsStr::new("--trusted-root"), root.as_os_str()]);
    if let SignKey::Private(key) = key {
        arguments.extend(["--key", key].map(OsStr::new));
    }
    if is_plain {
        arguments.push(OsStr::new("--allow-http-registry"));
    }
    arguments.push(OsStr::new(&image));
    program.expect(&arguments, scratch, "signing").await.map(drop)
}

pub(super) async fn verify(
    program: &Program,
    scratch: &Scratch,
    key: &SignKey,
    image: &ImageRef,
    is_plain: bool,
) -> Result<(), SignError> {
    let made = scratch.argument(PUBLIC_KEY);
    let public = match key {
        SignKey::Public(key) if !is_of_service(key) => OsStr::new(key),
        SignKey::Public(_) | SignKey::Private(_) | SignKey::Configured => made.as_os_str(),
    };
    let name = image.to_string();
    let mut arguments = ["verify", "--insecure-ignore-tlog=true", "--key"]
        .map(OsStr::new)
        .to_vec();
    arguments.push(public);
    if is_plain {
        arguments.push(OsStr::new("--allow-http-registry"));
    }
    arguments.push(OsStr::new(&name));
    program.expect_signature(&arguments, scratch, image).await
}

/// Whether the key is asked of a service.
fn is_of_service(key: &str) -> bool {
    KEY_SERVICES.iter().any(|scheme| key.starts_with(scheme))
}
