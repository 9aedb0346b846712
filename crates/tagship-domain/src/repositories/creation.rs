//! Who makes a repository that is missing.

/// Who makes a repository that is missing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum RepositoryCreation {
    /// Nobody.
    #[default]
    Never,
    /// The run, before it writes anything else.
    ByRun,
    /// ECR, when the repository is pushed to, as a creation template of the registry says.
    ByTemplate,
}

impl RepositoryCreation {
    /// The word for ECR's own way, beside `true` and `false`.
    pub const TEMPLATE: &'static str = "template";

    /// Reads the value of an input.
    ///
    /// Source: actions/toolkit, `core.getBooleanInput`, after the YAML 1.2 core schema.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "false" | "False" | "FALSE" => Some(Self::Never),
            "true" | "True" | "TRUE" => Some(Self::ByRun),
            Self::TEMPLATE => Some(Self::ByTemplate),
            _ => None,
        }
    }

    /// Whether anybody makes it.
    pub fn is_wanted(self) -> bool {
        self != Self::Never
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_a_truth_or_the_word() {
        for (text, creation) in [
            ("false", Some(RepositoryCreation::Never)),
            ("TRUE", Some(RepositoryCreation::ByRun)),
            ("template", Some(RepositoryCreation::ByTemplate)),
            ("Template", None),
            ("yes", None),
            ("", None),
        ] {
            assert_eq!(RepositoryCreation::parse(text), creation, "{text}");
        }
    }
}
