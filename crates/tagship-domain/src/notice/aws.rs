//! Receivers in AWS: topics of SNS and event buses of EventBridge.

use crate::reference::{AccountId, Region};

/// A topic or a bus.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AwsResource {
    /// Its ARN, or the name of a bus in the region of the registry.
    pub name: String,
    /// The region that its ARN names.
    pub region: Option<Region>,
}

impl AwsResource {
    /// Reads the ARN of a topic.
    ///
    /// Source: SNS API reference, `CreateTopic`, `Name`; Service Authorization Reference, "Resource types defined by Amazon SNS".
    pub(super) fn topic(text: &str) -> Option<Self> {
        let (region, name) = of_arn(text, "sns")?;
        let stem = name.strip_suffix(".fifo").unwrap_or(name);
        let is_legal = |b: u8| b.is_ascii_alphanumeric() || b"-_".contains(&b);
        let is_topic = (1..=256).contains(&name.len()) && !stem.is_empty() && stem.bytes().all(is_legal);
        is_topic.then(|| Self {
            name: text.to_owned(),
            region: Some(region),
        })
    }

    /// Reads the name of a bus, or its ARN.
    ///
    /// Source: EventBridge API reference, `PutEventsRequestEntry`, `EventBusName`.
    pub(super) fn bus(text: &str) -> Option<Self> {
        let (region, name) = if text.starts_with("arn:") {
            let (region, resource) = of_arn(text, "events")?;
            (Some(region), resource.strip_prefix("event-bus/")?)
        } else {
            (None, text)
        };
        let is_legal = |b: u8| b.is_ascii_alphanumeric() || b"/.-_".contains(&b);
        ((1..=256).contains(&name.len()) && name.bytes().all(is_legal)).then(|| Self {
            name: text.to_owned(),
            region,
        })
    }

    /// Whether it is a topic that keeps the order of its messages, and takes each once.
    pub fn is_fifo(&self) -> bool {
        self.name.strip_suffix(".fifo").is_some()
    }
}

/// Region and resource of an ARN of a service.
fn of_arn<'a>(text: &'a str, service: &str) -> Option<(Region, &'a str)> {
    let mut parts = text.splitn(6, ':');
    let mut part = || parts.next().unwrap_or_default();
    let (scheme, partition, of_service) = (part(), part(), part());
    let region = Region::parse(part()).ok()?;
    AccountId::parse(part()).ok()?;
    let is_arn = scheme == "arn" && partition == region.partition() && of_service == service;
    is_arn.then(|| (region, part()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_is_named_by_its_arn_and_a_bus_by_its_name_too() {
        let topic = AwsResource::topic("arn:aws:sns:eu-central-1:123456789012:re_leases-1").unwrap();
        assert_eq!(topic.region.as_ref().map(Region::as_str), Some("eu-central-1"));
        assert!(!topic.is_fifo());
        assert!(
            AwsResource::topic("arn:aws:sns:eu-central-1:123456789012:a.fifo")
                .unwrap()
                .is_fifo()
        );
        assert!(AwsResource::topic("arn:aws-cn:sns:cn-north-1:123456789012:a").is_some());
        for text in [
            "",
            "releases",
            "arn:aws:sns:eu-central-1:123456789012:",
            "arn:aws:sns:eu-central-1:123456789012:.fifo",
            "arn:aws:sns:eu-central-1:123456789012:a:b",
            "arn:aws:sns:eu-central-1:12:a",
            "arn:aws:sns::123456789012:a",
            "arn:aws:sqs:eu-central-1:123456789012:a",
            "arn:aws-cn:sns:eu-central-1:123456789012:a",
        ] {
            assert_eq!(AwsResource::topic(text), None, "{text}");
        }
        for text in [
            "default",
            "team/ci.bus_1",
            "arn:aws:events:eu-central-1:123456789012:event-bus/ci",
        ] {
            assert!(AwsResource::bus(text).is_some(), "{text}");
        }
        for text in [
            "",
            "a b",
            "arn:aws:events:eu-central-1:123456789012:rule/ci",
            "arn:aws:events:x",
        ] {
            assert_eq!(AwsResource::bus(text), None, "{text}");
        }
    }
}
