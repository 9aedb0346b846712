//! Texts that only this emulator can have made.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use secrecy::SecretString;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Makes texts that only this emulator can have made: a value and its HMAC-SHA-256.
///
/// Nothing of them is kept, so they outlive a restart of the server.
pub(crate) struct Seal(hmac::Key);

impl std::fmt::Debug for Seal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Seal(..)")
    }
}

impl Seal {
    /// How many random bytes make a key.
    pub(crate) const KEY_BYTES: usize = 32;

    pub(crate) fn new(key: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, key))
    }

    /// `value` as a text that [`Self::open`] takes for the same purpose.
    pub(crate) fn seal<T: Serialize>(&self, purpose: &str, value: &T) -> std::io::Result<SecretString> {
        let value = URL_SAFE_NO_PAD.encode(serde_json::to_vec(value)?);
        let tag = URL_SAFE_NO_PAD.encode(self.tag(purpose, &value));
        Ok(format!("{value}.{tag}").into())
    }

    /// The value that was sealed for `purpose`; `None` if the text is not ours.
    pub(crate) fn open<T: DeserializeOwned>(&self, purpose: &str, text: &str) -> Option<T> {
        let (value, tag) = text.split_once('.')?;
        let tag = URL_SAFE_NO_PAD.decode(tag).ok()?;
        // Compares in constant time.
        hmac::verify(&self.0, &message(purpose, value), &tag).ok()?;
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(value).ok()?).ok()
    }

    /// A secret of 40 characters that belongs to `name`, always the same.
    pub(crate) fn derive(&self, purpose: &str, name: &str) -> SecretString {
        let mut text = STANDARD.encode(self.tag(purpose, name));
        text.truncate(40);
        text.into()
    }

    fn tag(&self, purpose: &str, value: &str) -> hmac::Tag {
        hmac::sign(&self.0, &message(purpose, value))
    }
}

fn message(purpose: &str, value: &str) -> Vec<u8> {
    [purpose.as_bytes(), b"\0", value.as_bytes()].concat()
}
