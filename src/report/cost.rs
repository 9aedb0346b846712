//! What repositories cost a month.

use std::fmt::Write as _;

use indicatif::DecimalBytes;
use serde::Serialize;

use super::text::table;
use tagship_domain::cost::{CostEstimate, Elsewhere, Money, RepositoryCost, TransferCost, Way};
use tagship_domain::error::cleaned;
use tagship_domain::reference::RegistryHost;

/// What `tagship repo cost --json` prints.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct CostReport {
    /// The registry, where one was asked.
    pub registry: Option<RegistryHost>,
    /// What its repositories cost.
    #[serde(flatten)]
    pub estimate: CostEstimate,
}

impl CostReport {
    /// Returns the estimate as a person reads it. Ends with a line break.
    pub fn text(&self) -> String {
        let estimate = &self.estimate;
        let mut text = String::new();
        if let Some(registry) = &self.registry {
            let _ = writeln!(text, "{registry}");
        }
        let mut rows: Vec<[String; 5]> = estimate.repositories.iter().map(cells).collect();
        rows.extend(estimate.transfers.iter().map(|one| {
            let [pulls, bytes, cost] = transfer(one);
            [pulls, String::new(), bytes, cost, String::new()]
        }));
        if rows.len() != 1 {
            rows.push([
                "a month".into(),
                String::new(),
                String::new(),
                estimate.month.to_string(),
                saved(estimate.saving),
            ]);
        }
        text += &table(&rows);
        if let Some(advice) = self.advice() {
            let _ = writeln!(text, "{advice}");
        }
        if !estimate.elsewhere.is_empty() {
            text += "\nthe same numbers elsewhere, a month\n";
            let rows: Vec<[String; 2]> = estimate
                .elsewhere
                .iter()
                .map(|one| [cleaned(&one.name), one.month().to_string()])
                .collect();
            text += &table(&rows);
        }
        let _ = writeln!(
            text,
            "\nprices of {}: {}",
            estimate.as_of,
            cleaned(&estimate.source)
        );
        for note in self.notes() {
            let _ = writeln!(text, "{note}");
        }
        text
    }

    /// Returns the estimate as Markdown, for a pull request or a job's summary. Ends with a line break.
    pub fn markdown(&self) -> String {
        let estimate = &self.estimate;
        let mut text = match &self.registry {
            Some(registry) => format!("### Cost of `{registry}`: {} a month\n", estimate.month),
            None => format!("### Cost: {} a month\n", estimate.month),
        };
        text += "\n| what | images | bytes | a month | a lifecycle policy saves |\n| --- | ---: | ---: | ---: | ---: |\n";
        for one in &estimate.repositories {
            let [name, images, bytes, cost, saved] = cells(one);
            let _ = writeln!(text, "| `{name}` | {images} | {bytes} | {cost} | {saved} |");
        }
        for one in &estimate.transfers {
            let [pulls, bytes, cost] = transfer(one);
            let _ = writeln!(text, "| {pulls} | | {bytes} | {cost} | |");
        }
        let _ = writeln!(
            text,
            "| **a month** | | | **{}** | {} |",
            estimate.month,
            saved(estimate.saving)
        );
        if let Some(advice) = self.advice() {
            let _ = writeln!(text, "\n{advice}.");
        }
        if !estimate.elsewhere.is_empty() {
            text += "\n| the same numbers elsewhere | storage | pulls | a month | |\n| --- | ---: | ---: | ---: | --- |\n";
            for one in &estimate.elsewhere {
                let Elsewhere {
                    name,
                    storage,
                    transfer,
                    note,
                    ..
                } = one;
                let (name, note) = (in_cell(name), in_cell(note.as_deref().unwrap_or_default()));
                let _ = writeln!(
                    text,
                    "| {name} | {storage} | {transfer} | {} | {note} |",
                    one.month()
                );
            }
        }
        let _ = writeln!(
            text,
            "\nPrices of {}: {}",
            estimate.as_of,
            in_cell(&estimate.source)
        );
        for note in self.notes() {
            let _ = writeln!(text, "- {}", in_cell(&note));
        }
        text
    }

    /// Whether a copy in the other region costs less than pulling from there.
    fn advice(&self) -> Option<String> {
        let copy = self.estimate.replication?;
        let saved = copy.instead_of.less(copy.month);
        (saved > Money::ZERO).then(|| {
            format!(
                "a replica in the other region costs {} (storage {}, transfer {}) and saves {}",
                copy.month, copy.storage, copy.transfer, copy.instead_of
            )
        })
    }

    fn notes(&self) -> Vec<String> {
        let note = self.estimate.note.as_deref().map(cleaned);
        let is_upper_bound = self.estimate.repositories.iter().any(|one| one.is_upper_bound);
        let bound = is_upper_bound.then(|| {
            "at most: where it was not read which layers images share, each image counts whole".to_owned()
        });
        note.into_iter().chain(bound).collect()
    }
}

fn cells(one: &RepositoryCost) -> [String; 5] {
    let images = format!("{} image{}", one.images, if one.images == 1 { "" } else { "s" });
    let mut bytes = DecimalBytes(one.bytes).to_string();
    if one.archived_bytes > 0 {
        let _ = write!(bytes, " + {} archived", DecimalBytes(one.archived_bytes));
    }
    if one.is_upper_bound {
        bytes.insert_str(0, "at most ");
    }
    let saved = saved(one.policy.map(|policy| policy.saved));
    [
        one.repository.clone(),
        images,
        bytes,
        one.storage.to_string(),
        saved,
    ]
}

fn saved(saving: Option<Money>) -> String {
    saving.map_or_else(String::new, |saving| format!("its policy saves {saving}"))
}

fn transfer(one: &TransferCost) -> [String; 3] {
    let pulls = if one.pulls == 1 { "pull" } else { "pulls" };
    let from = match one.from {
        Way::Region => "in the region",
        Way::OtherRegion => "from another region",
        Way::Internet => "from the internet",
    };
    let bytes = DecimalBytes(one.bytes).to_string();
    [
        format!("{} {pulls} {from}", one.pulls),
        bytes,
        one.cost.to_string(),
    ]
}

/// Text of a file of prices in a table.
fn in_cell(text: &str) -> String {
    cleaned(text).replace('|', "\\|").replace('<', "&lt;")
}
