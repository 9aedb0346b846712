//! The scan gate and `tagship scan` against the embedded ECR, which scans as it is ordered to.

use serde_json::{Value, json};
use tagship::clock::SystemClock;
use tagship::ports::Clock as _;
use tagship_domain::content::Descriptor;
use tagship_domain::immutability::Mutability;
use test_support::clients::client;
use test_support::github::Github;
use test_support::images::Pusher;
use test_support::local::{Ecr, is_tag_put};
use test_support::page::{check, run_at};
use test_support::process::{Finished, finish, scrubbed};
use test_support::schema::problems;
use test_support::shipping::{NO_ENGINE, Shipyard};

/// A repository with version 1.4.0 for two platforms, in a registry that scans with this type at this frequency.
struct Stock {
    ecr: Ecr,
    home: tempfile::TempDir,
    index: Descriptor,
}

impl Stock {
    fn scanned(scan_type: &str, frequency: &str) -> Self {
        let ecr = Ecr::start();
        ecr.scan_with(scan_type, frequency, "team/*");
        Self::in_registry(ecr)
    }

    fn in_registry(ecr: Ecr) -> Self {
        ecr.create_repository("team/app", &Mutability::Immutable);
        let pusher = Pusher::new(&ecr, "team/app");
        let images = ["amd64", "arm64"].map(|platform| pusher.image(platform, platform, &json!({})));
        let index = pusher.index(&images);
        pusher.tag("1.4.0", &index.digest);
        Self {
            ecr,
            home: tempfile::tempdir().unwrap(),
            index,
        }
    }

    fn scan(&self, arguments: &[&str]) -> Finished {
        let arguments = [&["scan", "team/app:1.4.0"], arguments].concat();
        finish(&mut self.ecr.command(self.home.path(), &arguments))
    }

    /// The report of a scan that ends with this code.
    #[track_caller]
    fn json(&self, code: i32, arguments: &[&str]) -> Value {
        let finished = self.scan(&[&["--json"], arguments].concat());
        finished.expect_code(code);
        serde_json::from_str(&finished.stdout).unwrap()
    }
}

fn order(findings: impl Into<Value>) -> Value {
    let findings: Value = findings.into();
    json!({"takes_seconds": 0, "findings": findings})
}

fn two_findings() -> Value {
    json!([
        {"name": "CVE-2023-0001", "severity": "LOW", "package": "busybox", "version": "1.36"},
        {"name": "CVE-2024-3094", "severity": "CRITICAL", "package": "xz-utils", "version": "5.6.0",
         "fixed_in": "5.6.1", "score": 10.0, "exploitable": true},
    ])
}

#[test]
fn the_findings_of_an_index_are_shown_the_worst_first() {
    let stock = Stock::scanned("ENHANCED", "CONTINUOUS_SCAN");
    stock.ecr.order_scans(order(two_findings()));
    let failed = stock.scan(&[]);
    failed.expect_code(11);
    let lines: Vec<&str> = failed.stdout.lines().collect();
    assert!(lines[0].contains(" linux/amd64: scanned "), "{lines:?}");
    assert!(lines[1].contains(" linux/arm64: scanned "), "{lines:?}");
    assert_eq!(
        lines[2..],
        [
            "  critical  CVE-2024-3094  xz-utils  5.6.0  5.6.1",
            "  low       CVE-2023-0001  busybox   1.36   –",
            "failed: 1 critical, 1 low (fail-on high=0)",
        ]
    );
    assert!(
        failed.stderr.contains(
            "  1 finding high or worse, where none is allowed\n  - critical CVE-2024-3094 in xz-utils 5.6.0, fixed in 5.6.1, an exploit is known"
        ),
        "{}",
        failed.stderr
    );
    let data = stock.json(0, &["--fail-on", "critical=1,low=5", "--only-fixed"]);
    assert_eq!(data["digest"], json!(stock.index.digest));
    assert_eq!(data["gate"]["verdict"], "passed");
    assert_eq!(data["gate"]["counts"], json!({"critical": 1}));
    assert_eq!(data["gate"]["unfixed"][0]["vulnerability"], "CVE-2023-0001");
    assert_eq!(data["gate"]["images"].as_array().unwrap().len(), 2);
}

/// What a scan found is a column of `ls` and a line of `inspect`: an enhanced one, since lists say nothing of basic ones.
/// Source: ECR API reference, `DescribeImages`, `imageScanFindingsSummary`.
#[test]
fn the_counts_of_a_scan_are_listed_and_inspected() {
    let stock = Stock::scanned("ENHANCED", "CONTINUOUS_SCAN");
    stock.ecr.order_scans(order(two_findings()));
    let image = Pusher::new(&stock.ecr, "team/app").image("amd64", "single", &json!({}));
    Pusher::new(&stock.ecr, "team/app").tag("1.5.0", &image.digest);
    let run = |arguments: &[&str]| {
        let finished = finish(&mut stock.ecr.command(stock.home.path(), arguments));
        finished.expect_code(0);
        finished.stdout
    };
    let counts = json!({"CRITICAL": 1, "LOW": 1});
    let listed = run(&["ls", "team/app"]);
    let row = listed.lines().find(|line| line.contains("1.5.0")).unwrap();
    assert!(row.contains("1 critical, 1 low"), "{listed}");
    let listed: Value = serde_json::from_str(&run(&["ls", "team/app", "--json"])).unwrap();
    let images = listed["images"].as_array().unwrap();
    let of_image = |row: &&Value| row["digest"] == json!(image.digest);
    assert_eq!(images.iter().find(of_image).unwrap()["scan"]["findings"], counts);
    let inspected = run(&["inspect", "team/app:1.5.0"]);
    let line = inspected
        .lines()
        .find(|line| line.trim_start().starts_with("scan "))
        .unwrap();
    assert!(line.ends_with(" 1 critical, 1 low"), "{inspected}");
    let inspected: Value = serde_json::from_str(&run(&["inspect", "team/app:1.5.0", "--json"])).unwrap();
    assert_eq!(inspected["scan"]["findings"], counts);
}

#[test]
fn all_pages_are_read() {
    let stock = Stock::scanned("BASIC", "SCAN_ON_PUSH");
    let finding = |number: u32| json!({"name": format!("CVE-2026-{number}"), "severity": "MEDIUM", "package": "p", "version": "1"});
    stock
        .ecr
        .order_scans(order((0..2345).map(finding).collect::<Vec<_>>()));
    let data = stock.json(0, &[]);
    assert_eq!(data["gate"]["counts"], json!({"medium": 2345}));
    assert_eq!(data["gate"]["findings"].as_array().unwrap().len(), 2345);
}

#[test]
fn an_ignored_finding_has_an_end_and_one_that_is_none_is_reported() {
    let stock = Stock::scanned("ENHANCED", "SCAN_ON_PUSH");
    stock.ecr.order_scans(order(two_findings()));
    let ignore = "id=CVE-2024-3094,package=xz-utils,until=9999-12-31,reason=it is never loaded, see the note";
    let passed = stock.scan(&["--ignore-findings", ignore]);
    passed.expect_code(0);
    assert!(
        passed.stdout.contains(
            "ignored\n  CVE-2024-3094  xz-utils  until 9999-12-31  it is never loaded, see the note\n"
        ),
        "{}",
        passed.stdout
    );
    let expired = ignore.replace("9999", "2020");
    let failed = stock.scan(&["--ignore-findings", &expired]);
    failed.expect_code(11);
    assert!(
        failed.stdout.contains(&format!("expired: {expired}")),
        "{}",
        failed.stdout
    );
    let unused = "purl=pkg:npm/lodash,until=9999-12-31,reason=x";
    let data = stock.json(
        11,
        &[
            "--fail-on",
            "none",
            "--ignore-findings",
            unused,
            "--stale-ignores",
            "fail",
        ],
    );
    assert_eq!(
        data["gate"]["reasons"],
        json!([{"code": "stale-ignores", "count": 1}])
    );
    let refused = stock.scan(&["--ignore-findings", "id=CVE-2024-3094,until=9999-12-31"]);
    refused.expect_code(2);
    assert!(
        refused.stderr.contains("`reason` is missing"),
        "{}",
        refused.stderr
    );
}

#[test]
fn what_is_never_scanned_is_known_at_once_and_may_be_begun() {
    let stock = Stock::in_registry(Ecr::start());
    let refused = stock.scan(&[]);
    refused.expect_code(11);
    assert!(
        refused.stderr.contains("images in `team/app` are never scanned"),
        "{}",
        refused.stderr
    );
    // In the words of the command that is called, and with the registry that is meant.
    assert!(
        refused.stderr.contains("hint: `--start` begins a scan; "),
        "{}",
        refused.stderr
    );
    let command = format!(
        "`aws --region eu-central-1 --endpoint-url {} ecr put-registry",
        stock.ecr.url()
    );
    assert!(refused.stderr.contains(&command), "{}", refused.stderr);
    let promote = [
        "promote",
        "team/app",
        "--from",
        "1.4.0",
        "--to",
        "1.4.1",
        "--require-scan",
    ];
    let refused = finish(&mut stock.ecr.command(stock.home.path(), &promote));
    refused.expect_code(11);
    assert!(
        refused
            .stderr
            .contains("hint: `tagship scan --start` begins a scan; "),
        "{}",
        refused.stderr
    );
    stock.ecr.order_scans(order(two_findings()));
    let data = stock.json(11, &["--start"]);
    assert_eq!(data["gate"]["counts"], json!({"critical": 1, "low": 1}));
    // It is there now, and a second one on the same day would be refused.
    assert_eq!(stock.json(11, &["--start"])["gate"]["total"], 2);
    assert_eq!(stock.json(0, &["--fail-on", "critical=1"])["gate"]["total"], 2);
    stock.ecr.scan_with("ENHANCED", "SCAN_ON_PUSH", "other");
    let refused = stock.scan(&["--start"]);
    refused.expect_code(11);
    assert!(
        refused
            .stderr
            .contains("no rule of the registry's enhanced scanning"),
        "{}",
        refused.stderr
    );
}

#[test]
fn what_cannot_be_judged_does_not_pass() {
    for (outcome, said) in [
        (
            "never",
            "has no findings to judge by: IN_PROGRESS: The scan is in progress. after 1 s",
        ),
        (
            "complete-without-findings",
            "and there is no list of findings after 1 s",
        ),
        ("failed", "cannot be scanned: FAILED: UnsupportedImageError"),
        ("limit-exceeded", "has no findings to judge by: LIMIT_EXCEEDED"),
        ("image-size-exceeded", "cannot be scanned: IMAGE_SIZE_EXCEEDED"),
    ] {
        let stock = Stock::scanned("BASIC", "SCAN_ON_PUSH");
        stock
            .ecr
            .order_scans(json!({"takes_seconds": 0, "outcome": outcome}));
        let failed = stock.scan(&["--scan-timeout", "1"]);
        failed.expect_code(11);
        assert!(failed.stderr.contains(said), "{outcome}: {}", failed.stderr);
    }
    let stock = Stock::scanned("BASIC", "SCAN_ON_PUSH");
    stock
        .ecr
        .order_scans(json!({"takes_seconds": 0, "outcome": "unsupported-image"}));
    let passed = stock.scan(&["--unscannable", "warn"]);
    passed.expect_code(0);
    assert!(
        passed
            .stderr
            .contains("was not scanned, and passes by `unscannable: warn`"),
        "{}",
        passed.stderr
    );
}

/// The scan of one image of version 1.4.0, which comes after 1.3.0 with other findings.
struct Successor {
    stock: Stock,
    before: Descriptor,
}

impl Successor {
    fn scanned(scan_type: &str, frequency: &str) -> Self {
        let stock = Stock::scanned(scan_type, frequency);
        let before = {
            let pusher = Pusher::new(&stock.ecr, "team/app");
            let before = pusher.image("amd64", "before", &json!({}));
            pusher.tag("1.3.0", &before.digest);
            // Neither is a release before 1.4.0.
            let other = pusher.image("amd64", "other", &json!({}));
            pusher.tag("1.4.0-rc.1", &other.digest);
            pusher.tag("2.0.0", &other.digest);
            before
        };
        stock.ecr.order_scans(order(two_findings()));
        Self { stock, before }
    }

    /// What scans of 1.3.0 find from now on.
    fn had(&self, mut order: Value) {
        order["digest"] = json!(self.before.digest);
        self.stock.ecr.order_scans(order);
    }
}

#[test]
fn only_what_the_release_before_has_not_counts() {
    for (scan_type, frequency) in [("BASIC", "SCAN_ON_PUSH"), ("ENHANCED", "CONTINUOUS_SCAN")] {
        let after = Successor::scanned(scan_type, frequency);
        let worst = json!([
            {"name": "CVE-2024-3094", "severity": "CRITICAL", "package": "xz-utils", "version": "5.4.0", "exploitable": true},
        ]);
        after.had(order(worst));
        let passed = after.stock.scan(&["--only-new"]);
        passed.expect_code(0);
        let known = passed.stdout.split("in 1.3.0 too\n").nth(1).unwrap_or_default();
        assert!(known.contains("CVE-2024-3094"), "{}", passed.stdout);
        assert!(
            passed
                .stdout
                .ends_with("passed: 1 low; 1 that 1.3.0 has too (fail-on high=0)\n"),
            "{}",
            passed.stdout
        );
        let data = after.stock.json(11, &["--only-new", "--fail-on", "low"]);
        let gate = &data["gate"];
        assert_eq!(
            gate["baseline"],
            json!({"tag": "1.3.0", "digest": after.before.digest})
        );
        assert_eq!(gate["counts"], json!({"low": 1}));
        assert_eq!(gate["known"][0]["vulnerability"], "CVE-2024-3094");
        assert_eq!(gate["known-total"], 1);
        // Without it, what the release has counts as ever.
        let data = after.stock.json(11, &[]);
        assert_eq!(data["gate"].get("baseline"), None);
        let sarif = after.stock.home.path().join("findings.sarif");
        after
            .stock
            .json(0, &["--only-new", "--sarif-file", sarif.to_str().unwrap()]);
        let sarif: Value = serde_json::from_slice(&std::fs::read(sarif).unwrap()).unwrap();
        let mut states: Vec<(&str, &str)> = sarif["runs"][0]["results"]
            .as_array()
            .unwrap()
            .iter()
            .map(|result| {
                (
                    result["ruleId"].as_str().unwrap(),
                    result["baselineState"].as_str().unwrap(),
                )
            })
            .collect();
        states.sort_unstable();
        assert_eq!(states, [("CVE-2023-0001", "new"), ("CVE-2024-3094", "unchanged")]);
    }
}

#[test]
fn without_findings_of_the_release_before_every_finding_counts() {
    let after = Successor::scanned("ENHANCED", "CONTINUOUS_SCAN");
    for outcome in [
        "never",
        "complete-without-findings",
        "failed",
        "unsupported-image",
    ] {
        after.had(json!({"takes_seconds": 0, "outcome": outcome}));
        let data = after.stock.json(11, &["--only-new"]);
        assert_eq!(data["gate"]["total"], 2, "{outcome}");
        let baseline = &data["gate"]["baseline"];
        assert_eq!(
            (&baseline["code"], &baseline["tag"]),
            (&json!("not-scanned"), &json!("1.3.0"))
        );
        let failed = after.stock.scan(&["--only-new"]);
        let said = "every finding counts as new: `1.3.0` has no findings to compare with: ";
        assert!(failed.stderr.contains(said), "{outcome}: {}", failed.stderr);
    }
    let first = Stock::scanned("BASIC", "SCAN_ON_PUSH");
    first.ecr.order_scans(order(two_findings()));
    let failed = first.scan(&["--only-new"]);
    failed.expect_code(11);
    let said = "every finding counts as new: there is no release before this image";
    assert!(
        failed.stderr.contains(said) && failed.stdout.contains(said),
        "{}",
        failed.stderr
    );
}

const REPORT: &str = "docs/schemas/report.json";
const PLAN: &str = "docs/schemas/plan.json";

/// A commit whose image is published under its commit tag, in a registry that scans on push.
fn published() -> (Shipyard, Descriptor) {
    let yard = Shipyard::new();
    yard.ecr.scan_with("BASIC", "SCAN_ON_PUSH", "team/*");
    let pusher = Pusher::new(&yard.ecr, "team/app");
    let labels = json!({"org.opencontainers.image.revision": yard.checkout.head()});
    let image = pusher.image("amd64", "layer", &labels);
    pusher.tag(&yard.commit_tag(), &image.digest);
    yard.ecr.forget_journal();
    (yard, image)
}

#[test]
fn a_published_commit_gets_no_release_tag_until_its_findings_pass() {
    let (yard, image) = published();
    yard.ecr.order_scans(order(two_findings()));
    let failed = yard.ship_on(NO_ENGINE, &["--scan", "wait"]).code(11);
    let report = failed.report();
    assert_eq!(problems(REPORT, &report), "");
    assert_eq!(report["status"], "failed");
    assert_eq!(report["gate"]["verdict"], "failed");
    assert_eq!(report["gate"]["reasons"][0]["code"], "too-many-findings");
    assert!(!yard.ecr.journal().iter().any(is_tag_put));
    let ignore = "id=CVE-2024-3094,until=9999-12-31,reason=x";
    let gated = ["--scan", "wait", "--ignore-findings", ignore];
    let passed = yard.ship_on(NO_ENGINE, &gated).code(0);
    assert_eq!(passed.digest(), image.digest.to_string());
    assert_eq!(problems(REPORT, &passed.report()), "");
    assert_eq!(passed.report()["gate"]["verdict"], "passed");
    assert_eq!(passed.report()["gate"]["ignored-total"], 1);
    yard.ecr.forget_journal();
    // Nothing is left to be tagged, so that new findings change nothing.
    let again = yard.ship_on(NO_ENGINE, &["--scan", "wait"]).code(0);
    assert_eq!(again.status(), "already-published");
    assert!(
        !yard
            .ecr
            .journal()
            .iter()
            .any(|entry| entry.operation.contains("Scan"))
    );
}

#[test]
fn a_version_passes_with_what_the_one_before_was_released_with() {
    let (yard, _) = published();
    let pusher = Pusher::new(&yard.ecr, "team/app");
    let before = pusher.image("amd64", "before", &json!({}));
    yard.ecr.order_scans(order(two_findings()));
    let gated = ["--scan", "wait", "--only-new"];
    // Nothing is released before 1.0.0.
    let failed = yard.ship_on(NO_ENGINE, &gated).code(11);
    assert_eq!(problems(REPORT, &failed.report()), "");
    assert_eq!(failed.report()["gate"]["baseline"], json!({"code": "no-release"}));
    pusher.tag("0.9.0", &before.digest);
    let planned = finish(&mut yard.command("plan", NO_ENGINE, &gated));
    let expected = format!(
        "    only findings count that `0.9.0` at {} has not\n",
        before.digest.short()
    );
    assert!(planned.stdout.contains(&expected), "{}", planned.stdout);
    let planned = finish(&mut yard.command("plan", NO_ENGINE, &[&gated[..], &["--json"]].concat()));
    let plan: Value = serde_json::from_str(&planned.stdout).unwrap();
    assert_eq!(problems(PLAN, &plan), "");
    assert_eq!(
        plan["gate"]["baseline"],
        json!({"tag": "0.9.0", "digest": before.digest})
    );
    let passed = yard.ship_on(NO_ENGINE, &gated).code(0);
    assert_eq!(problems(REPORT, &passed.report()), "");
    assert_eq!(passed.report()["gate"]["known-total"], 2);
}

/// What `tagship iam` prints for a role that ships with the gate.
fn printed_policy(arguments: &[&str]) -> Value {
    let home = tempfile::tempdir().unwrap();
    let mut command = test_support::process::tagship(home.path());
    command.args(["iam", "--json", "--account-id", test_support::local::ACCOUNT]);
    command.args([
        "--aws-region",
        test_support::local::REGION,
        "--repository",
        "team/app",
    ]);
    serde_json::from_str(&test_support::process::output_of(command.args(arguments))).unwrap()
}

/// A role that lacks one action of the printed policy, or none.
fn role(name: &str, missing: &str) -> Value {
    let mut policy = printed_policy(&["--for", "ship,scan"])["policy"].clone();
    for statement in policy["Statement"].as_array_mut().unwrap() {
        let actions = statement["Action"].as_array_mut().unwrap();
        actions.retain(|action| action != missing);
    }
    let jobs = ["trust", "--github-repository", "example/app", "--branch", "main"];
    json!({
        "RoleName": name,
        "AssumeRolePolicyDocument": printed_policy(&jobs)["policy"],
        "PolicyDocuments": [policy],
    })
}

/// Inspector has enhanced findings: the session that a job is narrowed to may read them still.
#[test]
fn a_role_with_the_printed_policy_passes_the_gate_and_each_action_less_is_noticed() {
    let actions = [
        ("all", ""),
        ("findings", "ecr:DescribeImageScanFindings"),
        ("frequency", "ecr:BatchGetRepositoryScanningConfiguration"),
        ("type", "ecr:GetRegistryScanningConfiguration"),
        ("start", "ecr:StartImageScan"),
        ("inspector", "inspector2:ListFindings"),
    ];
    let mut roles: Vec<Value> = actions
        .iter()
        .map(|(name, missing)| role(name, missing))
        .collect();
    let mut all = role("tagship-example", "");
    all["PolicyDocuments"] = json!([{"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}]);
    roles.push(all);
    let ecr = Ecr::start_for_judges(&json!({ "Roles": roles }).to_string());
    let yard = Shipyard::with(ecr, &[("Dockerfile", "FROM scratch\n")]);
    let pusher = Pusher::new(&yard.ecr, "team/app");
    let labels = json!({"org.opencontainers.image.revision": yard.checkout.head()});
    let image = pusher.image("amd64", "layer", &labels);
    pusher.tag(&yard.commit_tag(), &image.digest);
    yard.ecr.order_scans(order(two_findings()));
    let ship = |name: &str, version: &str, scan: &str, code: i32| {
        let role = format!("arn:aws:iam::{}:role/{name}", test_support::local::ACCOUNT);
        let arguments = [
            "--role-to-assume",
            &role,
            "--scan",
            scan,
            "--fail-on",
            "none",
            "--version",
            version,
        ];
        yard.ship_on(NO_ENGINE, &arguments).code(code)
    };
    yard.ecr.scan_with("ENHANCED", "CONTINUOUS_SCAN", "team/*");
    for (number, (name, missing)) in actions.iter().enumerate() {
        let is_noted = missing.ends_with("Configuration");
        let code = if missing.is_empty() || is_noted || *name == "start" {
            0
        } else {
            3
        };
        let said = ship(name, &format!("2.0.{number}"), "wait", code).0.stdout;
        assert!(*name == "start" || said.contains(missing), "{name}: {said}");
    }
    yard.ecr.scan_with("BASIC", "SCAN_ON_PUSH", "other");
    let said = ship("start", "3.0.0", "start", 3).0.stdout;
    assert!(said.contains("ecr:StartImageScan"), "{said}");
    ship("all", "3.0.0", "start", 0);
}

#[test]
fn findings_are_written_for_code_scanning_also_when_they_fail() {
    let (yard, _) = published();
    yard.ecr.order_scans(order(two_findings()));
    let file = yard.home().join("findings.sarif");
    let gated = ["--scan", "wait", "--sarif-file", file.to_str().unwrap()];
    yard.ship_on(NO_ENGINE, &gated).code(11);
    let sarif: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    let results = sarif["runs"][0]["results"].as_array().unwrap();
    assert_eq!(results.len(), 2);
    assert_eq!(results[0]["ruleId"], "CVE-2024-3094");
    let place = &results[0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"];
    assert_eq!(place, "Dockerfile");
    // One that cannot be written is found before anything is done.
    yard.ecr.forget_journal();
    let unwritable = ["--scan", "wait", "--fail-on", "none", "--sarif-file", "/dev/full"];
    let refused = yard.ship_on(NO_ENGINE, &unwritable).code(2);
    let problem = "`/dev/full` cannot be written: it is no regular file";
    assert!(refused.0.stderr.contains(problem), "{}", refused.0.stderr);
    assert!(yard.ecr.journal().is_empty());
}

/// The AWS CLI checks its parameters before it sends anything.
#[test]
fn findings_for_security_hub_are_as_its_api_takes_them() {
    use tagship_domain::findings::{
        FailOn, Finding, Fix, GatePolicy, Ignore, ImageScan, Package, Probability, ScanKind, ScanResult,
        Severity, Strictness,
    };
    use tagship_domain::reference::{Digest, ImageName, RegistryHost, RepositoryName};
    let finding = |number: u32, severity, fix, name: &str| Finding {
        vulnerability: format!("CVE-2026-{number}"),
        severity,
        package: Package {
            name: name.to_owned(),
            version: "1.0".to_owned(),
            path: Some("app/package.json".to_owned()),
            manager: Some("NPM".to_owned()),
        },
        fix,
        is_exploitable: number == 1,
        probability: Probability::parse("0.25"),
        score: Some(9.8),
        description: Some("ä".repeat(2000)),
        uri: Some("https://example.com/a".to_owned()),
        known_since: None,
        is_suppressed: false,
    };
    let fix = Fix::Available {
        version: Some("1.1".to_owned()),
    };
    let findings = vec![
        finding(1, Severity::Critical, fix, "lodash"),
        finding(2, Severity::Undefined, Fix::Unknown, ""),
        finding(3, Severity::Low, Fix::None, "left-pad"),
    ];
    let policy = GatePolicy {
        fail_on: FailOn::parse(["high"]).unwrap(),
        only_fixed: false,
        exploitable: Strictness::Warn,
        fail_on_epss: None,
        grace_days: 0,
        unscannable: Strictness::Fail,
        stale_ignores: Strictness::Warn,
        ignores: vec![Ignore::parse("id=CVE-2026-3,until=9999-12-31,reason=x").unwrap()],
        exploits: std::sync::Arc::default(),
    };
    let digest = Digest::of(b"image");
    let scanned = ImageScan {
        digest,
        platform: None,
        result: ScanResult::Found {
            kind: ScanKind::Basic,
            completed_at: None,
            findings,
        },
    };
    let now = SystemClock.now();
    let today = now.to_zoned(jiff::tz::TimeZone::UTC).date();
    let decision = policy.decide(vec![scanned], None, today);
    let image = |registry: &str| ImageName {
        registry: RegistryHost::parse(registry).unwrap(),
        repository: RepositoryName::parse("team/app").unwrap(),
    };
    assert_eq!(
        tagship::report::asff(&image("127.0.0.1:1"), digest, &decision, now),
        None
    );
    let place = image("123456789012.dkr.ecr.eu-central-1.amazonaws.com");
    let list = tagship::report::asff(&place, digest, &decision, now).unwrap();
    let statuses: Vec<&Value> = list
        .as_array()
        .unwrap()
        .iter()
        .map(|finding| &finding["Workflow"]["Status"])
        .collect();
    assert_eq!(statuses, ["NEW", "NEW", "SUPPRESSED"]);
    let folder = tempfile::tempdir().unwrap();
    let send = |list: &Value| {
        let mut aws = scrubbed(client("aws"), folder.path());
        aws.args([
            "securityhub",
            "batch-import-findings",
            "--endpoint-url",
            "http://127.0.0.1:9",
        ])
        .args(["--findings", &list.to_string()])
        .envs([
            ("AWS_ACCESS_KEY_ID", "x"),
            ("AWS_SECRET_ACCESS_KEY", "x"),
            ("AWS_DEFAULT_REGION", "eu-central-1"),
            ("AWS_MAX_ATTEMPTS", "1"),
        ]);
        finish(&mut aws).stderr
    };
    let said = send(&list);
    assert!(said.contains("Could not connect"), "{said}");
    let mut wrong = list;
    wrong[0].as_object_mut().unwrap().remove("ProductArn");
    let said = send(&wrong);
    assert!(said.contains("ProductArn"), "{said}");
}

#[test]
fn files_of_other_tools_say_what_does_not_count() {
    let stock = Stock::scanned("ENHANCED", "SCAN_ON_PUSH");
    stock.ecr.order_scans(order(two_findings()));
    let write = |name: &str, text: &str| {
        let path = stock.home.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let trivy = write(
        ".trivyignore.yaml",
        "vulnerabilities:\n- id: CVE-2024-3094\n  statement: never loaded\n- id: CVE-2020-1\n",
    );
    let data = stock.json(0, &["--ignore-files", &trivy]);
    assert_eq!(data["gate"]["ignored"][0]["reason"], "never loaded");
    // Such files are about several images: what is not used is no news.
    assert_eq!(data["gate"]["stale-ignores"], json!([]));
    let vex = |product: &str| {
        let statement = json!({
            "vulnerability": {"name": "CVE-2024-3094"},
            "products": [{"@id": product}],
            "status": "not_affected",
            "justification": "component_not_present",
        });
        write(
            "vex.json",
            &json!({"@context": "https://openvex.dev/ns/v0.2.0", "statements": [statement]}).to_string(),
        )
    };
    stock.json(
        0,
        &[
            "--ignore-files",
            &vex("pkg:oci/app?repository_url=registry.example/team/app"),
        ],
    );
    stock.json(11, &["--ignore-files", &vex("pkg:oci/other")]);
    let grype = write(
        ".grype.yaml",
        "ignore:\n- vulnerability: CVE-2024-3094\n  namespace: nvd\n",
    );
    let refused = stock.scan(&["--ignore-files", &grype]);
    refused.expect_code(2);
    assert!(
        refused
            .stderr
            .contains(".grype.yaml` entry 1 has `namespace`, which is not read"),
        "{}",
        refused.stderr
    );
}

#[test]
fn files_say_what_is_exploited_beside_what_a_basic_scan_knows() {
    let stock = Stock::scanned("BASIC", "SCAN_ON_PUSH");
    stock.ecr.order_scans(order(json!([
        {"name": "CVE-2023-0001", "severity": "LOW", "package": "busybox", "version": "1.36"},
    ])));
    let write = |name: &str, text: &str| {
        let path = stock.home.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let kev = write(
        "kev.json",
        r#"{"dateReleased": "2020-01-02T00:00:00Z", "vulnerabilities": [{"cveID": "CVE-2023-0001"}]}"#,
    );
    let epss = write("epss.csv", "cve,epss,percentile\nCVE-2023-0001,0.25,0.9\n");
    stock.json(0, &["--exploitable", "fail"]);
    let failed = stock.json(11, &["--exploitable", "fail", "--kev-file", &kev]);
    assert_eq!(
        failed["gate"]["reasons"],
        json!([{"code": "exploitable-findings", "count": 1}])
    );
    let run = stock.scan(&["--kev-file", &kev]);
    run.expect_code(0);
    assert!(
        run.stderr.contains("the file of `kev-file` is of 2020-01-02"),
        "{}",
        run.stderr
    );
    let failed = stock.json(11, &["--epss-file", &epss, "--fail-on-epss", "0.25"]);
    assert_eq!(
        failed["gate"]["reasons"],
        json!([{"code": "likely-exploited", "count": 1, "epss": 0.25}])
    );
    let passed = stock.json(0, &["--epss-file", &epss, "--fail-on-epss", "0.26"]);
    assert_eq!(passed["gate"]["findings"][0]["epss"], 0.25);
    for (arguments, said) in [
        (
            &["--kev-file", epss.as_str()][..],
            "is not CISA's catalog as JSON",
        ),
        (&["--epss-file", &kev], "is not the CSV of EPSS: line 1"),
        (&["--fail-on-epss", "0.5"], "no file says how likely exploits are"),
        (
            &["--epss-file", &epss, "--fail-on-epss", "50"],
            "`50` is no number from 0 to 1",
        ),
        (&["--kev-file", "/nonexistent"], "cannot be read"),
    ] {
        let refused = stock.scan(arguments);
        refused.expect_code(2);
        assert!(refused.stderr.contains(said), "{said}: {}", refused.stderr);
    }
}

#[test]
fn new_vulnerabilities_have_days_of_grace_and_known_exploits_none() {
    let stock = Stock::scanned("ENHANCED", "SCAN_ON_PUSH");
    let now = SystemClock.now().as_second();
    let finding = |exploitable: bool, days: i64| {
        json!([{"name": "CVE-2026-1", "severity": "CRITICAL", "package": "p", "version": "1",
                "exploitable": exploitable, "vendor_created_at": now - days * 86_400}])
    };
    stock.ecr.order_scans(order(finding(false, 2)));
    stock.json(11, &[]);
    let data = stock.json(0, &["--grace-days", "7"]);
    assert_eq!(data["gate"]["ignored-total"], 1);
    stock.json(11, &["--grace-days", "2"]);
    stock.ecr.order_scans(order(finding(true, 2)));
    stock.json(11, &["--grace-days", "7"]);
    let failed = stock.json(11, &["--fail-on", "none", "--exploitable", "fail"]);
    assert_eq!(
        failed["gate"]["reasons"],
        json!([{"code": "exploitable-findings", "count": 1}])
    );
    stock.json(0, &["--fail-on", "none"]);
}

#[test]
fn findings_go_to_code_scanning_also_when_they_fail() {
    let (yard, _) = published();
    yard.ecr.order_scans(order(two_findings()));
    let github = Github::of(yard.checkout.path());
    let ship = |code: i32| {
        let mut command = yard.command("ship", NO_ENGINE, &["--scan", "wait", "--upload-sarif"]);
        command.envs(github.job()).envs([
            ("GITHUB_ACTIONS", "true"),
            ("GITHUB_EVENT_NAME", "push"),
            ("GITHUB_REF", "refs/heads/main"),
            ("GITHUB_SHA", &yard.checkout.head()),
        ]);
        let run = finish(&mut command);
        run.expect_code(code);
        run
    };
    ship(11);
    let analyses = github.analyses();
    let [(commit, git_ref, sarif)] = analyses.as_slice() else {
        panic!("{analyses:?}")
    };
    assert_eq!(
        (commit, git_ref.as_str()),
        (&yard.checkout.head(), "refs/heads/main")
    );
    assert_eq!(sarif["runs"][0]["results"].as_array().unwrap().len(), 2);
    github.let_show_findings(false);
    let run = ship(11);
    assert!(
        run.stderr.contains("`permissions: security-events: write`"),
        "{}",
        run.stderr
    );
    assert_eq!(github.analyses().len(), 1);
}

#[test]
fn an_image_is_promoted_only_if_its_findings_pass() {
    let stock = Stock::scanned("BASIC", "SCAN_ON_PUSH");
    stock.ecr.order_scans(order(two_findings()));
    let promote = |more: &[&str]| {
        let arguments = [&["promote", "team/app", "--from", "1.4.0", "--to", "1.4.1"], more].concat();
        finish(&mut stock.ecr.command(stock.home.path(), &arguments))
    };
    stock.ecr.forget_journal();
    promote(&["--require-scan"]).expect_code(11);
    assert!(!stock.ecr.journal().iter().any(is_tag_put));
    promote(&["--fail-on", "critical=1"]).expect_code(2);
    promote(&["--require-scan", "--fail-on", "critical=1"]).expect_code(0);
    // It has the tag, so that nothing is judged.
    promote(&["--require-scan"]).expect_code(0);
}

#[test]
fn the_doctor_says_that_images_are_never_scanned() {
    let yard = Shipyard::new();
    let examined = finish(&mut yard.command("doctor", NO_ENGINE, &["--scan", "wait"]));
    assert!(
        examined.stdout.contains("are never scanned"),
        "{}",
        examined.stdout
    );
    yard.ecr.scan_with("BASIC", "SCAN_ON_PUSH", "team/*");
    let examined = finish(&mut yard.command("doctor", NO_ENGINE, &["--scan", "wait"]));
    assert!(
        !examined.stdout.contains("are never scanned"),
        "{}",
        examined.stdout
    );
    assert!(
        examined.stdout.contains("basic scanning on push"),
        "{}",
        examined.stdout
    );
}

/// A command of the page as its reader runs it, with what differs from run to run as the page has it.
fn printed(command: &str, stock: &Stock) -> String {
    let said = run_at(&stock.ecr, stock.home.path(), command);
    let scanned = regex::Regex::new(r"scanned \S+").unwrap();
    scanned
        .replace_all(&said, "scanned 2026-11-29T15:11:47Z")
        .into_owned()
}

const PAGE: &str = include_str!("../../docs/scanning.md");

#[test]
fn every_example_of_the_page_prints_what_it_says() {
    let stock = Stock::scanned("ENHANCED", "CONTINUOUS_SCAN");
    stock.ecr.order_scans(order(two_findings()));
    check(PAGE, 2, |command| printed(command, &stock));
}

#[test]
fn the_file_of_the_page_can_be_used() {
    let yard = Shipyard::new();
    let mut blocks = PAGE.split("```yaml\n");
    let block = blocks.find(|block| block.starts_with("scan: wait\n")).unwrap();
    let text = block.split("```").next().unwrap();
    yard.checkout.write("tagship.yaml", text);
    let arguments = ["--offline", "--allow-dirty", "--json"];
    let planned = finish(&mut yard.command("plan", NO_ENGINE, &arguments));
    planned.expect_code(0);
    let plan: Value = serde_json::from_str(&planned.stdout).unwrap();
    assert_eq!(plan["gate"]["fail-on"], "critical=0,high=5");
    assert_eq!(
        plan["gate"]["ignore-findings"][0],
        "id=CVE-2024-3094,package=xz-utils,until=2026-12-31,reason=the library is never loaded, see the note of 2026-11-02"
    );
}

#[test]
fn what_is_never_scanned_is_found_in_the_plan() {
    let yard = Shipyard::new();
    let refused = yard.ship_on(NO_ENGINE, &["--scan", "wait"]).code(11);
    assert!(
        refused.0.stderr.contains("are never scanned"),
        "{}",
        refused.0.stderr
    );
    let planned = finish(&mut yard.command("plan", NO_ENGINE, &["--json", "--scan", "start"]));
    planned.expect_code(0);
    let plan: Value = serde_json::from_str(&planned.stdout).unwrap();
    assert_eq!(problems(PLAN, &plan), "");
    assert_eq!(
        plan["gate"]["setting"],
        json!({"kind": "basic", "frequency": "manual"})
    );
    let planned = finish(&mut yard.command("plan", NO_ENGINE, &["--scan", "start", "--fail-on", "critical"]));
    planned.expect_code(0);
    assert!(
        planned
            .stdout
            .contains("  scan gate: `scan: start`, `fail-on: critical=0`, before any tag is put\n"),
        "{}",
        planned.stdout
    );
}

#[test]
fn hostile_findings_stay_words() {
    let (yard, _) = published();
    let evil = "::error::x\n::set-output name=digest::evil\u{1b}[2J</td><script>|`[a](http://evil.example)";
    yard.ecr.order_scans(order(json!([
        {"name": evil, "severity": evil, "package": evil, "version": evil, "description": evil, "uri": evil},
    ])));
    let summary = yard.home().join("summary");
    let outputs = yard.home().join("outputs");
    let ship = yard.command("ship", NO_ENGINE, &[]);
    let given = [
        ("REPOSITORY", "team/app".to_owned()),
        ("REGISTRY", yard.ecr.host()),
        ("ENDPOINT-URL", yard.ecr.url()),
        ("AWS-REGION", test_support::local::REGION.to_owned()),
        ("ROLE-TO-ASSUME", test_support::local::ROLE_ARN.to_owned()),
        ("SCAN", "wait".to_owned()),
    ];
    let mut action = test_support::process::tagship(yard.home());
    for (name, value) in ship.get_envs() {
        if let Some(value) = value {
            action.env(name, value);
        }
    }
    for (name, value) in given {
        action.env(format!("INPUT_{name}"), value);
    }
    for file in [&summary, &outputs] {
        std::fs::write(file, "").unwrap();
    }
    action
        .current_dir(yard.checkout.path())
        .env("GITHUB_ACTIONS", "true")
        .env("GITHUB_WORKSPACE", yard.checkout.path())
        .env("GITHUB_STEP_SUMMARY", &summary)
        .env("GITHUB_OUTPUT", &outputs)
        .arg("action");
    let failed = finish(&mut action);
    failed.expect_code(11);
    let commands = failed.stdout.lines().filter(|line| line.starts_with("::"));
    let foreign: Vec<&str> = commands
        .filter(|line| line.starts_with("::set-output") || *line == "::error::x")
        .collect();
    assert!(foreign.is_empty(), "{}", failed.stdout);
    let summary = std::fs::read_to_string(summary).unwrap();
    let table: Vec<&str> = summary
        .lines()
        .filter(|line| line.starts_with("| critical |"))
        .collect();
    assert_eq!(
        table,
        [
            r"| critical | ::error::x ::set-output name=digest::evil�\</td\>\<script\>\|\`\[a\](http://evil.example) | ::error::x ::set-output name=digest::evil�\</td\>\<script\>\|\`\[a\](http://evil.example) | ::error::x ::set-output name=digest::evil�\</td\>\<script\>\|\`\[a\](http://evil.example) |  |"
        ],
        "{summary}"
    );
    let outputs = std::fs::read_to_string(outputs).unwrap();
    assert!(
        outputs.contains("failed") && !outputs.contains("\nevil"),
        "{outputs}"
    );
}
