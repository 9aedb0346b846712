//! Whether to colour, and how.

use clap::ValueEnum;
use clap::builder::styling::{AnsiColor, Style};

use crate::inputs::Environment;

/// Whether to colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum ColorChoice {
    /// In a terminal, unless `NO_COLOR` is set; always where `CLICOLOR_FORCE` is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl ColorChoice {
    /// Source: no-color.org; bixense.com/clicolors.
    pub(super) fn palette(self, is_terminal: bool, environment: &Environment) -> Palette {
        let is_colored = match self {
            Self::Always => true,
            Self::Never => false,
            Self::Auto if environment.get("NO_COLOR").is_some() => false,
            Self::Auto
                if environment
                    .get("CLICOLOR_FORCE")
                    .is_some_and(|value| value != "0") =>
            {
                true
            }
            Self::Auto => is_terminal,
        };
        if is_colored {
            Palette::COLORED
        } else {
            Palette::PLAIN
        }
    }
}

/// The styles of the words that stand out.
#[derive(Debug, Clone, Copy)]
pub(super) struct Palette {
    pub(super) error: Style,
    pub(super) warning: Style,
    pub(super) hint: Style,
    pub(super) stage: Style,
    pub(super) faint: Style,
}

impl Palette {
    pub(super) const PLAIN: Self = Self {
        error: Style::new(),
        warning: Style::new(),
        hint: Style::new(),
        stage: Style::new(),
        faint: Style::new(),
    };

    pub(super) const COLORED: Self = Self {
        error: AnsiColor::Red.on_default().bold(),
        warning: AnsiColor::Yellow.on_default().bold(),
        hint: AnsiColor::Cyan.on_default().bold(),
        stage: Style::new().bold(),
        faint: Style::new().dimmed(),
    };
}
