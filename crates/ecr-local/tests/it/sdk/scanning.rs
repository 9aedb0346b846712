//! Scans and their findings.

use aws_sdk_ecr::operation::describe_image_scan_findings::DescribeImageScanFindingsOutput;
use aws_sdk_ecr::types::{
    FindingSeverity, ImageDetail, ImageIdentifier, ImageScanningConfiguration, RegistryScanningRule,
    ScanFrequency, ScanStatus, ScanType, ScanningRepositoryFilter, ScanningRepositoryFilterType,
};
use ecr_local::{ScanOrder, ScanOutcome};
use reqwest::StatusCode;
use serde_json::{Value, json};
use tagship_domain::content::OCI_MANIFEST;
use tagship_domain::reference::Digest;

use super::identity::session;
use crate::bench::{Bench, REPOSITORY, api_error, digest_of, index};

const DAY: i64 = 24 * 60 * 60;

fn by_tag(tag: &str) -> ImageIdentifier {
    ImageIdentifier::builder().image_tag(tag).build()
}

fn rule(frequency: ScanFrequency, filter: &str) -> RegistryScanningRule {
    let filter = ScanningRepositoryFilter::builder()
        .filter(filter)
        .filter_type(ScanningRepositoryFilterType::Wildcard)
        .build()
        .unwrap();
    RegistryScanningRule::builder()
        .scan_frequency(frequency)
        .repository_filters(filter)
        .build()
        .unwrap()
}

async fn configure(bench: &Bench, scan_type: ScanType, rules: Vec<RegistryScanningRule>) {
    bench
        .ecr()
        .put_registry_scanning_configuration()
        .scan_type(scan_type)
        .set_rules(Some(rules))
        .send()
        .await
        .unwrap();
}

/// A session policy that leaves out the other services.
const ECR_ALONE: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ecr:*","Resource":"*"}]}"#;

/// Code and message where the scan is refused.
async fn start(bench: &Bench, tag: &str) -> Result<ScanStatus, (String, String)> {
    let result = bench
        .ecr()
        .start_image_scan()
        .repository_name(REPOSITORY)
        .image_id(by_tag(tag))
        .send()
        .await;
    match result {
        Ok(answer) => Ok(answer.image_scan_status().unwrap().status().unwrap().clone()),
        Err(error) => Err(api_error::<(), _, _>(Err(error))),
    }
}

async fn describe(bench: &Bench, tag: &str) -> Result<DescribeImageScanFindingsOutput, (String, String)> {
    let result = bench
        .ecr()
        .describe_image_scan_findings()
        .repository_name(REPOSITORY)
        .image_id(by_tag(tag))
        .send()
        .await;
    result.map_err(|error| api_error::<(), _, _>(Err(error)))
}

async fn status(bench: &Bench, tag: &str) -> Result<ScanStatus, String> {
    let answer = describe(bench, tag).await.map_err(|(code, _)| code)?;
    Ok(answer.image_scan_status().unwrap().status().unwrap().clone())
}

async fn described(bench: &Bench, tag: &str) -> ImageDetail {
    let answer = bench
        .ecr()
        .describe_images()
        .repository_name(REPOSITORY)
        .image_ids(by_tag(tag))
        .send()
        .await
        .unwrap();
    answer.image_details()[0].clone()
}

fn order(bench: &Bench, order: Value) {
    bench.local.order_scans(serde_json::from_value(order).unwrap());
}

fn findings() -> Value {
    json!([
        {"name": "CVE-2024-3094", "severity": "CRITICAL", "package": "xz-utils", "version": "5.6.0",
         "fixed_in": "5.6.1", "score": 10.0, "vector": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H",
         "uri": "https://example.org/CVE-2024-3094", "exploitable": true},
        {"name": "CVE-2023-0001", "severity": "LOW", "package": "tar", "version": "1.34"},
        {"name": "CVE-2023-0002", "severity": "LOW", "package": "tar", "version": "1.34"},
    ])
}

#[tokio::test]
async fn a_basic_scan_is_done_once_a_day_and_its_findings_come_in_pages() {
    let bench = Bench::start().await;
    let manifest = bench.registry().await.image(REPOSITORY, "1.0.0", "one").await;
    order(&bench, json!({"takes_seconds": 60, "findings": findings()}));
    let (code, message) = describe(&bench, "1.0.0").await.unwrap_err();
    assert_eq!(code, "ScanNotFoundException");
    assert_eq!(
        message,
        "Image scan does not exist for the image with '{imageDigest:'null', imageTag:'1.0.0'}' in the repository \
         with name 'team/app' in the registry with id '123456789012'"
    );
    assert_eq!(start(&bench, "1.0.0").await, Ok(ScanStatus::InProgress));
    let running = describe(&bench, "1.0.0").await.unwrap();
    assert_eq!(
        running.image_scan_status().unwrap().status(),
        Some(&ScanStatus::InProgress)
    );
    assert!(running.image_scan_findings().is_none());

    bench.local.set_clock_offset(61);
    let done = describe(&bench, "1.0.0").await.unwrap();
    assert_eq!(
        done.image_scan_status().unwrap().status(),
        Some(&ScanStatus::Complete)
    );
    let id = done.image_id().unwrap();
    assert_eq!(id.image_digest(), Some(digest_of(&manifest).as_str()));
    let found = done.image_scan_findings().unwrap();
    let counts = found.finding_severity_counts().unwrap();
    assert_eq!(counts.get(&FindingSeverity::Critical), Some(&1));
    assert_eq!(counts.get(&FindingSeverity::Low), Some(&2));
    let worst = &found.findings()[0];
    assert_eq!(worst.name(), Some("CVE-2024-3094"));
    let attributes: Vec<_> = worst
        .attributes()
        .iter()
        .map(|attribute| (attribute.key(), attribute.value().unwrap()))
        .collect();
    assert!(
        attributes.contains(&("package_name", "xz-utils")),
        "{attributes:?}"
    );

    // The paginator goes over both keys; the names must come once each and in order.
    let mut pages = bench
        .ecr()
        .describe_image_scan_findings()
        .repository_name(REPOSITORY)
        .image_id(by_tag("1.0.0"))
        .into_paginator()
        .page_size(2)
        .send();
    let mut names = Vec::new();
    let mut sizes = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.unwrap();
        let findings = page.image_scan_findings().unwrap().findings().to_vec();
        sizes.push(findings.len());
        names.extend(findings.into_iter().filter_map(|finding| finding.name));
    }
    assert_eq!(names, ["CVE-2024-3094", "CVE-2023-0001", "CVE-2023-0002"]);
    assert_eq!(sizes, [2, 1]);

    assert_eq!(
        start(&bench, "1.0.0").await.unwrap_err(),
        (
            "LimitExceededException".to_owned(),
            "The scan quota per image has been exceeded. Wait and try again.".to_owned()
        )
    );
    bench.local.set_clock_offset(DAY + 60);
    assert_eq!(start(&bench, "1.0.0").await, Ok(ScanStatus::InProgress));
    // Native basic scans do not show in DescribeImages (ECR API reference).
    let detail = described(&bench, "1.0.0").await;
    assert!(detail.image_scan_status().is_none() && detail.image_scan_findings_summary().is_none());
}

#[tokio::test]
async fn scans_on_push_follow_the_registrys_filters_and_the_repositorys_flag() {
    let bench = Bench::start().await;
    let registry = bench.registry().await;
    let frequency = || async {
        let answer = bench
            .ecr()
            .batch_get_repository_scanning_configuration()
            .repository_names(REPOSITORY)
            .repository_names("team/missing")
            .send()
            .await
            .unwrap();
        assert_eq!(answer.failures()[0].repository_name(), Some("team/missing"));
        let found = answer.scanning_configurations()[0].clone();
        let filters: Vec<_> = found
            .applied_scan_filters()
            .iter()
            .map(|filter| filter.filter().to_owned())
            .collect();
        (found.scan_frequency.unwrap(), found.scan_on_push, filters)
    };
    assert_eq!(frequency().await, (ScanFrequency::Manual, false, Vec::new()));
    registry.image(REPOSITORY, "manual", "one").await;
    assert_eq!(
        status(&bench, "manual").await,
        Err("ScanNotFoundException".to_owned())
    );

    // The repository's own flag.
    bench
        .ecr()
        .put_image_scanning_configuration()
        .repository_name(REPOSITORY)
        .image_scanning_configuration(ImageScanningConfiguration::builder().scan_on_push(true).build())
        .send()
        .await
        .unwrap();
    assert_eq!(frequency().await, (ScanFrequency::ScanOnPush, true, Vec::new()));
    registry.image(REPOSITORY, "flag", "two").await;
    assert_eq!(status(&bench, "flag").await, Ok(ScanStatus::InProgress));
    // The scan on push counts for the daily limit.
    assert_eq!(
        start(&bench, "flag").await.unwrap_err().0,
        "LimitExceededException"
    );

    // A push a day later is scanned again.
    bench.local.set_clock_offset(DAY - 10);
    bench
        .registry()
        .await
        .image(REPOSITORY, "flag-again", "two")
        .await;
    assert_eq!(status(&bench, "flag").await, Ok(ScanStatus::Complete));
    bench.local.set_clock_offset(DAY + 60);
    bench
        .registry()
        .await
        .image(REPOSITORY, "flag-later", "two")
        .await;
    assert_eq!(status(&bench, "flag").await, Ok(ScanStatus::InProgress));

    // The registry's filters: one without `*` is for any part of the name.
    configure(
        &bench,
        ScanType::Basic,
        vec![rule(ScanFrequency::ScanOnPush, "app")],
    )
    .await;
    assert_eq!(
        frequency().await,
        (ScanFrequency::ScanOnPush, true, vec!["app".to_owned()])
    );
    let setting = bench
        .ecr()
        .get_registry_scanning_configuration()
        .send()
        .await
        .unwrap();
    let setting = setting.scanning_configuration().unwrap();
    assert_eq!(setting.scan_type(), Some(&ScanType::Basic));
    assert_eq!(setting.rules(), [rule(ScanFrequency::ScanOnPush, "app")]);

    for (scan_type, rules) in [
        (ScanType::Basic, vec![rule(ScanFrequency::ContinuousScan, "*")]),
        (ScanType::Enhanced, vec![rule(ScanFrequency::Manual, "*")]),
        (
            ScanType::Basic,
            vec![
                rule(ScanFrequency::ScanOnPush, "a"),
                rule(ScanFrequency::ScanOnPush, "b"),
            ],
        ),
    ] {
        let refused = bench
            .ecr()
            .put_registry_scanning_configuration()
            .scan_type(scan_type)
            .set_rules(Some(rules))
            .send()
            .await;
        assert_eq!(api_error(refused).0, "ValidationException");
    }
}

#[tokio::test]
async fn only_images_are_scanned() {
    let bench = Bench::start().await;
    configure(
        &bench,
        ScanType::Basic,
        vec![rule(ScanFrequency::ScanOnPush, "*")],
    )
    .await;
    let registry = bench.registry().await;
    let child = registry.image(REPOSITORY, "child", "one").await;
    let put = registry.put(REPOSITORY, "index", &index(&[&child])).await;
    assert_eq!(put.status(), StatusCode::CREATED);
    assert_eq!(status(&bench, "child").await, Ok(ScanStatus::InProgress));
    assert_eq!(
        status(&bench, "index").await,
        Err("ScanNotFoundException".to_owned())
    );
    let (code, message) = start(&bench, "index").await.unwrap_err();
    assert_eq!(code, "UnsupportedImageTypeException");
    assert!(
        message.starts_with(
            "An artifact with media type 'application/vnd.oci.image.index.v1+json' cannot be scanned."
        ),
        "{message}"
    );
    assert_eq!(
        start(&bench, "missing").await.unwrap_err().0,
        "ImageNotFoundException"
    );

    // An artifact that is no image.
    registry.blob(REPOSITORY, b"{}").await;
    let artifact = json!({
        "schemaVersion": 2, "mediaType": OCI_MANIFEST, "artifactType": "application/vnd.example",
        "config": {"mediaType": "application/vnd.oci.empty.v1+json", "digest": Digest::of(b"{}"), "size": 2},
        "layers": [],
    });
    registry.put(REPOSITORY, "artifact", &artifact.to_string()).await;
    assert_eq!(
        start(&bench, "artifact").await.unwrap_err().0,
        "UnsupportedImageTypeException"
    );
}

#[tokio::test]
async fn enhanced_scans_come_of_themselves_and_are_inspectors() {
    let bench = Bench::start().await;
    let registry = bench.registry().await;
    registry.image(REPOSITORY, "1.0.0", "one").await;
    let mut untriaged = findings();
    untriaged[1]["severity"] = "UNTRIAGED".into();
    order(
        &bench,
        json!({"starts_after_seconds": 30, "takes_seconds": 30, "findings": untriaged}),
    );
    configure(
        &bench,
        ScanType::Enhanced,
        vec![rule(ScanFrequency::ContinuousScan, "team/*")],
    )
    .await;
    assert_eq!(
        start(&bench, "1.0.0").await.unwrap_err(),
        (
            "ValidationException".to_owned(),
            "This feature is disabled".to_owned()
        )
    );
    assert_eq!(
        status(&bench, "1.0.0").await,
        Err("ScanNotFoundException".to_owned())
    );
    bench.local.set_clock_offset(31);
    assert_eq!(status(&bench, "1.0.0").await, Ok(ScanStatus::Pending));
    bench.local.set_clock_offset(61);
    let answer = describe(&bench, "1.0.0").await.unwrap();
    assert_eq!(
        answer.image_scan_status().unwrap().status(),
        Some(&ScanStatus::Active)
    );
    let found = answer.image_scan_findings().unwrap();
    assert!(found.findings().is_empty());
    assert_eq!(found.enhanced_findings().len(), 3);
    let worst = &found.enhanced_findings()[0];
    assert_eq!(worst.severity(), Some("CRITICAL"));
    assert_eq!((worst.score(), worst.fix_available()), (10.0, Some("YES")));
    assert_eq!(worst.exploit_available(), Some("YES"));
    let details = worst.package_vulnerability_details().unwrap();
    assert_eq!(details.vulnerability_id(), Some("CVE-2024-3094"));
    assert_eq!(details.vulnerable_packages()[0].fixed_in_version(), Some("5.6.1"));
    let counts = found.finding_severity_counts().unwrap();
    assert_eq!(counts.get(&FindingSeverity::from("UNTRIAGED")), Some(&1));
    // Of enhanced scans DescribeImages knows too.
    let detail = described(&bench, "1.0.0").await;
    assert_eq!(
        detail.image_scan_status().unwrap().status(),
        Some(&ScanStatus::Active)
    );
    let summary = detail.image_scan_findings_summary().unwrap();
    assert_eq!(
        summary
            .finding_severity_counts()
            .unwrap()
            .get(&FindingSeverity::Critical),
        Some(&1)
    );

    bench.local.set_clock_offset(14 * DAY + 60);
    assert_eq!(
        status(&bench, "1.0.0").await,
        Ok(ScanStatus::ScanEligibilityExpired)
    );
    // What is scanned once, when it is pushed, does not expire.
    configure(
        &bench,
        ScanType::Enhanced,
        vec![rule(ScanFrequency::ScanOnPush, "app")],
    )
    .await;
    assert_eq!(status(&bench, "1.0.0").await, Ok(ScanStatus::Active));
    // A repository that no rule is for is not scanned.
    configure(
        &bench,
        ScanType::Enhanced,
        vec![rule(ScanFrequency::ContinuousScan, "other/*")],
    )
    .await;
    assert_eq!(
        status(&bench, "1.0.0").await,
        Err("ScanNotFoundException".to_owned())
    );
}

#[tokio::test]
async fn reading_enhanced_findings_needs_a_permission_of_inspector() {
    let bench = Bench::start().await;
    bench.registry().await.image(REPOSITORY, "1.0.0", "one").await;
    configure(
        &bench,
        ScanType::Enhanced,
        vec![rule(ScanFrequency::ScanOnPush, "*")],
    )
    .await;
    let session = session(&bench, bench.local.role_arn(), Some(ECR_ALONE)).await;
    let refused = bench
        .ecr_as(session)
        .describe_image_scan_findings()
        .repository_name(REPOSITORY)
        .image_id(by_tag("1.0.0"))
        .send()
        .await;
    let (code, message) = api_error(refused);
    assert_eq!(code, "AccessDeniedException");
    assert!(message.contains("inspector2:ListFindings"), "{message}");
}

#[tokio::test]
async fn a_test_orders_through_the_admin_interface_how_scans_end() {
    let bench = Bench::start_with(|options| options.admin = true).await;
    let one = bench.registry().await.image(REPOSITORY, "one", "one").await;
    bench.registry().await.image(REPOSITORY, "two", "two").await;
    let findings = bench.url("/_local/findings");
    for order in [
        json!({"takes_seconds": 0, "outcome": "failed"}),
        json!({"digest": digest_of(&one), "outcome": "never"}),
    ] {
        let put = bench.http.put(&findings).json(&order).send().await.unwrap();
        assert_eq!(put.status(), StatusCode::NO_CONTENT);
    }
    start(&bench, "one").await.unwrap();
    start(&bench, "two").await.unwrap();
    bench.local.set_clock_offset(DAY);
    assert_eq!(status(&bench, "one").await, Ok(ScanStatus::InProgress));
    let failed = describe(&bench, "two").await.unwrap();
    let failed = failed.image_scan_status().unwrap();
    assert_eq!(failed.status(), Some(&ScanStatus::Failed));
    assert!(failed.description().unwrap().starts_with("UnsupportedImageError"));
    let listed: Vec<ScanOrder> = bench
        .http
        .get(&findings)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(listed[1].outcome, ScanOutcome::Never);
    bench.http.delete(&findings).send().await.unwrap();
    assert_eq!(status(&bench, "two").await, Ok(ScanStatus::Complete));
}
