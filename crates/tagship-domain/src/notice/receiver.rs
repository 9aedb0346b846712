//! Who hears of a run, and of which.

use std::fmt;

use secrecy::{ExposeSecret as _, SecretString};

use super::AwsResource;

/// How a run ended, for those who hear of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RunEnd {
    /// The image is published; this run put at least one tag.
    Success,
    /// The image was published before.
    Unchanged,
    /// The scan gate did not let the image pass.
    Gate,
    /// Anything else went wrong.
    Failure,
}

impl RunEnd {
    /// All, the best first.
    pub const ALL: [Self; 4] = [Self::Success, Self::Unchanged, Self::Gate, Self::Failure];

    /// The end as the input `notify-on` and webhooks have it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Unchanged => "unchanged",
            Self::Gate => "gate",
            Self::Failure => "failure",
        }
    }

    /// Reads one.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|end| end.as_str() == text)
    }
}

/// What kind of receiver hears of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReceiverKind {
    /// A channel of Slack, or of what takes the same messages.
    Slack,
    /// A program that takes JSON.
    Webhook,
    /// The commit, as a status on GitHub.
    CommitStatus,
    /// What deploys, by a deployment on GitHub.
    Deployment,
    /// A topic of SNS.
    Sns,
    /// An event bus of EventBridge.
    EventBridge,
}

impl ReceiverKind {
    /// The kind as the input `notify` has it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Slack => "slack",
            Self::Webhook => "webhook",
            Self::CommitStatus => "commit-status",
            Self::Deployment => "deployment",
            Self::Sns => "sns",
            Self::EventBridge => "eventbridge",
        }
    }

    /// Whether GitHub takes it, with the job's token.
    pub const fn is_on_github(self) -> bool {
        matches!(self, Self::CommitStatus | Self::Deployment)
    }
}

impl fmt::Display for ReceiverKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Who hears of a run.
#[derive(Debug, Clone)]
pub struct Receiver {
    /// What it is.
    pub kind: ReceiverKind,
    /// The address of what has one; not parsed, because its words may be a secret.
    pub url: Option<SecretString>,
    /// The environment of a deployment.
    pub environment: Option<String>,
    /// The topic or bus in AWS.
    pub resource: Option<AwsResource>,
}

/// Why a line of `notify` is none. Nothing of the line is repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidReceiver {
    /// The kind is unknown.
    #[error(
        "is none of `slack=URL`, `webhook=URL`, `sns=ARN`, `eventbridge=BUS`, `commit-status` and `deployment=ENVIRONMENT`"
    )]
    Kind,
    /// A commit status has no address.
    #[error("takes no value: it goes to the repository of the job")]
    Value,
    /// No environment has such a name.
    #[error("names no environment: one to 255 characters, without quotes, `,`, `;` and backslashes")]
    Environment,
    /// No topic has such an ARN.
    #[error("names no topic: `arn:aws:sns:REGION:ACCOUNT:NAME`")]
    Topic,
    /// No bus has such a name or ARN.
    #[error("names no event bus: its name, or `arn:aws:events:REGION:ACCOUNT:event-bus/NAME`")]
    Bus,
}

impl Receiver {
    /// Reads a line; without a URL where its value is empty, as a secret is that a job does not get.
    pub fn parse(line: &str) -> Result<Self, InvalidReceiver> {
        let (name, value) = match line.split_once('=') {
            Some((name, value)) => (name.trim(), Some(value.trim())),
            None => (line.trim(), None),
        };
        let with_url = |kind, value: &str| Self {
            kind,
            url: (!value.is_empty()).then(|| SecretString::from(value)),
            environment: None,
            resource: None,
        };
        let in_aws = |kind, resource| Self {
            resource: Some(resource),
            ..with_url(kind, "")
        };
        match (name, value) {
            ("slack", Some(url)) => Ok(with_url(ReceiverKind::Slack, url)),
            ("webhook", Some(url)) => Ok(with_url(ReceiverKind::Webhook, url)),
            ("commit-status", None) => Ok(with_url(ReceiverKind::CommitStatus, "")),
            ("commit-status", Some(_)) => Err(InvalidReceiver::Value),
            ("deployment", Some(name)) if is_environment(name) => Ok(Self {
                environment: Some(name.to_owned()),
                ..with_url(ReceiverKind::Deployment, "")
            }),
            ("sns", arn) => {
                let topic = AwsResource::topic(arn.unwrap_or_default());
                topic
                    .map(|topic| in_aws(ReceiverKind::Sns, topic))
                    .ok_or(InvalidReceiver::Topic)
            }
            ("eventbridge", bus) => {
                let bus = AwsResource::bus(bus.unwrap_or_default());
                bus.map(|bus| in_aws(ReceiverKind::EventBridge, bus))
                    .ok_or(InvalidReceiver::Bus)
            }
            ("deployment", _) => Err(InvalidReceiver::Environment),
            _ => Err(InvalidReceiver::Kind),
        }
    }

    /// Whether it is left out, for want of its address.
    pub const fn lacks_url(&self) -> bool {
        self.url.is_none() && matches!(self.kind, ReceiverKind::Slack | ReceiverKind::Webhook)
    }
}

/// Source: GitHub REST API, "Create or update an environment", and what the web interface refuses in names.
fn is_environment(name: &str) -> bool {
    let is_legal = |c: char| !c.is_control() && !"'\"`,;\\".contains(c);
    (1..=255).contains(&name.chars().count()) && name.chars().all(is_legal)
}

/// What webhooks are signed with. Source: Standard Webhooks, "Signature scheme": `whsec_` and the Base64 of 24 to 64 bytes.
#[derive(Debug, Clone)]
pub struct WebhookKey(SecretString);

impl WebhookKey {
    const PREFIX: &str = "whsec_";
    /// The fewest and the most characters of Base64 for 24 and 64 bytes, without padding.
    const LENGTHS: std::ops::RangeInclusive<usize> = 32..=86;

    /// Takes a key; `None` where it has another form.
    pub fn parse(text: &str) -> Option<Self> {
        let encoded = text.strip_prefix(Self::PREFIX)?.trim_end_matches('=');
        let legal = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/');
        let is_legal = Self::LENGTHS.contains(&encoded.len()) && encoded.bytes().all(legal);
        is_legal.then(|| Self(text.into()))
    }

    /// The whole key, which must never be shown.
    pub const fn secret(&self) -> &SecretString {
        &self.0
    }

    /// The Base64 of its bytes, without padding.
    pub fn encoded(&self) -> &str {
        let text = self.0.expose_secret();
        text.strip_prefix(Self::PREFIX)
            .unwrap_or(text)
            .trim_end_matches('=')
    }
}
