//! Registered secrets are replaced in all that is shown.

use std::borrow::Cow;
use std::sync::{PoisonError, RwLock};

use secrecy::{ExposeSecret as _, SecretString};
use tagship_domain::untrusted;

/// Shorter texts are no secrets worth the damage of replacing every `1` or `true`.
const MIN_BYTES: usize = 5;

/// Replaces registered secrets by `***`.
///
/// Each line of a secret is replaced where it stands whole. What a program made of a secret (Base64, escapes) is
/// not recognised here; in GitHub Actions the runner's own mask does that.
#[derive(Default)]
pub struct Redaction {
    /// Longest first, so that a secret within another one does not break the longer one up.
    texts: RwLock<Vec<String>>,
}

impl Redaction {
    /// Registers a secret.
    pub fn add(&self, secret: &SecretString) {
        let mut texts = self.texts.write().unwrap_or_else(PoisonError::into_inner);
        for line in lines(secret).filter(|line| line.len() >= MIN_BYTES) {
            // In JSON it stands in another form.
            let escaped = untrusted::json(&line);
            for form in [line, escaped.trim_matches('"')] {
                if !texts.iter().any(|known| known == form) {
                    texts.push(form.to_owned());
                }
            }
        }
        texts.sort_by_key(|text| std::cmp::Reverse(text.len()));
    }

    /// The text without the secrets.
    pub fn apply<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let texts = self.texts.read().unwrap_or_else(PoisonError::into_inner);
        let mut redacted = Cow::Borrowed(text);
        for secret in texts.iter().filter(|secret| text.contains(secret.as_str())) {
            redacted = Cow::Owned(redacted.replace(secret.as_str(), "***"));
        }
        redacted
    }

    /// The bytes of the longest secret.
    pub(super) fn longest(&self) -> usize {
        let texts = self.texts.read().unwrap_or_else(PoisonError::into_inner);
        texts.first().map_or(0, String::len)
    }
}

/// The lines of a secret that are not blank, without the space around them.
pub(super) fn lines(secret: &SecretString) -> impl Iterator<Item = &str> {
    secret
        .expose_secret()
        .split(['\r', '\n'])
        .map(str::trim)
        .filter(|line| !line.is_empty())
}

impl std::fmt::Debug for Redaction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Redaction").finish_non_exhaustive()
    }
}
