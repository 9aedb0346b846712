//! What is wrong with an input, and where it comes from.

use std::borrow::Cow;
use std::fmt;

use tagship_domain::error::{Diagnose, FailureKind};
use tagship_domain::location::SourceLocation;

/// One thing that is wrong with an input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where the value comes from.
    pub origin: Origin,
    /// What is wrong, one sentence without a full stop.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
}

/// Everything that is wrong with the inputs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct SettingsError {
    problems: Vec<Problem>,
}

impl SettingsError {
    /// All problems, in the order of the inputs.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    pub(super) fn incomplete() -> Self {
        Self {
            problems: vec![Problem {
                origin: Origin::Inputs,
                message: "they make no settings".to_owned(),
                hint: None,
            }],
        }
    }
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let [only] = self.problems.as_slice() {
            return write!(f, "{}: {}", only.origin, only.message);
        }
        write!(f, "{} inputs cannot be used", self.problems.len())?;
        for problem in &self.problems {
            write!(f, "\n  {}: {}", problem.origin, problem.message)?;
            if let Some(hint) = &problem.hint {
                write!(f, "\n    hint: {hint}")?;
            }
        }
        Ok(())
    }
}

impl Diagnose for SettingsError {
    fn kind(&self) -> FailureKind {
        FailureKind::Usage
    }

    fn hint(&self) -> Option<Cow<'static, str>> {
        match self.problems.as_slice() {
            [only] => only.hint.clone().map(Cow::Owned),
            _ => None,
        }
    }

    /// The first line of the configuration file that is wrong.
    fn location(&self) -> Option<SourceLocation> {
        self.problems.iter().find_map(|problem| match &problem.origin {
            Origin::File { path, line, .. } => Some(SourceLocation::new(path, u32::try_from(*line).ok()?)),
            _ => None,
        })
    }
}

/// Collects problems while the inputs are read.
#[derive(Debug)]
pub(super) struct Problems(Vec<Problem>);

impl Problems {
    pub(super) fn new(found: Vec<Problem>) -> Self {
        Self(found)
    }

    /// Notes a problem; `None` stands for the value that it costs.
    pub(super) fn add<T>(
        &mut self,
        origin: &Origin,
        message: impl fmt::Display,
        hint: impl Into<Option<String>>,
    ) -> Option<T> {
        let problem = Problem {
            origin: origin.clone(),
            message: message.to_string(),
            hint: hint.into(),
        };
        // An input that two settings depend on is looked at twice.
        if !self.0.contains(&problem) {
            self.0.push(problem);
        }
        None
    }

    /// The value, or its error noted as a problem.
    pub(super) fn check<T, E: fmt::Display>(
        &mut self,
        origin: &Origin,
        result: Result<T, E>,
        hint: impl Into<Option<String>>,
    ) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(error) => self.add(origin, error, hint),
        }
    }

    /// Notes that an input is missing, unless the file that could hold it gives nothing for what is wrong with it: that is
    /// one fault, not two.
    pub(super) fn add_missing<T>(&mut self, has_file: bool, message: &str, hint: &str) -> Option<T> {
        let is_of_file = |problem: &Problem| matches!(problem.origin, Origin::File { .. });
        if !has_file && self.0.iter().any(is_of_file) {
            return None;
        }
        self.add(&Origin::Inputs, message, hint.to_owned())
    }

    pub(super) fn finish(self) -> Result<(), SettingsError> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(SettingsError { problems: self.0 })
        }
    }
}

/// Where a value comes from, as messages name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A flag.
    Flag(&'static str),
    /// An input of the action.
    ActionInput(&'static str),
    /// An environment variable.
    Variable(String),
    /// A place in the configuration file.
    File {
        /// The file, as the user knows it.
        path: String,
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
    },
    /// The input is not given, and this is its default.
    Default(&'static str),
    /// What is wrong is not one value.
    Inputs,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(name) => write!(f, "`--{name}`"),
            Self::ActionInput(name) => write!(f, "input `{name}`"),
            Self::Variable(name) => write!(f, "`{name}`"),
            Self::File { path, line, column } => write!(f, "{path}:{line}:{column}"),
            Self::Default(name) => write!(f, "default of `{name}`"),
            Self::Inputs => f.write_str("inputs"),
        }
    }
}
