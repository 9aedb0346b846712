//! The attributes of a rule's line, and what they say.

use std::borrow::Cow;

use super::error::{LineError, LineProblem, listed};
use super::kind::{Extract, OrderAttribute, Priority, RefKind, RuleKind, Scheme};
use super::line::{Attribute, Line};
use super::pattern::Pattern;
use super::variables::Scope;
use super::{Mode, Text};
use crate::untrusted::cleaned;

/// A type of rule: its name, its default priority and the attributes of its own.
pub(super) struct Type {
    pub(super) name: &'static str,
    pub(super) priority: f64,
    attributes: &'static [&'static str],
}

/// Source: `docker/metadata-action`'s documentation, "tags input".
const TYPES: [Type; 8] = [
    Type {
        name: "schedule",
        priority: 1000.0,
        attributes: &["pattern"],
    },
    Type {
        name: "semver",
        priority: 900.0,
        attributes: &["pattern", "value", "match"],
    },
    Type {
        name: "pep440",
        priority: 900.0,
        attributes: &["pattern", "value", "match"],
    },
    Type {
        name: "match",
        priority: 800.0,
        attributes: &["pattern", "group", "value"],
    },
    Type {
        name: "edge",
        priority: 700.0,
        attributes: &["branch"],
    },
    Type {
        name: "ref",
        priority: 600.0,
        attributes: &["event"],
    },
    Type {
        name: "raw",
        priority: 200.0,
        attributes: &["value"],
    },
    Type {
        name: "sha",
        priority: 100.0,
        attributes: &["format"],
    },
];

/// The attributes that every type has.
const GLOBAL_ATTRIBUTES: [&str; 5] = ["enable", "priority", "prefix", "suffix", "order"];

/// The attributes of one line, all of them allowed.
pub(super) struct Fields {
    pub(super) of: &'static Type,
    line: usize,
    mode: Mode,
    attributes: Vec<(String, Attribute)>,
}

impl Fields {
    pub(super) fn read(line: Line<'_>, mode: Mode) -> Result<Self, LineError> {
        let error = |column, problem| LineError::new(line.number, column, problem);
        let mut found: Option<&'static Type> = None;
        let mut attributes: Vec<(String, Attribute)> = Vec::new();
        for attribute in line.attributes(mode)? {
            let column = attribute.column;
            let name = attribute.name.clone().unwrap_or_else(|| "value".to_owned());
            let repeated = if name == "type" {
                found.is_some()
            } else {
                attributes.iter().any(|(known, _)| *known == name)
            };
            if mode == Mode::Strict {
                if attribute.name.is_none() && attribute.value.is_empty() {
                    return Err(error(column, LineProblem::Empty));
                }
                if repeated {
                    return Err(error(
                        column,
                        LineProblem::Repeated {
                            attribute: cleaned(&name),
                        },
                    ));
                }
            }
            if name == "type" {
                let of = TYPES.iter().find(|of| of.name == attribute.value);
                found = Some(of.ok_or_else(|| {
                    let known = listed(TYPES.iter().map(|of| of.name));
                    let found = cleaned(&attribute.value);
                    error(attribute.value_column, LineProblem::UnknownType { found, known })
                })?);
            } else {
                // In the compatible mode the last one wins.
                attributes.retain(|(known, _)| *known != name);
                attributes.push((name, attribute));
            }
        }
        let raw = TYPES.iter().find(|of| of.name == "raw").unwrap_or(&TYPES[0]);
        let of = found.unwrap_or(raw);
        let allowed = |name: &str| of.attributes.contains(&name) || GLOBAL_ATTRIBUTES.contains(&name);
        let unknown = attributes
            .iter()
            .find(|(name, attribute)| !allowed(name) || attribute.name.is_none() && of.name != "raw");
        if let Some((name, attribute)) = unknown
            && mode == Mode::Strict
        {
            let named = attribute.name.as_ref().map_or(&attribute.value, |_| name);
            return Err(error(
                attribute.column,
                LineProblem::UnknownAttribute {
                    attribute: cleaned(named),
                    owner: owner(of),
                    known: listed(of.attributes.iter().chain(&GLOBAL_ATTRIBUTES).copied()),
                },
            ));
        }
        Ok(Self {
            of,
            line: line.number,
            mode,
            attributes,
        })
    }

    /// The column that is to blame when the rule makes no legal tag: that of what the user put in it.
    pub(super) fn blamed_column(&self) -> usize {
        let column = ["prefix", "value", "pattern", "branch", "event", "suffix"]
            .iter()
            .find_map(|name| self.get(name).filter(|attribute| !attribute.value.is_empty()));
        column.map_or(1, |attribute| attribute.value_column)
    }

    fn get(&self, name: &str) -> Option<&Attribute> {
        self.attributes
            .iter()
            .find_map(|(known, attribute)| (known == name).then_some(attribute))
    }

    fn column(&self, name: &str) -> usize {
        self.get(name).map_or(1, |attribute| attribute.value_column)
    }

    fn error(&self, name: &str, problem: LineProblem) -> LineError {
        LineError::new(self.line, self.column(name), problem)
    }

    pub(super) fn value_error(&self, name: &'static str, expected: &'static str) -> LineError {
        let found = self.get(name).map(|attribute| cleaned(&attribute.value));
        self.error(
            name,
            LineProblem::Value {
                attribute: Cow::Borrowed(name),
                found: found.unwrap_or_default(),
                expected,
            },
        )
    }

    fn missing(&self, attribute: &'static str) -> LineError {
        let owner = owner(self.of);
        LineError::new(self.line, 1, LineProblem::Missing { attribute, owner })
    }

    /// The template in an attribute; variables are checked in the strict mode only.
    pub(super) fn template(&self, name: &str, scope: Scope) -> Result<Option<Text>, LineError> {
        let Some(attribute) = self.get(name) else {
            return Ok(None);
        };
        let text = Text::parse(&attribute.value, self.line, attribute.value_column)?;
        if self.mode == Mode::Strict {
            text.check(scope)?;
            if name != "enable" && (name != "value" || self.of.name == "raw") {
                text.check_literals()?;
            }
        }
        Ok(Some(text))
    }

    /// The template in an attribute that counts as absent when it is empty.
    fn filled_template(&self, name: &str, scope: Scope) -> Result<Option<Text>, LineError> {
        let text = self.template(name, scope)?;
        Ok(text.filter(|text| !text.template.source().is_empty()))
    }

    /// How the tag may move; the action knows no such attribute.
    pub(super) fn order(&self, mode: Mode) -> Result<Option<OrderAttribute>, LineError> {
        let Some(attribute) = self.get("order").filter(|_| mode == Mode::Strict) else {
            return Ok(None);
        };
        match attribute.value.as_str() {
            "version" => Ok(Some(OrderAttribute::Version)),
            "commit" => Ok(Some(OrderAttribute::Commit)),
            "none" => Ok(Some(OrderAttribute::None)),
            _ => Err(self.value_error("order", "`version`, `commit` or `none`")),
        }
    }

    pub(super) fn priority(&self, default: f64) -> Result<Priority, LineError> {
        let Some(attribute) = self.get("priority") else {
            return Ok(Priority(default));
        };
        let number = attribute
            .value
            .parse::<f64>()
            .ok()
            .filter(|number| number.is_finite());
        match (number, self.mode) {
            (Some(number), _) => Ok(Priority(number)),
            (None, Mode::Strict) => Err(self.value_error("priority", "a number")),
            (None, Mode::MetadataAction) => Ok(Priority(default)),
        }
    }

    pub(super) fn kind(&self) -> Result<RuleKind, LineError> {
        Ok(match self.of.name {
            "schedule" => RuleKind::Schedule {
                pattern: match self.template("pattern", Scope::Schedule)? {
                    Some(pattern) => pattern,
                    None => Text::parse("nightly", self.line, 1)?,
                },
            },
            "semver" => self.version(Scheme::Semver)?,
            "pep440" => self.version(Scheme::Pep440)?,
            "match" => self.matching()?,
            "edge" => RuleKind::Edge {
                branch: self
                    .get("branch")
                    .map(|attribute| attribute.value.clone())
                    .filter(|branch| !branch.is_empty()),
            },
            "ref" => RuleKind::Ref(match self.get("event").map(|event| event.value.as_str()) {
                Some("branch") => RefKind::Branch,
                Some("tag") => RefKind::Tag,
                Some("pr") => RefKind::PullRequest,
                Some(_) => return Err(self.value_error("event", "`branch`, `tag` or `pr`")),
                None => return Err(self.missing("event")),
            }),
            "sha" => RuleKind::Sha {
                is_long: match self.get("format").map(|format| format.value.as_str()) {
                    None | Some("short") => false,
                    Some("long") => true,
                    Some(_) => return Err(self.value_error("format", "`short` or `long`")),
                },
            },
            _ => RuleKind::Raw(
                self.template("value", Scope::Global)?
                    .ok_or_else(|| self.missing("value"))?,
            ),
        })
    }

    fn version(&self, scheme: Scheme) -> Result<RuleKind, LineError> {
        let pattern = match (self.template("pattern", Scope::Version)?, self.mode) {
            (Some(pattern), _) => pattern,
            (None, Mode::Strict) => Text::parse("{{version}}", self.line, 1)?,
            (None, Mode::MetadataAction) => return Err(self.missing("pattern")),
        };
        let extract = match self.get("match").filter(|attribute| !attribute.value.is_empty()) {
            None => None,
            Some(attribute) => Some(self.extract("match", Pattern::parse(&attribute.value), 1)?),
        };
        Ok(RuleKind::Version {
            scheme,
            pattern,
            value: self.filled_template("value", Scope::Global)?,
            extract,
        })
    }

    fn matching(&self) -> Result<RuleKind, LineError> {
        let source = self.get("pattern").ok_or_else(|| self.missing("pattern"))?;
        let pattern = Pattern::parse_with_flags(&source.value);
        let group = match self.get("group") {
            None => 0,
            Some(attribute) if attribute.value.is_empty() && self.mode == Mode::MetadataAction => 0,
            Some(attribute) => attribute
                .value
                .parse::<u8>()
                .map_err(|_no_number| self.value_error("group", "the number of a group"))?
                .into(),
        };
        Ok(RuleKind::Match {
            extract: self.extract("pattern", pattern, group)?,
            value: self.filled_template("value", Scope::Global)?,
        })
    }

    fn extract(
        &self,
        name: &'static str,
        pattern: Result<Pattern, String>,
        group: usize,
    ) -> Result<Extract, LineError> {
        let wrong = |reason| self.error(name, LineProblem::Pattern { reason });
        let pattern = pattern.map_err(wrong)?;
        let exists = pattern.is_global() || group < pattern.groups();
        if self.mode == Mode::Strict && !exists {
            return Err(wrong(format!("it has no group {group}")));
        }
        let column = self.column(name);
        Ok(Extract {
            pattern,
            group,
            column,
        })
    }
}

fn owner(of: &Type) -> String {
    format!("`type={}`", of.name)
}
