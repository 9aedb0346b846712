//! The repositories of registries as a table.

use std::fmt::Write as _;

use indicatif::HumanBytes;
use jiff::Timestamp;
use serde::Serialize;

use super::RepositoryFailure;
use super::inventory::scan_text;
use super::text::table;
use tagship_domain::immutability::{Mutability, TagFilter};
use tagship_domain::reference::RegistryHost;
use tagship_domain::repositories::{Drift, FoundRepository, ListedRepository};

/// What `tagship repo list --json` prints.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct RepositoryList {
    /// The registries.
    pub registries: Vec<ListedRegistry>,
}

/// One registry.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ListedRegistry {
    /// The registry.
    pub registry: RegistryHost,
    /// Its repositories, by name.
    pub repositories: Vec<ListedRepository>,
    /// The settings of the registry itself that are not as declared; absent where none is declared, or what is there cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub settings_that_differ: Option<Vec<String>>,
    /// Why it could not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<RepositoryFailure>,
}

const HEADING: [&str; 10] = [
    "REPOSITORY",
    "TAGS",
    "SCAN",
    "ENCRYPTION",
    "IMAGES",
    "SIZE",
    "LAST PUSH",
    "LAST PULL",
    "FINDINGS",
    "DRIFT",
];

impl RepositoryList {
    /// Returns the tables, one for each registry. Ends with a line break.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for (index, one) in self.registries.iter().enumerate() {
            if self.registries.len() > 1 {
                let gap = if index == 0 { "" } else { "\n" };
                let _ = writeln!(text, "{gap}{}", one.registry);
            }
            if let Some(error) = &one.error {
                let _ = writeln!(text, "! {}", error.message);
            } else if one.repositories.is_empty() {
                let _ = writeln!(text, "no repositories in {}", one.registry);
            } else {
                let rows: Vec<[String; 10]> = std::iter::once(HEADING.map(str::to_owned))
                    .chain(one.repositories.iter().map(cells))
                    .collect();
                for line in table(&rows).lines() {
                    let _ = writeln!(text, "{}", line.strip_prefix("  ").unwrap_or(line));
                }
            }
            if let Some(settings) = &one.settings_that_differ {
                let _ = writeln!(text, "settings of the registry: {}", differing(settings));
            }
        }
        text
    }

    /// Returns the tables as Markdown. Ends with a line break.
    pub fn markdown(&self) -> String {
        let mut text = String::new();
        for one in &self.registries {
            let _ = writeln!(text, "### Repositories in `{}`\n", one.registry);
            if let Some(error) = &one.error {
                let _ = writeln!(text, "{}\n", error.message.replace('\n', " "));
                continue;
            }
            let mut row = |cells: &[String; 10]| {
                let cells = cells.each_ref().map(|cell| cell.replace('|', "\\|"));
                let _ = writeln!(text, "| {} |", cells.join(" | "));
            };
            row(&HEADING.map(str::to_lowercase));
            row(&[(); 10].map(|()| "---".to_owned()));
            for repository in &one.repositories {
                let mut cells = cells(repository);
                cells[0] = format!("`{}`", cells[0]);
                row(&cells);
            }
            text.push('\n');
            if let Some(settings) = &one.settings_that_differ {
                let _ = writeln!(text, "Settings of the registry: {}\n", differing(settings));
            }
        }
        text
    }
}

fn differing(settings: &[String]) -> String {
    match settings {
        [] => "as declared".to_owned(),
        settings => format!("{} differ", settings.join(", ")),
    }
}

fn cells(one: &ListedRepository) -> [String; 10] {
    let dash = || "-".to_owned();
    let of = |cell: &dyn Fn(&FoundRepository) -> String| one.found.as_ref().map_or_else(dash, cell);
    let day = |time: Option<Timestamp>| time.map_or_else(dash, |time| time.strftime("%Y-%m-%d").to_string());
    [
        one.repository.to_string(),
        of(&|found| worded(&found.mutability)),
        of(&|found| if found.scan_on_push { "on push" } else { "-" }.to_owned()),
        of(&|found| found.encryption.to_owned()),
        of(&|found| found.images.to_string()),
        of(&|found| HumanBytes(found.bytes).to_string()),
        of(&|found| day(found.last_push)),
        of(&|found| day(found.last_pull)),
        of(&|found| found.findings.as_ref().map_or_else(dash, scan_text)),
        one.drift
            .map_or_else(dash, |drift: Drift| drift.as_str().to_owned()),
    ]
}

/// A mutability in few words, with its filters.
fn worded(mutability: &Mutability) -> String {
    let (word, filters) = match mutability {
        Mutability::Mutable => ("mutable", &[][..]),
        Mutability::Immutable => ("immutable", &[][..]),
        Mutability::ImmutableWithExclusion(filters) => ("immutable", filters.as_slice()),
        Mutability::MutableWithExclusion(filters) => ("mutable", filters.as_slice()),
    };
    let filters: Vec<&str> = filters.iter().map(TagFilter::as_str).collect();
    if filters.is_empty() {
        word.to_owned()
    } else {
        format!("{word} but {}", filters.join(", "))
    }
}
