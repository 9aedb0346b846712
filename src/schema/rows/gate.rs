//! What an image must pass before it gets a tag.

use crate::schema::{Input, InputKind, MaySet, NeedsSetup, Section};

/// In the order of the help. What relaxes the gate is not for a file that a pull request writes.
pub(super) const ROWS: &[Input] = &[
    Input::text(
        Section::Gate,
        "scan",
        "MODE",
        "Let the registry's findings decide before any tag is put: `wait` waits for the scan that the registry makes by \
         itself, basic or enhanced; `start` begins a basic scan where it makes none; `off` (docs/scanning.md)",
    )
    .default("off")
    .may_set(MaySet::Workflow),
    Input::entries(
        Section::Gate,
        "fail-on",
        "SEVERITY[=MOST]",
        "Which findings fail the gate: `critical`, or limits such as `critical=0` and `high=5`, each for findings of that \
         severity or worse; `none` only reports",
    )
    .default("high")
    .may_set(MaySet::Workflow),
    Input::flag(
        Section::Gate,
        "only-fixed",
        "Do not count findings that nothing mends yet. Basic scans do not say it, and their findings always count",
    )
    .may_set(MaySet::Workflow),
    Input::flag(
        Section::Gate,
        "only-new",
        "Count only findings that the release before has not: the greatest stable version below this one, or `latest`. Where its \
         findings cannot be read every finding counts",
    )
    .may_set(MaySet::Workflow),
    Input::new(
        Section::Gate,
        "ignore-findings",
        InputKind::Records { last: "reason" },
        "FIELDS",
        "Findings that do not count, one entry a line: `id=CVE-2024-3094,until=2026-12-31,reason=TEXT`, with `id`, \
         `package`, `version`, `purl` or `path`; `until` and `reason` are needed",
    )
    .may_set(MaySet::Workflow),
    Input::entries(
        Section::Gate,
        "ignore-files",
        "PATH",
        "Files of other tools that say which findings do not count, one a line: Trivy's `.trivyignore.yaml`, Grype's `ignore` \
         rules, OpenVEX and CSAF documents",
    )
    .may_set(MaySet::Workflow)
    .needs_setup(NeedsSetup::HostFile),
    Input::text(
        Section::Gate,
        "exploitable",
        "WHAT",
        "What to do when an exploit of a finding that counts is known, whatever `fail-on` allows: `warn` or `fail`",
    )
    .default("warn")
    .may_set(MaySet::Workflow),
    Input::text(
        Section::Gate,
        "kev-file",
        "PATH",
        "CISA's catalog of known exploited vulnerabilities as JSON: an exploit of what it names is known",
    )
    .may_set(MaySet::Workflow)
    .needs_setup(NeedsSetup::HostFile),
    Input::text(
        Section::Gate,
        "epss-file",
        "PATH",
        "The scores of EPSS as CSV: how likely each vulnerability is exploited within 30 days",
    )
    .may_set(MaySet::Workflow)
    .needs_setup(NeedsSetup::HostFile),
    Input::text(
        Section::Gate,
        "fail-on-epss",
        "SCORE",
        "From which score of EPSS on a finding that counts fails the gate, whatever `fail-on` allows, such as `0.5`",
    )
    .may_set(MaySet::Workflow),
    Input::new(
        Section::Gate,
        "grace-days",
        InputKind::Integer {
            least: 0,
            greatest: 365,
        },
        "DAYS",
        "For how many days after a vulnerability was made known its findings do not count. Those with a known exploit, and \
         those of basic scans, which do not say the day, always count",
    )
    .default("0")
    .may_set(MaySet::Workflow),
    Input::text(
        Section::Gate,
        "stale-ignores",
        "WHAT",
        "What to do when an entry of `ignore-findings` has expired or is not used: `warn` or `fail`",
    )
    .default("warn")
    .may_set(MaySet::Workflow),
    Input::text(
        Section::Gate,
        "unscannable",
        "WHAT",
        "What to do with an image that the scanner does not read, such as one from scratch: `fail` or `warn`",
    )
    .default("fail")
    .may_set(MaySet::Workflow),
    Input::new(
        Section::Gate,
        "scan-timeout",
        InputKind::Integer {
            least: 1,
            greatest: 7200,
        },
        "SECONDS",
        "How long findings are waited for; without them the gate fails",
    )
    .default("900"),
    Input::text(
        Section::Gate,
        "sarif-file",
        "PATH",
        "A file that the findings are written to as SARIF 2.1.0, also when the gate fails",
    )
    .may_set(MaySet::Workflow)
    .needs_setup(NeedsSetup::HostFile),
    Input::text(
        Section::Gate,
        "asff-file",
        "PATH",
        "A file that the findings are written to for AWS Security Hub, also when the gate fails",
    )
    .may_set(MaySet::Workflow)
    .needs_setup(NeedsSetup::HostFile),
    Input::flag(
        Section::Gate,
        "upload-sarif",
        "Send the findings to the repository's code scanning on GitHub, also when the gate fails; needs \
         `security-events: write`",
    )
    .may_set(MaySet::Workflow),
    Input::text(
        Section::Sign,
        "sign",
        "SIGNER",
        "Have the image signed before any tag is put: `cosign` and `notation` run that program, `managed` waits for ECR's managed \
         signing; `off` (docs/signing.md)",
    )
    .default("off")
    .may_set(MaySet::Workflow)
    .needs_setup(NeedsSetup::HostProgram),
    Input::text(
        Section::Sign,
        "sign-key",
        "KEY",
        "What signs: of cosign the path of a private key or a reference such as `awskms:///alias/NAME`, of notation the name of a \
         key or the ARN of a signing profile",
    )
    .may_set(MaySet::Workflow),
];
