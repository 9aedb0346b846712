//! Which tags a commit gets.

use std::fmt;

use semver::Version;
use serde::Serialize;

use crate::domain::facts::CommitId;
use crate::domain::reference::{InvalidName, Tag};
use crate::domain::version::release_tag;

/// What stands behind every tag of a working tree with changes.
pub const DIRTY_SUFFIX: &str = "-dirty";

/// What a tag promises. In the order in which tags are put.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum TagClass {
    /// Names the commit; never moves.
    Commit,
    /// Names a version; never moves.
    Release,
    /// May point elsewhere tomorrow.
    Moving,
}

/// A tag that is wanted, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WantedTag {
    /// The tag.
    pub tag: Tag,
    /// What it promises.
    pub class: TagClass,
    /// The rule that made it, as the user would write it.
    pub rule: String,
}

/// The tags of a commit, and the rules that made none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// In the order in which they are put; each tag once.
    pub tags: Vec<WantedTag>,
    /// One sentence for each rule that made no tag.
    pub silent: Vec<String>,
}

/// One line of the input `tags`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TagRule {
    /// `type=semver,pattern=…`
    Semver(SemverPattern),
    /// `type=sha`
    Sha {
        /// What stands before the digits; `sha-` by default.
        prefix: String,
        /// Whether all digits are taken, not the first 12.
        long: bool,
    },
    /// `type=raw,value=…`, or the value alone.
    Raw(Tag),
}

/// How much of a version a tag carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SemverPattern {
    /// `{{version}}`: all of it.
    Full,
    /// `{{major}}.{{minor}}`
    MajorMinor,
    /// `{{major}}`
    Major,
}

impl SemverPattern {
    const ALL: [Self; 3] = [Self::Full, Self::MajorMinor, Self::Major];

    /// The pattern as the user writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Full => "{{version}}",
            Self::MajorMinor => "{{major}}.{{minor}}",
            Self::Major => "{{major}}",
        }
    }
}

/// Why tags cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TagError {
    /// The type is unknown.
    #[error("tag rule `{rule}` has the unknown type `{found}`; there are `semver`, `sha` and `raw`")]
    UnknownType {
        /// The rule.
        rule: String,
        /// Its type.
        found: String,
    },
    /// An attribute is unknown or stands twice.
    #[error(
        "tag rule `{rule}` has the attribute `{attribute}`, which `type={kind}` does not take, or takes once"
    )]
    UnknownAttribute {
        /// The rule.
        rule: String,
        /// The attribute.
        attribute: String,
        /// The rule's type.
        kind: &'static str,
    },
    /// An attribute has an illegal value.
    #[error("tag rule `{rule}` needs `{attribute}` to be {expected}")]
    Value {
        /// The rule.
        rule: String,
        /// The attribute.
        attribute: &'static str,
        /// What it may be.
        expected: &'static str,
    },
    /// What the rule makes is not a tag.
    #[error("tag rule `{rule}` makes no legal tag: {source}")]
    Illegal {
        /// The rule.
        rule: String,
        /// Why.
        source: InvalidName,
    },
    /// No rule makes a tag.
    #[error("no tag rule yields a tag for this commit: {}", silent.join("; "))]
    NoTag {
        /// Why each rule is silent.
        silent: Vec<String>,
    },
}

impl TagRule {
    /// The rules when none are given: the release tag and the commit tag.
    pub fn defaults() -> Vec<Self> {
        vec![
            Self::Semver(SemverPattern::Full),
            Self::Sha {
                prefix: "sha-".to_owned(),
                long: false,
            },
        ]
    }

    /// Reads `type=<type>,<attribute>=<value>…`, or a tag alone.
    pub fn parse(line: &str) -> Result<Self, TagError> {
        let line = line.trim();
        let rule = || {
            line.chars()
                .take(200)
                .filter(|c| !c.is_control())
                .collect::<String>()
        };
        let illegal = |source| TagError::Illegal { rule: rule(), source };
        let Some(attributes) = line.strip_prefix("type=") else {
            return Tag::parse(line).map(Self::Raw).map_err(illegal);
        };
        let mut parts = attributes.split(',').map(str::trim);
        let found = parts.next().unwrap_or_default();
        let allowed: (&'static str, &[&str]) = match found {
            "semver" => ("semver", &["pattern"]),
            "sha" => ("sha", &["prefix", "format"]),
            "raw" => ("raw", &["value"]),
            _ => {
                return Err(TagError::UnknownType {
                    rule: rule(),
                    found: found.chars().take(40).collect(),
                });
            }
        };
        let (kind, names) = allowed;
        let mut values: Vec<(&str, &str)> = Vec::new();
        for part in parts {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            if !names.contains(&name) || values.iter().any(|(seen, _)| *seen == name) {
                let attribute = name.chars().take(40).filter(|c| !c.is_control()).collect();
                return Err(TagError::UnknownAttribute {
                    rule: rule(),
                    attribute,
                    kind,
                });
            }
            values.push((name, value));
        }
        let value = |name: &str| {
            values
                .iter()
                .find(|(seen, _)| *seen == name)
                .map(|(_, value)| *value)
        };
        let wrong = |attribute, expected| TagError::Value {
            rule: rule(),
            attribute,
            expected,
        };
        match kind {
            "semver" => {
                let pattern = value("pattern").unwrap_or(SemverPattern::Full.as_str());
                let pattern: String = pattern.chars().filter(|c| !c.is_whitespace()).collect();
                SemverPattern::ALL
                    .into_iter()
                    .find(|known| known.as_str() == pattern)
                    .map(Self::Semver)
                    .ok_or_else(|| wrong("pattern", "`{{version}}`, `{{major}}.{{minor}}` or `{{major}}`"))
            }
            "sha" => {
                let long = match value("format") {
                    None | Some("short") => false,
                    Some("long") => true,
                    Some(_) => return Err(wrong("format", "`short` or `long`")),
                };
                let prefix = value("prefix").unwrap_or("sha-").to_owned();
                // Every commit id is hex digits, so that the prefix alone decides whether the tag is legal.
                Tag::parse(&format!("{prefix}{}", "0".repeat(64))).map_err(illegal)?;
                Ok(Self::Sha { prefix, long })
            }
            _ => {
                let value = value("value").ok_or_else(|| wrong("value", "given"))?;
                Tag::parse(value).map(Self::Raw).map_err(illegal)
            }
        }
    }

    /// The tag that this rule makes, or why it makes none.
    fn apply(
        &self,
        version: Option<&Version>,
        commit: &CommitId,
    ) -> Result<Result<(Tag, TagClass), String>, TagError> {
        let illegal = |source| TagError::Illegal {
            rule: self.to_string(),
            source,
        };
        match self {
            Self::Raw(tag) => {
                let is_version = Version::parse(tag.as_str()).is_ok();
                Ok(Ok((
                    tag.clone(),
                    if is_version {
                        TagClass::Release
                    } else {
                        TagClass::Moving
                    },
                )))
            }
            Self::Sha { prefix, long } => {
                let digits = if *long { commit.as_str() } else { commit.short() };
                Ok(Ok((
                    Tag::parse(&format!("{prefix}{digits}")).map_err(illegal)?,
                    TagClass::Commit,
                )))
            }
            Self::Semver(pattern) => {
                let Some(version) = version else {
                    return Ok(Err(format!(
                        "`{self}` is silent, because no git tag `v1.2.3` names the commit and `version` is not given"
                    )));
                };
                let text = match pattern {
                    SemverPattern::Full => {
                        return Ok(Ok((release_tag(version).map_err(illegal)?, TagClass::Release)));
                    }
                    _ if !version.pre.is_empty() => {
                        return Ok(Err(format!(
                            "`{self}` is silent, because {version} is a pre-release"
                        )));
                    }
                    SemverPattern::MajorMinor => format!("{}.{}", version.major, version.minor),
                    SemverPattern::Major if version.major == 0 => {
                        return Ok(Err(format!(
                            "`{self}` is silent, because {version} promises no compatibility within `0`"
                        )));
                    }
                    SemverPattern::Major => version.major.to_string(),
                };
                Ok(Ok((Tag::parse(&text).map_err(illegal)?, TagClass::Moving)))
            }
        }
    }
}

impl fmt::Display for TagRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Semver(pattern) => write!(f, "type=semver,pattern={}", pattern.as_str()),
            Self::Sha { prefix, long } => {
                f.write_str("type=sha")?;
                if prefix != "sha-" {
                    write!(f, ",prefix={prefix}")?;
                }
                if *long {
                    f.write_str(",format=long")
                } else {
                    Ok(())
                }
            }
            Self::Raw(tag) => write!(f, "type=raw,value={tag}"),
        }
    }
}

/// The tags that `rules` give a commit.
///
/// A dirty working tree is not what its commit says: all its tags are marked, and none of them promises to stay.
pub fn wanted(
    rules: &[TagRule],
    version: Option<&Version>,
    commit: &CommitId,
    dirty: bool,
) -> Result<Wanted, TagError> {
    let mut tags: Vec<WantedTag> = Vec::new();
    let mut silent = Vec::new();
    for rule in rules {
        let (mut tag, mut class) = match rule.apply(version, commit)? {
            Ok(made) => made,
            Err(reason) => {
                silent.push(reason);
                continue;
            }
        };
        if dirty {
            tag = Tag::parse(&format!("{tag}{DIRTY_SUFFIX}")).map_err(|source| TagError::Illegal {
                rule: rule.to_string(),
                source,
            })?;
            class = TagClass::Moving;
        }
        match tags.iter_mut().find(|known| known.tag == tag) {
            Some(known) => known.class = known.class.min(class),
            None => tags.push(WantedTag {
                tag,
                class,
                rule: rule.to_string(),
            }),
        }
    }
    if tags.is_empty() {
        return Err(TagError::NoTag { silent });
    }
    tags.sort_by_key(|wanted| wanted.class);
    Ok(Wanted { tags, silent })
}

#[cfg(test)]
mod tests;
