//! What is said of a run, in the form of each receiver.

use serde_json::{Value, json};

use super::RunEnd;
use crate::facts::CommitId;
use crate::reference::{Digest, ImageName, Tag};
use crate::untrusted::Untrusted;

/// The most characters of an error in a message.
const MAX_ERROR: usize = 600;
/// The most tags that a message names.
const MAX_TAGS: usize = 10;
/// The most characters of a status. Source: GitHub REST API, "Create a commit status": a short description; the web
/// interface refuses more than 140.
const MAX_STATUS: usize = 140;

/// What is said of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// How it ended.
    pub end: RunEnd,
    /// Where the image is, or was to be.
    pub image: Option<ImageName>,
    /// The image's digest, if it is known.
    pub digest: Option<Digest>,
    /// The tag that a person would name it by.
    pub name: Option<Tag>,
    /// The tags that point to it.
    pub tags: Vec<Tag>,
    /// The commit.
    pub commit: Option<CommitId>,
    /// What went wrong; hostile text.
    pub error: Option<String>,
    /// The run's page.
    pub page: Option<String>,
    /// The whole report as JSON, as `--json` prints it.
    pub report: String,
}

/// How a commit stands. Source: GitHub REST API, "Create a commit status".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// All is well.
    Success,
    /// It was refused.
    Failure,
    /// It broke.
    Error,
}

impl Standing {
    /// The standing as GitHub has it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Error => "error",
        }
    }
}

/// The status of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitState {
    /// How the commit stands.
    pub standing: Standing,
    /// What says so: another of the same context takes the place of the one before.
    pub context: String,
    /// One short sentence.
    pub description: String,
    /// The run's page.
    pub page: Option<String>,
}

/// A deployment that is asked for. What deploys sets its further statuses.
#[derive(Debug, Clone, PartialEq)]
pub struct Deployment {
    /// The commit.
    pub commit: CommitId,
    /// Where it is to be deployed.
    pub environment: String,
    /// One short sentence.
    pub description: String,
    /// What is to be deployed: the image by its digest, and its tags.
    pub payload: Value,
    /// The run's page.
    pub page: Option<String>,
}

impl Notice {
    /// The image as a person names it: `team/app:1.4.0`.
    fn short_name(&self) -> String {
        let Some(image) = &self.image else {
            return "an image".to_owned();
        };
        match &self.name {
            Some(tag) => format!("{}:{tag}", image.repository),
            None => image.repository.to_string(),
        }
    }

    /// What happened, in two or three words.
    const fn headline(&self) -> &'static str {
        match self.end {
            RunEnd::Success => "Published",
            RunEnd::Unchanged => "Already published",
            RunEnd::Gate => "Stopped by the scan gate",
            RunEnd::Failure => "Not published",
        }
    }

    /// A message for Slack.
    ///
    /// Text from outside stands in a field that knows no markup, or escaped; nothing in it becomes a link or a mention.
    /// Sources: Slack docs, "Formatting message text" (`&`, `<` and `>` are escaped), "Text object" (`plain_text`, `verbatim`).
    pub fn slack(&self) -> Value {
        let (headline, name) = (self.headline(), escaped(&self.short_name()));
        let mut blocks = vec![section(&format!("*{headline}*  `{name}`"))];
        if let Some(error) = &self.error {
            let text = cut(&Untrusted::line(error).to_string(), MAX_ERROR);
            blocks.push(json!({
                "type": "section",
                "text": { "type": "plain_text", "text": text, "emoji": false },
            }));
        }
        let mut facts = Vec::new();
        if let Some((image, digest)) = self.image.as_ref().zip(self.digest) {
            facts.push(format!("`{}`", escaped(&image.at(digest).to_string())));
        }
        if !self.tags.is_empty() {
            let shown = self.tags.iter().take(MAX_TAGS).map(|tag| format!("`{tag}`"));
            let shown = shown.collect::<Vec<_>>().join(", ");
            let more = self.tags.len().saturating_sub(MAX_TAGS);
            let more = if more > 0 {
                format!(" and {more} more")
            } else {
                String::new()
            };
            facts.push(format!("tags {shown}{more}"));
        }
        if let Some(commit) = &self.commit {
            facts.push(format!("commit `{}`", commit.short()));
        }
        if let Some(page) = &self.page {
            facts.push(format!("<{}|the run>", escaped(&page.replace('|', "%7C"))));
        }
        if !facts.is_empty() {
            let element = json!({ "type": "mrkdwn", "text": facts.join("\n"), "verbatim": true });
            blocks.push(json!({ "type": "context", "elements": [element] }));
        }
        json!({ "text": format!("{headline}: {name}"), "blocks": blocks })
    }

    /// A status for the commit.
    pub fn commit_state(&self) -> CommitState {
        let standing = match self.end {
            RunEnd::Success | RunEnd::Unchanged => Standing::Success,
            RunEnd::Gate => Standing::Failure,
            RunEnd::Failure => Standing::Error,
        };
        let context = match &self.image {
            Some(image) => format!("tagship/{}", image.repository),
            None => "tagship".to_owned(),
        };
        let description = match (&self.error, self.digest) {
            (Some(error), _) => format!("{}: {}", self.headline(), Untrusted::line(error)),
            (None, Some(digest)) => format!("{}: {} {digest}", self.headline(), self.short_name()),
            (None, None) => format!("{}: {}", self.headline(), self.short_name()),
        };
        CommitState {
            standing,
            context,
            description: cut(&description, MAX_STATUS),
            page: self.page.clone(),
        }
    }

    /// A deployment of the image, if it is known: to `environment`.
    pub fn deployment(&self, environment: &str) -> Option<Deployment> {
        let (image, digest) = self.image.as_ref().zip(self.digest)?;
        Some(Deployment {
            commit: self.commit.clone()?,
            environment: environment.to_owned(),
            description: cut(
                &format!("{}: {} {digest}", self.headline(), self.short_name()),
                MAX_STATUS,
            ),
            payload: json!({
                "image": image.at(digest).to_string(),
                "digest": digest,
                "tags": self.tags,
            }),
            page: self.page.clone(),
        })
    }

    /// How the run ended, as programs that hear of it know it.
    pub fn kind(&self) -> String {
        format!("run.{}", self.end.as_str())
    }

    /// One line of ASCII. Source: SNS API reference, `Publish`, `Subject`: at most 100 characters.
    pub fn subject(&self) -> String {
        let text = format!("{}: {}", self.headline(), self.short_name());
        text.chars()
            .filter(|c| matches!(c, ' '..='~'))
            .take(100)
            .collect()
    }

    /// What notices of one repository have in common, in the letters that a FIFO topic takes.
    pub fn group(&self) -> String {
        let name = self.image.as_ref().map(|image| image.repository.as_str());
        name.unwrap_or("tagship").chars().take(128).collect()
    }

    /// The repository as AWS names it, where it is in a private registry of ECR.
    pub fn repository_arn(&self) -> Option<String> {
        let image = self.image.as_ref()?;
        let (account, region) = (image.registry.account()?, image.registry.region()?);
        let (partition, repository) = (region.partition(), &image.repository);
        Some(format!(
            "arn:{partition}:ecr:{region}:{account}:repository/{repository}"
        ))
    }

    /// As [`Notice::webhook`], in at most so many bytes: a report that is longer is left out but for what names the image.
    pub fn webhook_within(&self, timestamp: jiff::Timestamp, most: usize) -> String {
        let whole = self.webhook(timestamp);
        if whole.len() <= most {
            return whole;
        }
        let error = self
            .error
            .as_ref()
            .map(|error| cut(&Untrusted::line(error).to_string(), MAX_ERROR));
        let tags: Vec<&Tag> = self.tags.iter().take(MAX_TAGS).collect();
        let image = self.image.as_ref().map(ToString::to_string);
        let data = json!({
            "image": image, "digest": self.digest, "tags": tags, "error": error, "is-shortened": true,
        });
        self.body(timestamp, &data)
    }

    /// The body of a webhook: JSON with `type`, `timestamp`, `run-url` and the report as `data`.
    ///
    /// Source: Standard Webhooks, "Payload structure".
    pub fn webhook(&self, timestamp: jiff::Timestamp) -> String {
        // A report that cannot be read would be a fault of this program; the event is worth sending all the same.
        let data: Value = serde_json::from_str(&self.report).unwrap_or_default();
        self.body(timestamp, &data)
    }

    fn body(&self, timestamp: jiff::Timestamp, data: &Value) -> String {
        let body = json!({
            "type": self.kind(),
            "timestamp": timestamp.to_string(),
            "run-url": self.page,
            "data": data,
        });
        crate::untrusted::json(&body)
    }
}

fn section(text: &str) -> Value {
    json!({ "type": "section", "text": { "type": "mrkdwn", "text": text, "verbatim": true } })
}

/// Source: Slack docs, "Formatting message text", "Escaping text".
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

/// At most so many characters, the last of them `…` where some are left out.
fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        None => text.to_owned(),
        Some(_) => text.chars().take(most - 1).chain(['…']).collect(),
    }
}
