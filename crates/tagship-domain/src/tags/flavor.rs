//! The input `flavor`.

use std::borrow::Cow;

use super::Mode;
use super::error::{LineError, LineProblem, TagError, listed};
use super::line::{Line, lines};
use super::variables::{Scope, Text};
use crate::untrusted::cleaned;

/// What holds for all tags: input `flavor`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Flavor {
    pub(super) latest: Latest,
    pub(super) prefix: DefaultAffix,
    pub(super) suffix: DefaultAffix,
}

/// Whether `latest` is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Latest {
    /// When a rule makes a tag of a release.
    #[default]
    Auto,
    Always,
    Never,
}

/// What stands before or behind every tag whose rule has none of its own.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct DefaultAffix {
    pub(super) text: Option<Text>,
    /// Whether `latest` gets it too.
    pub(super) is_on_latest: bool,
}

/// Source: `docker/metadata-action`'s documentation, "flavor input".
const ATTRIBUTES: [&str; 4] = ["latest", "prefix", "suffix", "onlatest"];

/// Which attribute an `onlatest` belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Prefix,
    Suffix,
}

impl Flavor {
    /// The flavor that adds nothing, not even `latest`.
    pub fn plain() -> Self {
        Self {
            latest: Latest::Never,
            ..Self::default()
        }
    }

    /// The flavor where nothing is said of it: `latest` moves only where it is asked for, but in the compatible mode as the
    /// action moves it.
    pub fn base_of(mode: Mode) -> Self {
        match mode {
            Mode::Strict => Self::plain(),
            Mode::MetadataAction => Self::default(),
        }
    }

    /// Reads a list of `latest=auto|true|false`, `prefix=…[,onlatest=true]` and `suffix=…[,onlatest=true]`.
    pub fn parse_list(text: &str, mode: Mode) -> Result<Self, TagError> {
        Self::default().with(text, mode)
    }

    /// This flavor, and what a list says otherwise.
    pub fn with(self, text: &str, mode: Mode) -> Result<Self, TagError> {
        let mut flavor = self;
        let mut wrong = Vec::new();
        for line in lines(text, mode)? {
            if let Err(error) = flavor.read(line, mode) {
                wrong.push(error);
            }
        }
        TagError::of_lines(wrong).map_or(Ok(flavor), Err)
    }

    fn read(&mut self, line: Line<'_>, mode: Mode) -> Result<(), LineError> {
        let mut seen: Vec<String> = Vec::new();
        let mut side = None;
        for attribute in line.attributes(mode)? {
            let error = |problem| LineError::new(line.number, attribute.column, problem);
            let Some(name) = &attribute.name else {
                return Err(error(if attribute.value.is_empty() {
                    LineProblem::Empty
                } else {
                    unknown(&attribute.value)
                }));
            };
            if mode == Mode::Strict {
                let is_repeated = if name == "onlatest" {
                    seen.last() == Some(name)
                } else {
                    seen.contains(name)
                };
                if is_repeated {
                    return Err(error(LineProblem::Repeated {
                        attribute: cleaned(name),
                    }));
                }
                seen.push(name.clone());
            }
            // The action takes a value up to the next `=`.
            let value = match mode {
                Mode::Strict => attribute.value.as_str(),
                Mode::MetadataAction => attribute.value.split('=').next().unwrap_or_default().trim(),
            };
            let wrong = |expected| {
                let problem = LineProblem::Value {
                    attribute: Cow::Owned(name.clone()),
                    found: cleaned(value),
                    expected,
                };
                LineError::new(line.number, attribute.value_column, problem)
            };
            match name.as_str() {
                "latest" => {
                    self.latest = match value {
                        "auto" => Latest::Auto,
                        "true" => Latest::Always,
                        "false" => Latest::Never,
                        _ => return Err(wrong("`auto`, `true` or `false`")),
                    };
                }
                "prefix" | "suffix" => {
                    let text = Text::parse(value, line.number, attribute.value_column)?;
                    if mode == Mode::Strict {
                        text.check(Scope::Global)?;
                        text.check_literals()?;
                    }
                    let text = Some(text).filter(|_| !value.is_empty());
                    if name == "prefix" {
                        side = Some(Side::Prefix);
                        self.prefix.text = text;
                    } else {
                        side = Some(Side::Suffix);
                        self.suffix.text = text;
                    }
                }
                "onlatest" => {
                    let is_on_latest = match value {
                        "true" => true,
                        "false" => false,
                        _ => return Err(wrong("`true` or `false`")),
                    };
                    match side {
                        Some(Side::Prefix) => self.prefix.is_on_latest = is_on_latest,
                        Some(Side::Suffix) => self.suffix.is_on_latest = is_on_latest,
                        None if mode == Mode::Strict => {
                            return Err(error(LineProblem::Missing {
                                attribute: "prefix=` or `suffix=",
                                owner: "`onlatest`".to_owned(),
                            }));
                        }
                        None => {}
                    }
                }
                _ => return Err(error(unknown(name))),
            }
        }
        Ok(())
    }
}

fn unknown(found: &str) -> LineProblem {
    LineProblem::UnknownAttribute {
        attribute: cleaned(found),
        owner: "`flavor`".to_owned(),
        known: listed(ATTRIBUTES),
    }
}
