use std::fmt;

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
