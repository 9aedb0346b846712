//! Conditions of statements.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;

use super::caller::PRINCIPAL_TAG;
use super::grammar::{OneOrMany, PolicyKind, PolicyProblem, matches, without_variables};

/// The condition block as it is written: operator → key → values.
pub(super) type RawConditions = BTreeMap<String, BTreeMap<String, OneOrMany<String>>>;

/// The keys that requests to ECR have, in lower case. Requests of AWS's services would have the last but one and two, those of an
/// organization's accounts the last.
///
/// Source: IAM user guide, "AWS global condition context keys".
const KEYS: [&str; 6] = [
    "aws:principalarn",
    "aws:principalaccount",
    "aws:sourceip",
    "aws:sourcearn",
    "aws:sourceaccount",
    "aws:principalorgid",
];

/// What the keys of a resource's tags begin with; the tag's key follows.
///
/// Source: Service Authorization Reference, "Condition keys for Amazon Elastic Container Registry".
pub(super) const TAG_KEYS: [&str; 2] = ["aws:resourcetag/", "ecr:resourcetag/"];

/// When a statement counts: all of these must hold.
#[derive(Debug, Clone, Default)]
pub(super) struct Conditions(Vec<Condition>);

#[derive(Debug, Clone)]
struct Condition {
    /// In lower case: keys are not case-sensitive.
    key: String,
    /// Whether none of the values may match; otherwise one must.
    negated: bool,
    values: Values,
}

#[derive(Debug, Clone)]
enum Values {
    Equal(Vec<String>),
    Like(Vec<String>),
    Arns(Vec<String>),
    Networks(Vec<IpNet>),
}

impl Conditions {
    /// Reads a condition block. Trust policies may have any key, because tokens have their own.
    pub(super) fn read(raw: RawConditions, kind: PolicyKind) -> Result<Self, PolicyProblem> {
        let mut all = Vec::new();
        for (operator, keys) in raw {
            for (key, values) in keys {
                let key = key.to_lowercase();
                let is_tag = TAG_KEYS.iter().any(|prefix| key.starts_with(prefix));
                let is_known = is_tag || KEYS.contains(&key.as_str()) || key.starts_with(PRINCIPAL_TAG);
                if kind != PolicyKind::Trust && !is_known {
                    return Err(PolicyProblem::NotEvaluated(format!("the condition key `{key}`")));
                }
                let texts: Vec<String> = values.iter().cloned().collect();
                without_variables(&texts)?;
                let (negated, values) = match operator.as_str() {
                    "StringEquals" => (false, Values::Equal(texts)),
                    "StringNotEquals" => (true, Values::Equal(texts)),
                    "StringLike" => (false, Values::Like(texts)),
                    "StringNotLike" => (true, Values::Like(texts)),
                    "ArnEquals" | "ArnLike" => (false, Values::Arns(texts)),
                    "ArnNotEquals" | "ArnNotLike" => (true, Values::Arns(texts)),
                    "IpAddress" => (false, Values::Networks(networks(&texts)?)),
                    "NotIpAddress" => (true, Values::Networks(networks(&texts)?)),
                    other => {
                        return Err(PolicyProblem::NotEvaluated(format!(
                            "the condition operator `{other}`"
                        )));
                    }
                };
                all.push(Condition { key, negated, values });
            }
        }
        Ok(Self(all))
    }

    /// Whether every condition holds. A key that the request lacks holds only if it is negated.
    ///
    /// Source: IAM user guide, "IAM JSON policy elements: Condition operators".
    pub(super) fn hold(&self, request: &BTreeMap<String, String>) -> bool {
        self.0.iter().all(|condition| {
            let value = request.get(&condition.key);
            value.is_some_and(|value| condition.values.have(value)) != condition.negated
        })
    }
}

impl Values {
    fn have(&self, value: &str) -> bool {
        match self {
            Self::Equal(texts) => texts.iter().any(|text| text == value),
            Self::Like(patterns) => patterns.iter().any(|pattern| matches(pattern, value)),
            Self::Arns(patterns) => patterns.iter().any(|pattern| matches_arn(pattern, value)),
            Self::Networks(networks) => value
                .parse::<IpAddr>()
                .is_ok_and(|address| networks.iter().any(|network| network.contains(&address))),
        }
    }
}

/// Each of the six parts of a resource name is compared for itself.
fn matches_arn(pattern: &str, arn: &str) -> bool {
    let (patterns, parts) = (pattern.splitn(6, ':'), arn.splitn(6, ':'));
    patterns.clone().count() == parts.clone().count()
        && patterns.zip(parts).all(|(pattern, part)| matches(pattern, part))
}

/// Reads addresses and ranges of addresses, such as `203.0.113.0/24`.
fn networks(texts: &[String]) -> Result<Vec<IpNet>, PolicyProblem> {
    texts
        .iter()
        .map(|text| {
            text.parse::<IpNet>()
                .or_else(|_| text.parse::<IpAddr>().map(IpNet::from))
                .map_err(|_malformed| PolicyProblem::invalid("an IP address or range is malformed"))
        })
        .collect()
}
