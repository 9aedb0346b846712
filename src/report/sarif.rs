//! Findings in the format of code scanning.
//!
//! Source: OASIS, "Static Analysis Results Interchange Format (SARIF) Version 2.1.0"; GitHub docs, "SARIF support for
//! code scanning".

use std::collections::BTreeMap;

use serde_json::{Value, json};

use tagship_domain::findings::{Baseline, Finding, GateDecision, Novelty, Severity};
use tagship_domain::reference::{Digest, RepositoryName};

/// The most results of a run that GitHub takes.
const MOST_RESULTS: usize = 25_000;

/// Returns the findings of an image as SARIF 2.1.0, the worst first; those that are ignored or that nothing mends are
/// suppressed. Where they are compared with a release, each says how it stands to it.
///
/// `dockerfile` is the place that they are shown at: a path in the checkout, as a URI.
pub fn sarif(repository: &RepositoryName, dockerfile: &str, decision: &GateDecision) -> Value {
    let counted = decision.findings.iter().map(|finding| (finding, None));
    let unfixed = decision.unfixed.iter();
    let unfixed = unfixed.map(|finding| (finding, Some("nothing mends it yet".to_owned())));
    let ignored = decision.ignored.iter().map(|ignored| {
        let until = ignored
            .until
            .map(|until| format!("{}, until {until}", ignored.reason));
        (
            &ignored.finding,
            Some(until.unwrap_or_else(|| ignored.reason.clone())),
        )
    });
    let known = decision.known.iter().map(|finding| (finding, None));
    let findings = counted.chain(known).chain(unfixed).chain(ignored);
    let findings: Vec<_> = findings.take(MOST_RESULTS).collect();
    let earlier = decision.earlier.as_ref();
    let earlier = earlier.filter(|earlier| matches!(earlier.baseline, Baseline::Released(_)));
    // A vulnerability has one rule, by its worst finding.
    let mut rules: Vec<Value> = Vec::new();
    let mut places: BTreeMap<&str, usize> = BTreeMap::new();
    for (finding, _) in &findings {
        places.entry(&finding.vulnerability).or_insert_with(|| {
            rules.push(rule(finding));
            rules.len() - 1
        });
    }
    let results: Vec<Value> = findings
        .iter()
        .map(|(finding, suppression)| {
            let mut result = result(repository, dockerfile, finding);
            result["ruleIndex"] = json!(places.get(finding.vulnerability.as_str()));
            if let Some(earlier) = earlier {
                result["baselineState"] = json!(baseline_state(earlier.novelty(finding)));
            }
            if let Some(reason) = suppression {
                result["suppressions"] = json!([{"kind": "external", "justification": reason}]);
            }
            result
        })
        .collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "Tagship",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            }},
            "automationDetails": {"id": format!("tagship/{repository}/")},
            "results": results,
        }],
    })
}

fn rule(finding: &Finding) -> Value {
    let description = finding.description.as_ref().unwrap_or(&finding.vulnerability);
    let mut rule = json!({
        "id": finding.vulnerability,
        "shortDescription": {"text": finding.vulnerability},
        "fullDescription": {"text": description},
        "defaultConfiguration": {"level": level(finding.severity)},
        "properties": {
            "security-severity": security_severity(finding),
            "tags": ["security", "vulnerability", finding.severity],
        },
    });
    let is_address = |uri: &&String| uri.starts_with("https://") || uri.starts_with("http://");
    if let Some(uri) = finding.uri.as_ref().filter(is_address) {
        rule["helpUri"] = json!(encoded(uri));
    }
    rule
}

fn result(repository: &RepositoryName, dockerfile: &str, finding: &Finding) -> Value {
    let package = &finding.package;
    let path = package.path.as_deref().unwrap_or_default();
    // Neither version nor digest: an alert stays the same from image to image.
    let identity = [repository.as_str(), &finding.vulnerability, &package.name, path].join("\n");
    json!({
        "ruleId": finding.vulnerability,
        "level": level(finding.severity),
        "message": {"text": format!("{repository}: {finding}")},
        "locations": [{"physicalLocation": {
            "artifactLocation": {"uri": encoded(dockerfile)},
            "region": {"startLine": 1},
        }}],
        "partialFingerprints": {"tagshipFinding/v1": Digest::of(identity.as_bytes()).hex()},
    })
}

/// Source: SARIF 2.1.0, section 3.27.24.
fn baseline_state(novelty: Novelty) -> &'static str {
    match novelty {
        Novelty::New => "new",
        Novelty::Worse => "updated",
        Novelty::Known => "unchanged",
    }
}

/// Source: SARIF 2.1.0, section 3.27.10.
fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low | Severity::Informational | Severity::Undefined => "note",
    }
}

/// A number whose range is the severity's in GitHub's words: the score where there is one.
///
/// Source: GitHub docs, "SARIF support for code scanning", `security-severity`.
fn security_severity(finding: &Finding) -> String {
    let usual = match finding.severity {
        Severity::Critical => 9.5,
        Severity::High => 8.0,
        Severity::Medium => 5.5,
        Severity::Low => 2.0,
        Severity::Informational | Severity::Undefined => 0.1,
    };
    format!("{:.1}", finding.score.unwrap_or(usual))
}

/// What may not stand in a URI reference, as percent signs and digits. Source: RFC 3986, sections 2.1 to 2.3.
fn encoded(text: &str) -> String {
    let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/?#@!$&'()*+,;=%".contains(&byte);
    let encoded = |byte: u8| {
        if is_legal(byte) {
            char::from(byte).to_string()
        } else {
            format!("%{byte:02X}")
        }
    };
    text.bytes().map(encoded).collect()
}

#[cfg(test)]
mod tests {
    use jiff::civil::Date;
    use tagship_domain::findings::{
        EarlierFindings, FailOn, Fix, GatePolicy, Ignore, ImageScan, NoBaseline, Package, ReleasedBefore,
        ScanKind, ScanResult, Strictness,
    };
    use tagship_domain::reference::Tag;

    use super::*;

    fn finding(vulnerability: &str, severity: Severity, version: &str) -> Finding {
        Finding {
            vulnerability: vulnerability.to_owned(),
            severity,
            package: Package {
                name: "xz-utils".to_owned(),
                version: version.to_owned(),
                ..Package::default()
            },
            fix: Fix::Available {
                version: Some("5.6.2".to_owned()),
            },
            is_exploitable: false,
            probability: None,
            score: Some(9.8),
            description: Some("a backdoor".to_owned()),
            uri: Some("https://example.com/a b".to_owned()),
            known_since: None,
            is_suppressed: false,
        }
    }

    fn report(findings: Vec<Finding>) -> Value {
        compared(findings, None)
    }

    fn compared(findings: Vec<Finding>, earlier: Option<EarlierFindings>) -> Value {
        let policy = GatePolicy {
            fail_on: FailOn::parse(["high"]).unwrap(),
            only_fixed: false,
            exploitable: Strictness::Warn,
            grace_days: 0,
            unscannable: Strictness::Fail,
            stale_ignores: Strictness::Warn,
            fail_on_epss: None,
            exploits: std::sync::Arc::default(),
            ignores: vec![Ignore::parse("id=CVE-2,until=2026-12-31,reason=not reachable").unwrap()],
        };
        let image = ImageScan {
            digest: Digest::of(b"image"),
            platform: None,
            result: ScanResult::Found {
                kind: ScanKind::Basic,
                completed_at: None,
                findings,
            },
        };
        let decision = policy.decide(vec![image], earlier, Date::constant(2026, 6, 15));
        sarif(
            &RepositoryName::parse("team/app").unwrap(),
            "docker files/Dockerfile",
            &decision,
        )
    }

    #[test]
    fn findings_are_results_and_what_does_not_count_is_suppressed() {
        let report = report(vec![
            finding("CVE-1", Severity::Critical, "5.6.0"),
            finding("CVE-2", Severity::Low, "5.6.0"),
        ]);
        insta::assert_snapshot!(serde_json::to_string_pretty(&report).unwrap());
    }

    /// Source of the words: SARIF 2.1.0, section 3.27.24.
    #[test]
    fn each_result_says_how_it_stands_to_the_release_before() {
        let now = || {
            vec![
                finding("CVE-1", Severity::Critical, "5.6.0"),
                finding("CVE-2", Severity::Low, "5.6.0"),
                finding("CVE-3", Severity::High, "5.6.0"),
                finding("CVE-4", Severity::High, "5.6.0"),
            ]
        };
        let had = || {
            vec![
                finding("CVE-2", Severity::Low, "5.5.0"),
                finding("CVE-3", Severity::High, "5.5.0"),
                finding("CVE-4", Severity::Low, "5.5.0"),
            ]
        };
        let states = |baseline| {
            let report = compared(now(), Some(EarlierFindings::new(baseline, had())));
            let results = report["runs"][0]["results"].as_array().unwrap().clone();
            let state = |result: &Value| {
                let state = result["baselineState"].as_str().map(str::to_owned);
                (result["ruleId"].as_str().unwrap().to_owned(), state)
            };
            results
                .iter()
                .map(state)
                .collect::<BTreeMap<String, Option<String>>>()
        };
        let released = Baseline::Released(ReleasedBefore {
            tag: Tag::parse("1.3.0").unwrap(),
            digest: Digest::of(b"released"),
            images: Vec::new(),
        });
        let found = states(released);
        let expected = [
            ("CVE-1", "new"),
            ("CVE-2", "unchanged"),
            ("CVE-3", "unchanged"),
            ("CVE-4", "updated"),
        ];
        let expected = expected.map(|(rule, state)| (rule.to_owned(), Some(state.to_owned())));
        assert_eq!(found, BTreeMap::from(expected));
        let none = states(Baseline::Missing(NoBaseline::NoRelease));
        assert!(none.values().all(Option::is_none), "{none:?}");
    }

    #[test]
    fn an_alert_stays_the_same_from_version_to_version() {
        let fingerprint =
            |finding: Finding| report(vec![finding])["runs"][0]["results"][0]["partialFingerprints"].clone();
        let first = fingerprint(finding("CVE-1", Severity::Critical, "5.6.0"));
        assert_eq!(first, fingerprint(finding("CVE-1", Severity::High, "5.6.1")));
        assert_ne!(first, fingerprint(finding("CVE-3", Severity::Critical, "5.6.0")));
    }
}
