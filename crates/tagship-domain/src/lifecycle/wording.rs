//! Rules in words.

use std::fmt;

use super::{Action, AgeStart, Class, Count, Rule, TagPattern, TagSelection};
use crate::untrusted::cleaned;

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = match self.action {
            Action::Expire => "expire",
            Action::Archive => "archive",
        };
        let archived = match self.class() {
            Class::Archive => "archived ",
            Class::Standard => "",
        };
        write!(f, "rule {}: {verb} {archived}{}", self.priority, self.tags)?;
        match self.count {
            Count::MoreThan(kept) => write!(f, " but the {kept} newest")?,
            Count::OlderThan { since, days } => {
                let since = match since {
                    AgeStart::Pushed => "pushed",
                    AgeStart::Pulled => "pulled last",
                    AgeStart::Archived => "archived",
                };
                let unit = if days == 1 { "day" } else { "days" };
                write!(f, " that were {since} more than {days} {unit} ago")?;
            }
        }
        match &self.description {
            Some(description) => write!(f, " ({})", cleaned(description)),
            None => Ok(()),
        }
    }
}

impl fmt::Display for TagSelection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let patterns = match self {
            Self::Any => return f.write_str("all images"),
            Self::Untagged => return f.write_str("images without a tag"),
            Self::Tagged(patterns) => patterns,
        };
        f.write_str("images with tag ")?;
        for (index, pattern) in patterns.iter().enumerate() {
            if index > 0 {
                f.write_str(" and ")?;
            }
            pattern.fmt(f)?;
        }
        Ok(())
    }
}

impl fmt::Display for TagPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Prefix(prefix) => write!(f, "`{}*`", cleaned(prefix)),
            Self::Wildcard(pattern) => write!(f, "`{}`", cleaned(pattern)),
        }
    }
}
