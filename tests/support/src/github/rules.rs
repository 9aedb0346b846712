//! Rulesets: what the repository's own rules refuse, in the words of the API.
//!
//! Sources: docs.github.com, "Available rules for rulesets" (restrict creations, restrict updates); the words are those that
//! googleapis/release-please-action#1194 and opensearch-project/opensearch-api-specification#1193 quote. Protected git tags, the
//! older way, refuse in the words of Actions-R-Us/actions-tagger#79. A commit that changes workflows takes the right
//! `workflows` besides (docs.github.com/en/rest/git/refs).

use super::{Answer, refused};

/// What is restricted to who is on a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// Git tags may not be put.
    Creation,
    /// Git tags may not be moved.
    Update,
    /// Git tags are protected, which says no more.
    Protected,
}

/// The rules, each for the references that begin so.
#[derive(Default)]
pub(super) struct Rules(Vec<(Rule, String)>);

impl Rules {
    pub(super) fn add(&mut self, rule: Rule, begin: &str) {
        self.0.push((rule, begin.to_owned()));
    }

    /// The refusal of a new reference, such as `refs/tags/v1.0.0`.
    pub(super) fn of_creation(&self, name: &str) -> Option<Answer> {
        let words = "Cannot create ref due to creations being restricted.";
        self.refusal(Rule::Creation, words, name)
    }

    /// The refusal of a reference that is moved.
    pub(super) fn of_update(&self, name: &str) -> Option<Answer> {
        self.refusal(Rule::Update, "Cannot update this protected ref.", name)
    }

    fn refusal(&self, asked: Rule, words: &str, name: &str) -> Option<Answer> {
        let mut rules = self
            .0
            .iter()
            .filter(|(_, begin)| name.starts_with(begin.as_str()));
        rules.find_map(|(rule, _)| match rule {
            Rule::Protected => Some(refused(422, "Reference update failed")),
            rule if *rule == asked => Some(refused(
                422,
                &format!("Repository rule violations found\n\n{words}\n\n"),
            )),
            _ => None,
        })
    }
}
