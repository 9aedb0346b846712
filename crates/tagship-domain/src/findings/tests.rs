//! What holds for every policy and every list of findings.

use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use proptest::prelude::*;

use super::*;
use crate::reference::{Digest, Tag};

const TODAY: Date = Date::constant(2026, 6, 15);

fn finding(number: u8, severity: Severity, fix: Fix) -> Finding {
    Finding {
        vulnerability: format!("CVE-2026-{number}"),
        severity,
        package: Package {
            name: format!("lib{}", number % 4),
            version: "1.0".to_owned(),
            ..Package::default()
        },
        fix,
        is_exploitable: false,
        probability: None,
        score: None,
        description: None,
        uri: None,
        known_since: None,
        is_suppressed: false,
    }
}

fn image(number: u8, findings: Vec<Finding>) -> ImageScan {
    ImageScan {
        digest: Digest::of(&[number]),
        platform: None,
        result: ScanResult::Found {
            kind: ScanKind::Enhanced,
            completed_at: Some(Timestamp::UNIX_EPOCH),
            findings,
        },
    }
}

fn released() -> Baseline {
    Baseline::Released(ReleasedBefore {
        tag: Tag::parse("1.3.0").unwrap(),
        digest: Digest::of(b"released"),
        images: Vec::new(),
    })
}

fn policy(fail_on: &str, ignores: &[&str]) -> GatePolicy {
    GatePolicy {
        fail_on: FailOn::parse(fail_on.split(',')).unwrap(),
        only_fixed: false,
        exploitable: Strictness::Warn,
        grace_days: 0,
        unscannable: Strictness::Fail,
        stale_ignores: Strictness::Warn,
        ignores: ignores.iter().map(|text| Ignore::parse(text).unwrap()).collect(),
        fail_on_epss: None,
        exploits: Arc::default(),
    }
}

fn severities() -> impl Strategy<Value = Severity> {
    prop::sample::select(Severity::ALL.to_vec())
}

fn fixes() -> impl Strategy<Value = Fix> {
    prop::sample::select(vec![Fix::Unknown, Fix::None, Fix::Available { version: None }])
}

fn findings() -> impl Strategy<Value = Vec<Finding>> {
    let days = prop::option::of(0..20i8);
    let one = (0..12u8, severities(), fixes(), any::<bool>(), days);
    let one = one.prop_map(|(number, severity, fix, is_exploitable, day)| Finding {
        is_exploitable,
        known_since: day.map(|day| Date::constant(2026, 6, day.max(1))),
        ..finding(number, severity, fix)
    });
    prop::collection::vec(one, 0..10)
}

fn ignores() -> impl Strategy<Value = Vec<Ignore>> {
    let one = (0..14u8, 0..5u8, any::<bool>(), any::<bool>()).prop_map(|(id, package, by_id, is_expired)| {
        let what = if by_id {
            format!("id=CVE-2026-{id}")
        } else {
            format!("package=lib{package}")
        };
        let until = if is_expired { "2026-06-14" } else { "2026-06-15" };
        Ignore::parse(&format!("{what},until={until},reason=x")).unwrap()
    });
    prop::collection::vec(one, 0..4)
}

prop_compose! {
    fn policies()(
        limits in prop::collection::btree_map(severities(), 0..4u32, 0..4),
        only_fixed in any::<bool>(),
        is_strict in any::<bool>(),
        grace_days in 0..15u16,
        ignores in ignores(),
    ) -> GatePolicy {
        let limits: Vec<String> = limits.iter().map(|(severity, most)| format!("{severity}={most}")).collect();
        let fail_on = if limits.is_empty() { "none".to_owned() } else { limits.join(",") };
        let exploitable = if is_strict { Strictness::Fail } else { Strictness::Warn };
        GatePolicy { only_fixed, exploitable, grace_days, ignores, ..policy(&fail_on, &[]) }
    }
}

proptest! {
    #[test]
    fn one_more_ignored_finding_never_adds_a_failure(
        policy in policies(), more in ignores(), findings in findings(),
    ) {
        let before = policy.decide(vec![image(1, findings.clone())], None, TODAY);
        let ignores = more.into_iter().chain(policy.ignores.clone()).collect();
        let after = GatePolicy { ignores, ..policy }.decide(vec![image(1, findings)], None, TODAY);
        prop_assert!(after.has_passed() || !before.has_passed());
        prop_assert!(after.reasons.len() <= before.reasons.len());
    }

    #[test]
    fn a_worse_finding_never_passes_what_a_milder_one_failed(
        policy in policies(), findings in findings(), which in any::<prop::sample::Index>(), worse in severities(),
    ) {
        prop_assume!(!findings.is_empty());
        let before = policy.decide(vec![image(1, findings.clone())], None, TODAY);
        let mut worsened = findings;
        let which = which.index(worsened.len());
        worsened[which].severity = worsened[which].severity.max(worse);
        let after = policy.decide(vec![image(1, worsened)], None, TODAY);
        prop_assert!(before.has_passed() || !after.has_passed());
    }

    #[test]
    fn one_more_finding_or_image_never_lets_pass(
        policy in policies(), findings in findings(), more in findings(),
    ) {
        let before = policy.decide(vec![image(1, findings.clone())], None, TODAY);
        let images = vec![image(1, findings), image(2, more)];
        let after = policy.decide(images.clone(), None, TODAY);
        prop_assert!(before.has_passed() || !after.has_passed());
        let reversed = policy.decide(images.into_iter().rev().collect(), None, TODAY);
        prop_assert_eq!(after.has_passed(), reversed.has_passed());
        prop_assert_eq!(after.counts, reversed.counts);
    }

    #[test]
    fn more_grace_never_adds_a_failure_and_a_known_exploit_never_passes_for_it(
        policy in policies(), findings in findings(), more in 1..10u16,
    ) {
        let before = policy.decide(vec![image(1, findings.clone())], None, TODAY);
        let longer = GatePolicy { grace_days: policy.grace_days + more, ..policy };
        let after = longer.decide(vec![image(1, findings)], None, TODAY);
        prop_assert!(after.has_passed() || !before.has_passed());
        let exploitable = |decision: &GateDecision| {
            decision.findings.iter().filter(|finding| finding.is_exploitable).count()
        };
        prop_assert_eq!(exploitable(&before), exploitable(&after));
    }

    #[test]
    fn comparing_with_a_release_never_fails_more_and_what_is_new_always_counts(
        policy in policies(), findings in findings(), earlier in findings(), is_released in any::<bool>(),
    ) {
        let before = policy.decide(vec![image(1, findings.clone())], None, TODAY);
        let baseline = if is_released { released() } else { Baseline::Missing(NoBaseline::NoRelease) };
        let compared = EarlierFindings::new(baseline, earlier.clone());
        let after = policy.decide(vec![image(1, findings)], Some(compared), TODAY);
        prop_assert!(after.has_passed() || !before.has_passed());
        prop_assert!(after.reasons.len() <= before.reasons.len());
        for finding in &before.findings {
            let mut had = earlier.iter().filter(|_| is_released);
            let is_in_release = had.any(|had| {
                had.vulnerability == finding.vulnerability && had.package.name == finding.package.name
            });
            prop_assert!(is_in_release || after.findings.contains(finding));
        }
        prop_assert_eq!(after.findings.len() + after.known.len(), before.findings.len());
        prop_assert_eq!(&after.ignored, &before.ignored);
        prop_assert_eq!(&after.unfixed, &before.unfixed);
    }

    #[test]
    fn a_release_with_more_findings_never_adds_a_failure(
        policy in policies(), findings in findings(), earlier in findings(), more in findings(),
    ) {
        let decide = |earlier: Vec<Finding>| {
            let earlier = EarlierFindings::new(released(), earlier);
            policy.decide(vec![image(1, findings.clone())], Some(earlier), TODAY)
        };
        let (fewer, all) = (decide(earlier.clone()), decide([earlier, more].concat()));
        prop_assert!(all.has_passed() || !fewer.has_passed());
    }

    #[test]
    fn no_file_of_ignored_findings_panics(text in "(vulnerabilities|ignore|statements):\n(- (id|vulnerability|status|package|paths|expired_at): ?\\PC{0,8}\n){0,4}") {
        let _read = read_ignore_file(&text, None);
    }

    #[test]
    fn every_finding_is_in_one_list(policy in policies(), findings in findings()) {
        let all = Finding::merged(findings.clone()).len();
        let decision = policy.decide(vec![image(1, findings)], None, TODAY);
        prop_assert_eq!(decision.findings.len() + decision.unfixed.len() + decision.ignored.len(), all);
        prop_assert_eq!(decision.counts.values().sum::<u32>() as usize, decision.findings.len());
    }

    #[test]
    fn no_text_of_an_ignored_finding_panics(text in "((id|package|version|purl|path|until|reason)=)?\\PC{0,20}(,(until=2026-01-01|reason=\\PC{0,5}))*") {
        if let Ok(ignore) = Ignore::parse(&text) {
            prop_assert_eq!(Ignore::parse(&ignore.to_string()).map(|again| again.until), Ok(ignore.until));
        }
    }
}

#[test]
fn what_several_images_of_an_index_have_counts_once() {
    let unfixed = finding(1, Severity::High, Fix::None);
    let fixed = Finding {
        fix: Fix::Available {
            version: Some("1.1".to_owned()),
        },
        ..unfixed.clone()
    };
    let images = vec![image(1, vec![unfixed]), image(2, vec![fixed.clone()])];
    let policy = GatePolicy {
        only_fixed: true,
        ..policy("high=1", &[])
    };
    let decision = policy.decide(images, None, TODAY);
    assert_eq!(decision.findings, [fixed]);
    assert!(decision.has_passed());
}

#[test]
fn an_image_without_findings_to_judge_by_does_not_pass() {
    let without = |result| ImageScan {
        result,
        ..image(2, Vec::new())
    };
    let status = || "FAILED".to_owned();
    let lenient = GatePolicy {
        unscannable: Strictness::Warn,
        ..policy("none", &[])
    };
    for (policy, result, passes) in [
        (
            &policy("none", &[]),
            ScanResult::Nothing { status: status() },
            false,
        ),
        (&lenient, ScanResult::Nothing { status: status() }, false),
        (
            &policy("none", &[]),
            ScanResult::Unscannable { status: status() },
            false,
        ),
        (&lenient, ScanResult::Unscannable { status: status() }, true),
    ] {
        let decision = policy.decide(vec![image(1, Vec::new()), without(result)], None, TODAY);
        assert_eq!(decision.has_passed(), passes, "{decision:?}");
    }
}

#[test]
fn an_entry_that_ignores_nothing_is_reported_and_may_fail() {
    let ignores = [
        "id=CVE-2026-1,until=2026-06-14,reason=over",
        "id=CVE-2026-2,until=2026-06-15,reason=in use",
        "package=none,until=2027-01-01,reason=long gone",
    ];
    let found = vec![
        finding(1, Severity::Low, Fix::None),
        finding(2, Severity::Critical, Fix::None),
    ];
    let lenient = policy("high", &ignores);
    let decision = lenient.decide(vec![image(1, found.clone())], None, TODAY);
    assert!(decision.has_passed());
    let stale: Vec<_> = decision
        .stale_ignores
        .iter()
        .map(|stale| stale.staleness)
        .collect();
    assert_eq!(stale, [Staleness::Expired, Staleness::Unused]);
    assert_eq!(decision.ignored[0].reason, "in use");
    let strict = GatePolicy {
        stale_ignores: Strictness::Fail,
        ..lenient
    };
    let decision = strict.decide(vec![image(1, found)], None, TODAY);
    assert_eq!(decision.reasons, [GateReason::StaleIgnores { count: 2 }]);
}

#[test]
fn a_finding_counts_once_its_days_of_grace_are_over() {
    let known = |day: &str, is_exploitable| Finding {
        known_since: Some(day.parse().unwrap()),
        is_exploitable,
        ..finding(1, Severity::Critical, Fix::None)
    };
    let patient = GatePolicy {
        grace_days: 7,
        ..policy("high", &[])
    };
    let passes = |finding: Finding| {
        patient
            .decide(vec![image(1, vec![finding])], None, TODAY)
            .has_passed()
    };
    // Known on the 9th, the 15th is its seventh day.
    assert!(passes(known("2026-06-09", false)));
    assert!(!passes(known("2026-06-08", false)));
    assert!(!passes(known("2026-06-15", true)));
    assert!(!passes(finding(1, Severity::Critical, Fix::None)));
    let decision = patient.decide(vec![image(1, vec![known("2026-06-09", false)])], None, TODAY);
    assert_eq!(decision.ignored[0].until, Some(TODAY));
    assert_eq!(
        decision.ignored[0].reason,
        "it is known since 2026-06-09, and `grace-days` is 7"
    );
}

#[test]
fn a_known_exploit_fails_whatever_is_allowed() {
    let strict = GatePolicy {
        exploitable: Strictness::Fail,
        ..policy("none", &[])
    };
    let low = Finding {
        is_exploitable: true,
        ..finding(1, Severity::Low, Fix::None)
    };
    let decision = strict.decide(vec![image(1, vec![low.clone()])], None, TODAY);
    assert_eq!(decision.reasons, [GateReason::ExploitableFindings { count: 1 }]);
    let ignores = vec![Ignore::parse("id=CVE-2026-1,until=2026-06-15,reason=x").unwrap()];
    assert!(
        GatePolicy { ignores, ..strict }
            .decide(vec![image(1, vec![low])], None, TODAY)
            .has_passed()
    );
}

#[test]
fn what_inspector_suppresses_does_not_count_and_is_shown() {
    let suppressed = Finding {
        is_suppressed: true,
        ..finding(1, Severity::Critical, Fix::None)
    };
    let decision = policy("high", &[]).decide(vec![image(1, vec![suppressed])], None, TODAY);
    assert!(decision.has_passed());
    assert_eq!(decision.ignored[0].until, None);
}

#[test]
fn what_became_worse_since_the_release_counts_and_another_version_of_the_package_does_not() {
    let had = finding(1, Severity::High, Fix::None);
    let decide = |now: Finding| {
        let earlier = EarlierFindings::new(released(), vec![had.clone()]);
        policy("high", &[]).decide(vec![image(1, vec![now])], Some(earlier), TODAY)
    };
    let mut updated = had.clone();
    updated.package.version = "1.1".to_owned();
    assert!(decide(updated.clone()).has_passed());
    assert_eq!(decide(updated.clone()).known, [updated]);
    let milder = Finding {
        severity: Severity::Medium,
        ..had.clone()
    };
    assert!(decide(milder).has_passed());
    let worse = Finding {
        severity: Severity::Critical,
        ..had.clone()
    };
    let exploitable = Finding {
        is_exploitable: true,
        ..had.clone()
    };
    let mut elsewhere = had.clone();
    elsewhere.package.path = Some("app/tools/package.json".to_owned());
    for counts in [
        worse,
        exploitable,
        elsewhere,
        finding(5, Severity::High, Fix::None),
    ] {
        assert!(!decide(counts.clone()).has_passed(), "{counts}");
    }
}

#[test]
fn what_others_know_of_exploits_counts_beside_what_the_scan_says() {
    let mut exploits = Exploits::default();
    exploits
        .add_catalog(r#"{"vulnerabilities": [{"cveID": "CVE-2026-1"}]}"#)
        .unwrap();
    exploits
        .add_scores("cve,epss,percentile\nCVE-2026-1,0.2,0.9\nCVE-2026-2,0.5,0.99\nCVE-2026-3,0.49,0.98\n")
        .unwrap();
    let known = GatePolicy {
        exploitable: Strictness::Fail,
        fail_on_epss: Probability::parse("0.5"),
        exploits: Arc::new(exploits),
        ..policy("none", &["id=CVE-2026-2,until=2026-06-15,reason=x"])
    };
    let findings = |numbers: &[u8]| -> Vec<Finding> {
        let numbers = numbers.iter();
        numbers
            .map(|number| finding(*number, Severity::Low, Fix::None))
            .collect()
    };
    let reasons = |policy: &GatePolicy, numbers: &[u8]| {
        let decision = policy.decide(vec![image(1, findings(numbers))], None, TODAY);
        decision
            .reasons
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
    };
    assert_eq!(reasons(&known, &[1, 2, 3]), ["1 finding whose exploit is known"]);
    let strict = GatePolicy {
        ignores: Vec::new(),
        ..known.clone()
    };
    assert_eq!(
        reasons(&strict, &[1, 2, 3]),
        [
            "1 finding whose exploit is known",
            "1 finding of an EPSS of 0.5 or more"
        ]
    );
    let decision = strict.decide(vec![image(1, findings(&[3]))], None, TODAY);
    assert!(decision.has_passed());
    assert_eq!(decision.findings[0].probability, Probability::parse("0.49"));
    assert!(decision.findings[0].to_string().ends_with(", EPSS 0.49"));
}
