//! Managed signing.

use aws_sdk_ecr::types::{
    ImageIdentifier, ImageSigningStatus, SigningConfiguration, SigningRepositoryFilter,
    SigningRepositoryFilterType, SigningRule, SigningStatus,
};

use super::identity::session;
use crate::bench::{Bench, REPOSITORY, Registry, api_error};

const PROFILE: &str = "arn:aws:signer:eu-central-1:123456789012:/signing-profiles/releases";
const OTHER: &str = "arn:aws:signer:eu-central-1:123456789012:/signing-profiles/other";

/// A session policy that leaves out the other services.
const ECR_ALONE: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ecr:*","Resource":"*"}]}"#;

fn rule(profile: &str, filter: &str) -> SigningRule {
    SigningRule::builder()
        .signing_profile_arn(profile)
        .repository_filters(
            SigningRepositoryFilter::builder()
                .filter(filter)
                .filter_type(SigningRepositoryFilterType::WildcardMatch)
                .build()
                .unwrap(),
        )
        .build()
        .unwrap()
}

async fn configured() -> (Bench, SigningConfiguration) {
    let bench = Bench::start().await;
    let setting = SigningConfiguration::builder()
        .rules(rule(PROFILE, "team/*"))
        .rules(rule(OTHER, "*/other"))
        .build()
        .unwrap();
    let answer = bench
        .ecr()
        .put_signing_configuration()
        .signing_configuration(setting.clone())
        .send()
        .await
        .unwrap();
    assert_eq!(answer.signing_configuration(), Some(&setting));
    (bench, setting)
}

async fn statuses(bench: &Bench, tag: &str) -> Vec<ImageSigningStatus> {
    bench
        .ecr()
        .describe_image_signing_status()
        .repository_name(REPOSITORY)
        .image_id(ImageIdentifier::builder().image_tag(tag).build())
        .send()
        .await
        .unwrap()
        .signing_statuses()
        .to_vec()
}

#[tokio::test]
async fn a_push_to_a_repository_of_a_rule_is_signed() {
    let (bench, setting) = configured().await;
    bench.registry().await.image(REPOSITORY, "1.0.0", "one").await;
    let running = statuses(&bench, "1.0.0").await;
    assert_eq!(running.len(), 1);
    assert_eq!(running[0].signing_profile_arn(), Some(PROFILE));
    assert_eq!(running[0].status(), Some(&SigningStatus::InProgress));
    bench.local.set_clock_offset(60);
    assert_eq!(
        statuses(&bench, "1.0.0").await[0].status(),
        Some(&SigningStatus::Complete)
    );

    let deleted = bench.ecr().delete_signing_configuration().send().await.unwrap();
    assert_eq!(deleted.signing_configuration(), Some(&setting));
    let missing = api_error(bench.ecr().get_signing_configuration().send().await);
    assert_eq!(missing.0, "SigningConfigurationNotFoundException");
    // What was signed stays so; what is pushed now is not signed.
    assert_eq!(statuses(&bench, "1.0.0").await.len(), 1);
    bench.registry().await.image(REPOSITORY, "2.0.0", "two").await;
    assert!(statuses(&bench, "2.0.0").await.is_empty());
}

#[tokio::test]
async fn who_pushes_needs_the_permission_to_sign() {
    let (bench, _) = configured().await;
    let session = session(&bench, bench.local.role_arn(), Some(ECR_ALONE)).await;
    let registry: Registry = bench.registry_as(session).await;
    registry.image(REPOSITORY, "1.0.0", "one").await;
    bench.local.set_clock_offset(60);
    let failed = &statuses(&bench, "1.0.0").await[0];
    assert_eq!(failed.status(), Some(&SigningStatus::Failed));
    let reason = failed.failure_reason().unwrap();
    assert!(reason.contains("signer:SignPayload"), "{reason}");
}

#[tokio::test]
async fn a_profile_has_the_form_of_a_signers_resource_name() {
    let bench = Bench::start().await;
    let setting = SigningConfiguration::builder()
        .rules(rule(
            "arn:aws:signer:eu-central-1:123456789012:/signing-profiles/a-b",
            "*",
        ))
        .build()
        .unwrap();
    let refused = bench
        .ecr()
        .put_signing_configuration()
        .signing_configuration(setting);
    assert_eq!(api_error(refused.send().await).0, "InvalidParameterException");
}
