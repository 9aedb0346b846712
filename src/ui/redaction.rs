//! Registered secrets are replaced in all that is shown.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::sync::{PoisonError, RwLock};

use secrecy::{ExposeSecret as _, SecretString};
use tagship_domain::untrusted::{self, CUT};

/// Shorter texts are no secrets worth the damage of replacing every `1` or `true`.
const MIN_BYTES: usize = 5;

/// The most bytes of one secret's lines that the runner is asked to mask.
const MAX_MASKED_BYTES: usize = 64 * 1024;

/// Replaces registered secrets by `***`.
///
/// Each line of a secret is replaced where it stands whole. What a program made of a secret (Base64, escapes) is
/// not recognised here; in GitHub Actions the runner's own mask does that.
#[derive(Default)]
pub struct Redaction {
    /// Longest first, so that a secret within another one does not break the longer one up.
    texts: RwLock<BTreeSet<(Reverse<usize>, String)>>,
}

impl Redaction {
    /// Registers a secret.
    pub fn add(&self, secret: &SecretString) {
        let mut texts = self.texts.write().unwrap_or_else(PoisonError::into_inner);
        for line in lines(secret).filter(|line| line.len() >= MIN_BYTES) {
            // In JSON it stands in another form.
            let escaped = untrusted::json(&line);
            for form in [line, escaped.trim_matches('"')] {
                texts.insert((Reverse(form.len()), form.to_owned()));
            }
        }
    }

    /// The text without the secrets.
    pub fn apply<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let texts = self.texts.read().unwrap_or_else(PoisonError::into_inner);
        let mut redacted = Cow::Borrowed(text);
        for (_, secret) in texts.iter().filter(|(_, secret)| text.contains(secret.as_str())) {
            redacted = Cow::Owned(redacted.replace(secret.as_str(), "***"));
        }
        if redacted.contains(CUT) {
            let secrets: Vec<&str> = texts.iter().map(|(_, secret)| secret.as_str()).collect();
            redacted = Cow::Owned(without_beginnings(&redacted, &secrets));
        }
        redacted
    }

    /// The bytes of the longest secret.
    pub(super) fn longest(&self) -> usize {
        let texts = self.texts.read().unwrap_or_else(PoisonError::into_inner);
        texts.first().map_or(0, |(length, _)| length.0)
    }
}

/// The text without what stands before a cut and may be the beginning of a secret.
fn without_beginnings(text: &str, secrets: &[&str]) -> String {
    let mut parts: Vec<String> = text.split(CUT).map(str::to_owned).collect();
    let cut = parts.len().saturating_sub(1);
    for part in &mut parts[..cut] {
        let longest = secrets.iter().filter_map(|secret| overlap(part, secret)).max();
        if let Some(bytes) = longest {
            part.replace_range(part.len() - bytes.., "***");
        }
    }
    parts.join(CUT)
}

/// How many bytes a text ends with that `secret` begins with.
fn overlap(text: &str, secret: &str) -> Option<usize> {
    let mut lengths = (MIN_BYTES..secret.len().min(text.len() + 1)).rev();
    lengths.find(|bytes| {
        secret
            .get(..*bytes)
            .is_some_and(|beginning| text.ends_with(beginning))
    })
}

/// The lines of a secret that are not blank, without the space around them.
fn lines(secret: &SecretString) -> impl Iterator<Item = &str> {
    secret
        .expose_secret()
        .split(['\r', '\n'])
        .map(str::trim)
        .filter(|line| !line.is_empty())
}

/// The lines that the runner is to mask: a secret on one line whole, and of one on several, such as a file, those that are no
/// mere brackets, as far as the runner can compare each line of the log with them.
pub(super) fn masks(secret: &SecretString) -> impl Iterator<Item = &str> {
    let is_one = lines(secret).nth(1).is_none();
    let mut bytes = 0;
    lines(secret)
        .filter(move |line| is_one || line.len() >= MIN_BYTES)
        .take_while(move |line| {
            bytes += line.len();
            is_one || bytes <= MAX_MASKED_BYTES
        })
}

impl std::fmt::Debug for Redaction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Redaction").finish_non_exhaustive()
    }
}
