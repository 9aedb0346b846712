//! The workflow that publishes.

use super::{JobNeed, PublishedImages, Setup};
use crate::iam::JobFilter;

/// Returns the workflow for the jobs that the role trusts.
pub(super) fn workflow(setup: &Setup) -> String {
    let jobs = &setup.trust.jobs;
    let branches = quoted(jobs.iter().filter_map(|job| match job {
        JobFilter::Branch(name) => Some(name.as_str()),
        _ => None,
    }));
    let tags = quoted(jobs.iter().filter_map(|job| match job {
        JobFilter::Tag(name) => Some(name.as_str()),
        _ => None,
    }));
    let environment = jobs.iter().find_map(|job| match job {
        JobFilter::Environment(name) => Some(format!("    environment: {}\n", yaml_string(name))),
        _ => None,
    });
    let mut events = String::new();
    if branches.is_none() && tags.is_none() {
        events.push_str("  push:\n    branches: [main]\n    tags: [\"v*\"]\n");
    } else {
        events.push_str("  push:\n");
        for (key, patterns) in [("branches", branches), ("tags", tags)] {
            if let Some(patterns) = patterns {
                events.push_str(&format!("    {key}: [{patterns}]\n"));
            }
        }
    }
    if jobs.contains(&JobFilter::PullRequest) {
        events.push_str("  pull_request:\n");
    }
    let needs = |need| setup.in_use.job.contains(&need);
    let mut rights = String::new();
    for (need, right) in [
        (JobNeed::PullRequests, "pull-requests: write"),
        (JobNeed::SecurityEvents, "security-events: write"),
    ] {
        if needs(need) {
            rights += &format!("      {right}\n");
        }
    }
    let contents = if needs(JobNeed::Contents) { "write" } else { "read" };
    // What a commit touches is seen by comparing it with the one before the push.
    let depth = if needs(JobNeed::History) || setup.images == PublishedImages::Touched {
        "          fetch-depth: 0\n"
    } else {
        ""
    };
    format!(
        "name: publish
on:
{events}permissions: {{}}
jobs:
  image:
    runs-on: ubuntu-24.04
{}    permissions:
      contents: {contents}
      id-token: write
{rights}    steps:
      - uses: actions/checkout@de0fac2e4500dabe0009e67214ff5f5447ce83dd # v6.0.2
        with:
          persist-credentials: false
{depth}{}      - run: echo \"$IMAGE\"
        env:
          IMAGE: ${{{{ steps.ship.outputs.{} }}}}
",
        environment.unwrap_or_default(),
        ship(setup),
        match setup.images {
            PublishedImages::Touched => "images",
            PublishedImages::Single | PublishedImages::Named(_) => "image",
        }
    )
}

/// The steps that publish: the action, or the command on the runner itself where a program there signs.
fn ship(setup: &Setup) -> String {
    let needs = |need| setup.in_use.job.contains(&need);
    let installer = if needs(JobNeed::Cosign) {
        "      - uses: sigstore/cosign-installer@v4
"
    } else if needs(JobNeed::Notation) {
        "      - uses: notaryproject/notation-action/setup@v1
"
    } else {
        return action(setup);
    };
    let mut environment = vec![("TAGSHIP_ROLE_TO_ASSUME", setup.role_arn())];
    if needs(JobNeed::File) {
        environment.push(("TAGSHIP_CONFIG", "tagship.yaml".to_owned()));
    }
    let mut which = "";
    match &setup.images {
        PublishedImages::Single => {}
        PublishedImages::Named(name) => environment.push(("TAGSHIP_ONLY", yaml_string(name))),
        PublishedImages::Touched => which = " --changed",
    }
    // The action takes it by itself.
    environment.push(("TAGSHIP_GITHUB_TOKEN", "${{ github.token }}".to_owned()));
    if needs(JobNeed::Cosign) {
        environment.extend(
            ["COSIGN_PRIVATE_KEY", "COSIGN_PASSWORD"]
                .map(|name| (name, format!("${{{{ secrets.{name} }}}}"))),
        );
    }
    let lines = environment
        .iter()
        .map(|(name, value)| format!("          {name}: {value}\n"));
    format!(
        "{installer}      - uses: tagship/tagship/setup@v1
      - id: ship
        run: tagship ship{which}
        env:
{}",
        lines.collect::<String>()
    )
}

fn action(setup: &Setup) -> String {
    let file = if setup.in_use.job.contains(&JobNeed::File) {
        "          config: tagship.yaml\n"
    } else {
        ""
    };
    let images = match &setup.images {
        PublishedImages::Single => String::new(),
        PublishedImages::Named(name) => format!("          only: {}\n", yaml_string(name)),
        PublishedImages::Touched => "          all: true\n          changed: true\n".to_owned(),
    };
    format!(
        "      - id: ship
        uses: tagship/tagship@v1
        with:
          role-to-assume: {}
{file}{images}",
        setup.role_arn()
    )
}

/// The names as items of a list in YAML; `None` where there are none.
fn quoted<'a>(names: impl Iterator<Item = &'a str>) -> Option<String> {
    let names: Vec<String> = names.map(yaml_string).collect();
    (!names.is_empty()).then(|| names.join(", "))
}

/// A text as one scalar of YAML. Source: YAML 1.2.2, section 7.3.1: JSON's strings are YAML's.
fn yaml_string(text: &str) -> String {
    let is_plain = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-_/.".contains(c))
        && !["true", "false", "null", "yes", "no", "on", "off"].contains(&text.to_ascii_lowercase().as_str());
    if is_plain {
        text.to_owned()
    } else {
        // A text is always JSON.
        serde_json::to_string(text).unwrap_or_default()
    }
}
