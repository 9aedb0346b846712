//! The gate, against scans that take a made-up time.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::*;
use crate::ports::{Clock, ReadScans, RunEvent, ScanStart, StartScans};
use tagship_domain::error::Diagnose as _;
use tagship_domain::findings::{
    FailOn, Finding, Fix, FoundByScan, GateDecision, GatePolicy, Ignore, Package, Scan, ScanFrequency,
    ScanKind, ScanMode, ScanResult, ScanSetting, Severity, Strictness,
};

/// What is answered about an image from a second on: a status with its description, and findings.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    from: i64,
    status: &'static str,
    description: &'static str,
    found: Option<FoundByScan>,
}

/// Scans of one image, and the time that they take. Nothing waits for real.
#[derive(Debug, Clone, Default)]
pub(super) struct FakeScans(Arc<Mutex<FakeState>>);

#[derive(Debug, Default)]
struct FakeState {
    /// Seconds since the beginning.
    now: i64,
    /// In their order.
    answers: Vec<Answer>,
    /// What comes of a wish for a scan; none must come where there is none.
    start: Option<ScanStart>,
    /// The answers after a scan has begun, from then on.
    after_start: Vec<Answer>,
    started: Vec<Digest>,
    /// When scans were asked for.
    asked: Vec<i64>,
    /// The seconds in which the registry does not answer.
    silent: std::ops::Range<i64>,
}

/// When the made-up time begins: noon of a day.
const BEGIN: Timestamp = Timestamp::constant(1_781_524_800, 0);

impl FakeScans {
    fn of(answers: Vec<Answer>) -> Self {
        let scans = Self::default();
        scans.0.lock().unwrap().answers = answers;
        scans
    }

    fn asked(&self) -> Vec<i64> {
        self.0.lock().unwrap().asked.clone()
    }

    fn started(&self) -> usize {
        self.0.lock().unwrap().started.len()
    }
}

impl Clock for FakeScans {
    fn now(&self) -> Timestamp {
        BEGIN + SignedDuration::from_secs(self.0.lock().unwrap().now)
    }

    fn sleep<'a, 'b>(&'a self, duration: Duration) -> std::pin::Pin<Box<dyn Future<Output = ()> + Send + 'b>>
    where
        'a: 'b,
        Self: 'b,
    {
        self.0.lock().unwrap().now += i64::try_from(duration.as_secs()).unwrap();
        Box::pin(std::future::ready(()))
    }
}

#[async_trait]
impl ReadScans for FakeScans {
    async fn setting(&self) -> Result<ScanSetting, RegistryError> {
        unreachable!("the plan has it")
    }

    async fn check_start(&self) -> Result<(), RegistryError> {
        unreachable!("it is asked before the plan")
    }

    async fn check(&self) -> Result<(), RegistryError> {
        unreachable!("it is asked before the plan")
    }

    async fn scan(&self, _: &Digest) -> Result<Option<Scan>, RegistryError> {
        let mut state = self.0.lock().unwrap();
        let now = state.now;
        state.asked.push(now);
        if state.silent.contains(&now) {
            return Err(RegistryError::Unavailable {
                host: image().registry,
                operation: "reading what a scan found".into(),
                message: "no answer in time".to_owned(),
                was_repeated: true,
            });
        }
        let answer = state.answers.iter().rev().find(|answer| answer.from <= now);
        Ok(answer.map(|answer| Scan {
            status: answer.status.to_owned(),
            description: answer.description.to_owned(),
            found: answer.found.clone(),
        }))
    }
}

#[async_trait]
impl StartScans for FakeScans {
    async fn start(&self, image: &Digest) -> Result<ScanStart, RegistryError> {
        let mut state = self.0.lock().unwrap();
        state.started.push(*image);
        let start = state.start.clone().expect("no scan is asked for");
        if start == ScanStart::Begun {
            let now = state.now;
            let after = std::mem::take(&mut state.after_start);
            state.answers.extend(after.into_iter().map(|answer| Answer {
                from: answer.from + now,
                ..answer
            }));
        }
        Ok(start)
    }
}

fn answer(from: i64, status: &'static str, found: impl Into<Option<FoundByScan>>) -> Answer {
    Answer {
        from,
        status,
        description: "",
        found: found.into(),
    }
}

/// What a scan found that ended at this second.
fn found(kind: ScanKind, ended: i64, severities: &[Severity]) -> FoundByScan {
    let findings = severities.iter().enumerate().map(|(number, severity)| Finding {
        vulnerability: format!("CVE-2026-{number}"),
        severity: *severity,
        package: Package {
            name: "zlib".to_owned(),
            version: "1.3".to_owned(),
            ..Package::default()
        },
        fix: Fix::Available {
            version: Some("1.4".to_owned()),
        },
        is_exploitable: false,
        probability: None,
        score: None,
        description: None,
        uri: None,
        known_since: None,
        is_suppressed: false,
    });
    FoundByScan {
        kind,
        completed_at: Some(BEGIN + SignedDuration::from_secs(ended)),
        counted: severities.len() as u64,
        findings: findings.collect(),
    }
}

fn gate(scan: ScanMode, kind: ScanKind, frequency: ScanFrequency) -> GatePlan {
    let policy = GatePolicy {
        fail_on: FailOn::parse(["high"]).unwrap(),
        only_fixed: false,
        exploitable: Strictness::Warn,
        grace_days: 0,
        unscannable: Strictness::Fail,
        stale_ignores: Strictness::Warn,
        ignores: Vec::new(),
        fail_on_epss: None,
        exploits: Arc::default(),
    };
    GatePlan::new(
        scan,
        Duration::from_mins(5),
        policy,
        Ok(ScanSetting { kind, frequency }),
    )
}

fn basic_on_push() -> GatePlan {
    gate(ScanMode::Wait, ScanKind::Basic, ScanFrequency::OnPush)
}

/// Hears what is said.
#[derive(Default)]
struct Heard(Mutex<Vec<String>>);

impl Reporter for Heard {
    fn mask(&self, _: &secrecy::SecretString) {}

    fn event(&self, event: RunEvent<'_>) {
        let text = match event {
            RunEvent::Note(note) => note.to_owned(),
            RunEvent::Warning(warning) => format!("warning: {}", warning.message),
            _ => return,
        };
        self.0.lock().unwrap().push(text);
    }
}

async fn judged(plan: &GatePlan, scans: &FakeScans, manifest: &Manifest) -> (GateDecision, Vec<String>) {
    let heard = Heard::default();
    let scanning = Scanning {
        scans,
        starter: Some(scans),
        clock: scans,
        reporter: &heard,
    };
    let decision = judge(plan, manifest, scanning).await.unwrap();
    (decision, heard.0.into_inner().unwrap())
}

fn one_image() -> Manifest {
    blobs("a", COMMIT, None).2
}

fn status(decision: &GateDecision) -> String {
    match &decision.images[0].result {
        ScanResult::Found { findings, .. } => format!("{} found", findings.len()),
        ScanResult::Unscannable { status } => format!("unscannable: {status}"),
        ScanResult::Nothing { status } => status.clone(),
    }
}

#[tokio::test]
async fn a_scan_is_waited_for_with_growing_pauses() {
    let scans = FakeScans::of(vec![
        answer(5, "IN_PROGRESS", None),
        answer(60, "COMPLETE", found(ScanKind::Basic, 60, &[Severity::High])),
    ]);
    let (decision, heard) = judged(&basic_on_push(), &scans, &one_image()).await;
    assert!(!decision.has_passed());
    assert_eq!(scans.asked(), [0, 2, 6, 14, 29, 44, 59, 74]);
    let digest = one_image().digest().short();
    assert_eq!(
        heard,
        [
            format!("waiting for findings (0 s): {digest}: no scan has begun"),
            format!("waiting for findings (6 s): {digest}: IN_PROGRESS"),
        ]
    );
}

#[tokio::test]
async fn a_scan_that_never_ends_fails_when_the_time_is_over() {
    for (answers, said) in [
        (vec![], "no scan has begun after 300 s"),
        (vec![answer(0, "IN_PROGRESS", None)], "IN_PROGRESS after 300 s"),
        (vec![answer(0, "A_NEW_WORD", None)], "A_NEW_WORD after 300 s"),
        (
            vec![answer(0, "COMPLETE", None)],
            "COMPLETE, and there is no list of findings after 300 s",
        ),
    ] {
        let scans = FakeScans::of(answers);
        let (decision, _) = judged(&basic_on_push(), &scans, &one_image()).await;
        assert!(!decision.has_passed());
        assert_eq!(status(&decision), said);
        assert_eq!(scans.asked().last(), Some(&300));
    }
}

#[tokio::test]
async fn an_enhanced_scan_that_is_empty_at_first_is_asked_again() {
    let enhanced = gate(ScanMode::Wait, ScanKind::Enhanced, ScanFrequency::Continuous);
    let late = FakeScans::of(vec![
        answer(0, "ACTIVE", found(ScanKind::Enhanced, 0, &[])),
        answer(20, "ACTIVE", found(ScanKind::Enhanced, 0, &[Severity::Critical])),
    ]);
    let (decision, _) = judged(&enhanced, &late, &one_image()).await;
    assert_eq!(status(&decision), "1 found");
    let clean = FakeScans::of(vec![answer(0, "ACTIVE", found(ScanKind::Enhanced, 0, &[]))]);
    let (decision, _) = judged(&enhanced, &clean, &one_image()).await;
    assert!(decision.has_passed());
    assert_eq!(clean.asked().last(), Some(&44));
    let old = FakeScans::of(vec![answer(0, "ACTIVE", found(ScanKind::Enhanced, -3600, &[]))]);
    judged(&enhanced, &old, &one_image()).await;
    assert_eq!(old.asked(), [0]);
    // One that does not say when it ended is waited for as long.
    let mut undated = found(ScanKind::Enhanced, 0, &[]);
    undated.completed_at = None;
    let undated = FakeScans::of(vec![answer(0, "ACTIVE", undated)]);
    assert!(judged(&enhanced, &undated, &one_image()).await.0.has_passed());
    assert_eq!(undated.asked().last(), Some(&44));
}

#[tokio::test]
async fn a_registry_that_does_not_answer_for_a_while_ends_nothing() {
    let scans = FakeScans::of(vec![answer(0, "COMPLETE", found(ScanKind::Basic, 0, &[]))]);
    scans.0.lock().unwrap().silent = 0..40;
    let (decision, _) = judged(&basic_on_push(), &scans, &one_image()).await;
    assert!(decision.has_passed());
    scans.0.lock().unwrap().silent = 0..i64::MAX;
    let (decision, _) = judged(&basic_on_push(), &scans, &one_image()).await;
    assert!(
        status(&decision).contains("no answer in time"),
        "{}",
        status(&decision)
    );
}

#[tokio::test]
async fn a_scan_is_begun_only_where_that_is_allowed_and_needed() {
    let complete = || vec![answer(3, "COMPLETE", found(ScanKind::Basic, 3, &[]))];
    let with = |start: ScanStart, answers: Vec<Answer>| {
        let scans = FakeScans::of(answers);
        {
            let mut state = scans.0.lock().unwrap();
            state.start = Some(start);
            state.after_start = complete();
        }
        scans
    };
    let by_hand = gate(ScanMode::Start, ScanKind::Basic, ScanFrequency::Manual);
    let scans = with(ScanStart::Begun, vec![]);
    assert!(judged(&by_hand, &scans, &one_image()).await.0.has_passed());
    assert_eq!((scans.started(), scans.asked()), (1, vec![0, 2, 6]));

    // The registry's own scan has its time first.
    let on_push = gate(ScanMode::Start, ScanKind::Basic, ScanFrequency::OnPush);
    let scans = with(ScanStart::Begun, vec![]);
    assert!(judged(&on_push, &scans, &one_image()).await.0.has_passed());
    assert_eq!(
        (scans.started(), scans.asked()),
        (1, vec![0, 2, 6, 14, 29, 44, 59])
    );
    let scans = with(
        ScanStart::Begun,
        vec![answer(10, "COMPLETE", found(ScanKind::Basic, 10, &[]))],
    );
    judged(&on_push, &scans, &one_image()).await;
    assert_eq!(scans.started(), 0);

    // Findings of yesterday are found anew; where that is refused they count.
    let old = || {
        vec![answer(
            0,
            "COMPLETE",
            found(ScanKind::Basic, -90_000, &[Severity::High]),
        )]
    };
    let scans = with(ScanStart::Begun, old());
    assert!(judged(&on_push, &scans, &one_image()).await.0.has_passed());
    let scans = with(ScanStart::HadOne, old());
    assert!(!judged(&on_push, &scans, &one_image()).await.0.has_passed());
    assert_eq!((scans.started(), scans.asked()), (1, vec![0]));

    let scans = with(ScanStart::Unscannable("no image".to_owned()), vec![]);
    assert_eq!(
        status(&judged(&by_hand, &scans, &one_image()).await.0),
        "unscannable: no image"
    );
    let scans = with(ScanStart::HadOne, vec![]);
    judged(&by_hand, &scans, &one_image()).await;
    assert_eq!(scans.started(), 1, "the wish is repeated for nothing");
}

#[tokio::test]
async fn every_image_of_an_index_is_judged_and_attestations_are_none() {
    let entry = |number: u8, platform: &str, attestation: bool| {
        let mut entry = Descriptor::new(OCI_MANIFEST, Digest::of(&[number]), 1);
        entry.platform = Some(Platform::parse(platform).unwrap());
        if attestation {
            let kind = (
                "vnd.docker.reference.type".to_owned(),
                "attestation-manifest".to_owned(),
            );
            entry.annotations = [kind].into();
        }
        entry
    };
    let index = |entries: &[Descriptor]| {
        let index = serde_json::json!({"schemaVersion": 2, "manifests": entries});
        Manifest::new(tagship_domain::content::OCI_INDEX, index.to_string())
    };
    let scans = FakeScans::of(vec![answer(
        0,
        "COMPLETE",
        found(ScanKind::Basic, 0, &[Severity::Low]),
    )]);
    let whole = index(&[
        entry(1, "linux/amd64", false),
        entry(2, "linux/arm64", false),
        entry(2, "linux/arm64", false),
        entry(3, "unknown/unknown", true),
        entry(4, "unknown/unknown", false),
    ]);
    let (decision, _) = judged(&basic_on_push(), &scans, &whole).await;
    let platforms: Vec<String> = decision
        .images
        .iter()
        .map(|image| image.platform.as_ref().unwrap().to_string())
        .collect();
    assert_eq!(platforms, ["linux/amd64", "linux/arm64"]);
    assert_eq!(decision.findings.len(), 1, "what both have counts once");
    let (decision, _) = judged(&basic_on_push(), &scans, &index(&[])).await;
    assert!(!decision.has_passed());
    assert_eq!(status(&decision), "the index names no image");
}

#[tokio::test]
async fn an_image_that_does_not_pass_gets_no_tag_until_one_run_lets_it_pass() {
    let registry = Memory::new(movable_latest());
    let mut gated = run("a", false);
    gated.gate = Some(basic_on_push());
    gated.scans = FakeScans::of(vec![answer(
        0,
        "COMPLETE",
        found(ScanKind::Basic, 0, &[Severity::High]),
    )]);
    let (result, report) = gated.ship(&registry).await;
    let error = result.unwrap_err();
    assert_eq!(error.kind().exit_code(), 11);
    let reference = image().at(report.digest.unwrap());
    let lines = [
        format!("the scan gate does not let `{reference}` pass"),
        "  1 finding high or worse, where none is allowed".to_owned(),
        "  - high CVE-2026-0 in zlib 1.3, fixed in 1.4".to_owned(),
    ];
    assert_eq!(error.to_string(), lines.join("\n"));
    assert_eq!(report.status, Status::Failed);
    assert!(report.tags.iter().all(|tag| tag.digest.is_none()));
    for tag in [COMMIT_TAG, "1.0.0", "latest"] {
        assert_eq!(registry.tag(tag), None, "{tag}");
    }
    let ignore = Ignore::parse("id=CVE-2026-0,until=2026-06-15,reason=not reachable").unwrap();
    gated.gate.as_mut().unwrap().policy.ignores = vec![ignore];
    let (result, report) = gated.ship(&registry).await;
    result.unwrap();
    assert_eq!(report.gate.unwrap().verdict(), "passed");
    assert_eq!(registry.tag("1.0.0"), report.digest);
}

#[tokio::test]
async fn what_is_published_is_judged_again_only_where_it_gets_a_tag() {
    let registry = Memory::new(movable_latest());
    let mut published = Run::new(COMMIT, None, &["type=sha"], "a");
    published.ship(&registry).await.0.unwrap();
    published.gate = Some(basic_on_push());
    let (result, report) = published.ship(&registry).await;
    result.unwrap();
    assert!(report.gate.is_none());
    assert_eq!(published.scans.asked(), Vec::<i64>::new());

    let mut released = Run::new(COMMIT, Some("1.0.0"), &["type=sha", "type=semver"], "never built");
    released.gate = Some(basic_on_push());
    released.scans = FakeScans::of(vec![answer(
        0,
        "COMPLETE",
        found(ScanKind::Basic, 0, &[Severity::High]),
    )]);
    let error = released.ship(&registry).await.0.unwrap_err();
    assert_eq!(error.kind().exit_code(), 11);
    assert_eq!(registry.tag("1.0.0"), None);
}

#[tokio::test]
async fn what_is_never_scanned_is_not_built() {
    for (mode, kind) in [
        (ScanMode::Wait, ScanKind::Basic),
        (ScanMode::Start, ScanKind::Enhanced),
    ] {
        let registry = Memory::new(movable_latest());
        let mut gated = run("a", false);
        gated.gate = Some(gate(mode, kind, ScanFrequency::Manual));
        let (result, _) = gated.ship(&registry).await;
        let error = result.unwrap_err();
        assert_eq!(error.kind().exit_code(), 11);
        assert!(error.to_string().contains("are never scanned"), "{error}");
        assert!(
            error
                .hint()
                .unwrap()
                .contains("put-registry-scanning-configuration")
        );
        assert!(registry.state.lock().unwrap().blobs.is_empty());
    }
}
