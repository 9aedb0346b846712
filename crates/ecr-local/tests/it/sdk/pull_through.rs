//! The pull through cache: its rules, and images that come from another region or account of the emulator.

use aws_sdk_ecr::operation::create_pull_through_cache_rule::builders::CreatePullThroughCacheRuleFluentBuilder;
use aws_sdk_ecr::types::{
    EncryptionType, ImageIdentifier, ImageTagMutability, RctAppliedFor, UpstreamRegistry,
};
use reqwest::{Method, StatusCode};
use serde_json::json;
use tagship_domain::immutability::Mutability;

use super::policies::PARTNER;
use super::replication;
use crate::bench::{Bench, REGION, Registry, api_error, digest_of, index, oci_error};

/// Where the upstream registry of these tests is.
const UPSTREAM_REGION: &str = "us-east-1";

const UPSTREAM: &str = "123456789012.dkr.ecr.us-east-1.amazonaws.com";

const SECRET: &str =
    "arn:aws:secretsmanager:eu-central-1:123456789012:secret:ecr-pullthroughcache/login-AbCdEf";

const PULLER: &str = "arn:aws:iam::123456789012:role/puller";

const IMPORTER: &str = "arn:aws:iam::123456789012:role/importer";

const ROLES: &str = r#"
Roles:
  - RoleName: partner
    Account: "210987654321"
    AssumeRolePolicyDocument:
      Statement: {Effect: Allow, Principal: {AWS: "123456789012"}, Action: "sts:AssumeRole"}
    PolicyDocuments:
      - Statement: {Effect: Allow, Action: "*", Resource: "*"}
  - RoleName: puller
    AssumeRolePolicyDocument:
      Statement: {Effect: Allow, Principal: {AWS: "123456789012"}, Action: "sts:AssumeRole"}
    PolicyDocuments:
      - Statement:
          - {Effect: Allow, Action: ["ecr:GetAuthorizationToken", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"], Resource: "*"}
  - RoleName: importer
    AssumeRolePolicyDocument:
      Statement: {Effect: Allow, Principal: {AWS: "123456789012"}, Action: "sts:AssumeRole"}
    PolicyDocuments:
      - Statement:
          - {Effect: Allow, Action: ["ecr:GetAuthorizationToken", "ecr:BatchGetImage", "ecr:BatchImportUpstreamImage", "ecr:CreateRepository"], Resource: "*"}
"#;

fn rule(bench: &Bench, prefix: &str, url: &str) -> CreatePullThroughCacheRuleFluentBuilder {
    bench
        .ecr()
        .create_pull_through_cache_rule()
        .ecr_repository_prefix(prefix)
        .upstream_registry_url(url)
}

async fn code_of(request: CreatePullThroughCacheRuleFluentBuilder) -> Option<String> {
    let error = request.send().await.err()?;
    Some(api_error::<(), _, _>(Err(error)).0)
}

/// Puts an image into the upstream registry, by replication: the data plane reaches the bench's own region alone.
async fn push_upstream(bench: &Bench, repository: &'static str, tag: &str, content: &str) -> String {
    let rules = vec![replication::rule([replication::to(UPSTREAM_REGION)])];
    replication::configure_in(bench, REGION, rules).await.unwrap();
    let registry = bench.registry().await;
    let manifest = registry.image(repository, tag, content).await;
    let of_it = index(&[&manifest]);
    let answer = registry.put(repository, &format!("{tag}-index"), &of_it).await;
    assert_eq!(answer.status(), StatusCode::CREATED);
    manifest
}

async fn pull(registry: &Registry, repository: &str, reference: &str) -> Result<String, (u16, String)> {
    let answer = registry.get(&format!("{repository}/manifests/{reference}")).await;
    if answer.status() == StatusCode::OK {
        return Ok(answer.text().await.unwrap());
    }
    let (status, code, _) = oci_error(answer).await;
    Err((status, code))
}

#[tokio::test]
async fn an_image_of_another_region_is_cached_when_it_is_pulled() {
    let bench = Bench::start().await;
    bench.make("team/source", Mutability::Mutable).await;
    let manifest = push_upstream(&bench, "team/source", "1.0.0", "one").await;
    bench
        .ecr()
        .create_repository_creation_template()
        .prefix("cache")
        .applied_for(RctAppliedFor::PullThroughCache)
        .image_tag_mutability(ImageTagMutability::Immutable)
        .send()
        .await
        .unwrap();
    let made = rule(&bench, "cache/", UPSTREAM).send().await.unwrap();
    assert_eq!(made.ecr_repository_prefix(), Some("cache"));
    assert_eq!(made.upstream_registry(), Some(&UpstreamRegistry::Ecr));
    assert_eq!(made.upstream_repository_prefix(), Some("ROOT"));
    let registry = bench.registry().await;
    // Nothing of that prefix is upstream.
    assert_eq!(
        pull(&registry, "cache/team/missing", "1.0.0").await,
        Err((404, "MANIFEST_UNKNOWN".to_owned()))
    );
    assert_eq!(
        pull(&registry, "cache/team/source", "1.0.0").await,
        Ok(manifest.clone())
    );
    let layer = format!("cache/team/source/blobs/{}", digest_of("one"));
    assert_eq!(registry.get(&layer).await.text().await.unwrap(), "one");
    // An index brings its images.
    pull(&registry, "cache/team/source", "1.0.0-index").await.unwrap();
    assert_eq!(
        pull(&registry, "cache/team/source", &digest_of(&manifest)).await,
        Ok(manifest)
    );
    let described = bench
        .ecr()
        .describe_repositories()
        .repository_names("cache/team/source")
        .send()
        .await
        .unwrap();
    let repository = &described.repositories()[0];
    assert_eq!(
        repository.image_tag_mutability(),
        Some(&ImageTagMutability::Immutable)
    );
    // A cache gives no blobs away.
    bench
        .ecr()
        .put_account_setting()
        .name("BLOB_MOUNTING")
        .value("ENABLED")
        .send()
        .await
        .unwrap();
    let mount = format!(
        "team/source/blobs/uploads/?mount={}&from=cache/team/source",
        digest_of("one")
    );
    let answer = registry.request(Method::POST, &mount).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::ACCEPTED);
}

#[tokio::test]
async fn a_tag_is_looked_for_upstream_once_a_day() {
    let bench = Bench::start().await;
    bench.make("team/source", Mutability::Mutable).await;
    let one = push_upstream(&bench, "team/source", "latest", "one").await;
    let made = rule(&bench, "cache", UPSTREAM).upstream_repository_prefix("team");
    made.send().await.unwrap();
    // A token lives twelve hours: it is made in the middle of the day that passes.
    let registry = bench.registry().await;
    bench.local.set_clock_offset(-14 * 3600);
    assert_eq!(pull(&registry, "cache/source", "latest").await, Ok(one.clone()));
    bench.local.set_clock_offset(0);
    let two = push_upstream(&bench, "team/source", "latest", "two").await;
    assert_eq!(pull(&registry, "cache/source", "latest").await, Ok(one));
    bench.local.set_clock_offset(11 * 3600);
    assert_eq!(pull(&registry, "cache/source", "latest").await, Ok(two));
}

#[tokio::test]
async fn who_pulls_first_must_be_permitted_to_import() {
    let bench = Bench::with_roles(ROLES).await;
    bench.make("team/source", Mutability::Mutable).await;
    let manifest = push_upstream(&bench, "team/source", "1.0.0", "one").await;
    rule(&bench, "cache", UPSTREAM).send().await.unwrap();
    let puller = bench.registry_as(bench.in_role(PULLER).await).await;
    assert_eq!(
        pull(&puller, "cache/team/source", "1.0.0").await,
        Err((403, "DENIED".to_owned()))
    );
    let importer = bench.registry_as(bench.in_role(IMPORTER).await).await;
    assert_eq!(
        pull(&importer, "cache/team/source", "1.0.0").await,
        Ok(manifest.clone())
    );
    // What is cached is an image like any other.
    assert_eq!(pull(&puller, "cache/team/source", "1.0.0").await, Ok(manifest));
}

#[tokio::test]
async fn another_account_lets_a_role_read() {
    let bench = Bench::with_roles(ROLES).await;
    bench.make("team/source", Mutability::Mutable).await;
    let manifest = bench.registry().await.image("team/source", "1.0.0", "one").await;
    let partner = bench.ecr_as(bench.in_role(PARTNER).await);
    let create = || {
        partner
            .create_pull_through_cache_rule()
            .ecr_repository_prefix("cache")
            .upstream_registry_url("123456789012.dkr.ecr.eu-central-1.amazonaws.com")
    };
    assert_eq!(
        code_of(create()).await.as_deref(),
        Some("ValidationException"),
        "a role is needed"
    );
    create().custom_role_arn(PARTNER).send().await.unwrap();
    let validate = || async {
        let request = partner
            .validate_pull_through_cache_rule()
            .ecr_repository_prefix("cache");
        request.send().await.unwrap()
    };
    let get = || {
        let id = ImageIdentifier::builder().image_tag("1.0.0").build();
        let request = partner.batch_get_image().repository_name("cache/team/source");
        request.image_ids(id).send()
    };
    let refused = validate().await;
    assert!(!refused.is_valid());
    assert!(
        refused
            .failure()
            .is_some_and(|failure| failure.contains("not authorized"))
    );
    assert_eq!(api_error(get().await).0, "UnableToGetUpstreamImageException");
    let statement = json!({
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::210987654321:root"},
        "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
        "Resource": "arn:aws:ecr:eu-central-1:123456789012:repository/*",
    });
    bench
        .ecr()
        .put_registry_policy()
        .policy_text(json!({"Version": "2012-10-17", "Statement": [statement]}).to_string())
        .send()
        .await
        .unwrap();
    assert!(validate().await.is_valid());
    let answer = get().await.unwrap();
    assert_eq!(answer.images()[0].image_manifest(), Some(manifest.as_str()));
    let cached = partner
        .describe_repositories()
        .repository_names("cache/team/source")
        .send()
        .await
        .unwrap();
    let encryption = cached.repositories()[0].encryption_configuration().unwrap();
    assert_eq!(encryption.encryption_type(), &EncryptionType::Aes256);
}

#[tokio::test]
async fn registries_outside_cannot_be_reached() {
    let bench = Bench::start().await;
    rule(&bench, "quay", "quay.io").send().await.unwrap();
    assert_eq!(
        pull(&bench.registry().await, "quay/some/image", "1.0.0").await,
        Err((404, "MANIFEST_UNKNOWN".to_owned()))
    );
    let get = bench
        .ecr()
        .batch_get_image()
        .repository_name("quay/some/image")
        .image_ids(ImageIdentifier::builder().image_tag("1.0.0").build())
        .send()
        .await;
    assert_eq!(api_error(get).0, "UnableToGetUpstreamImageException");
    let valid = bench
        .ecr()
        .validate_pull_through_cache_rule()
        .ecr_repository_prefix("quay")
        .send()
        .await
        .unwrap();
    assert!(!valid.is_valid());
}

#[tokio::test]
async fn each_upstream_has_its_own_requirements() {
    let bench = Bench::start().await;
    let elsewhere = SECRET.replace("eu-central-1", "us-east-1");
    for (number, (url, secret, code)) in [
        ("public.ecr.aws", None, None),
        ("registry.k8s.io", None, None),
        ("https://quay.io", None, None),
        ("public.ecr.aws", Some(SECRET), Some("ValidationException")),
        ("registry-1.docker.io", None, Some("ValidationException")),
        ("registry-1.docker.io", Some(SECRET), None),
        ("ghcr.io", Some(SECRET), None),
        ("ghcr.io", Some(elsewhere.as_str()), Some("ValidationException")),
        ("registry.gitlab.com", Some(SECRET), None),
        ("custom.azurecr.io", Some(SECRET), None),
        ("cgr.dev", Some(SECRET), None),
        (
            "ghcr.io",
            Some("arn:aws:secretsmanager:eu-central-1:123456789012:secret:login-AbCdEf"),
            Some("InvalidParameterException"),
        ),
        ("docker.io", None, Some("UnsupportedUpstreamRegistryException")),
        (".azurecr.io", None, Some("UnsupportedUpstreamRegistryException")),
        (
            "127.0.0.1:5000",
            None,
            Some("UnsupportedUpstreamRegistryException"),
        ),
        (
            "123456789012.dkr.ecr.eu-central-1.amazonaws.com",
            None,
            Some("ValidationException"),
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let request =
            rule(&bench, &format!("prefix-{number}"), url).set_credential_arn(secret.map(str::to_owned));
        assert_eq!(code_of(request).await.as_deref(), code, "{url} {secret:?}");
    }
    let named = rule(&bench, "other", "quay.io").upstream_registry(UpstreamRegistry::K8s);
    assert_eq!(code_of(named).await.as_deref(), Some("ValidationException"));
    let role = rule(&bench, "other", "quay.io").custom_role_arn(PULLER);
    assert_eq!(code_of(role).await.as_deref(), Some("ValidationException"));
    let short = rule(&bench, "a", "quay.io");
    assert_eq!(code_of(short).await.as_deref(), Some("InvalidParameterException"));
}

#[tokio::test]
async fn rules_are_changed_listed_and_deleted() {
    let bench = Bench::start().await;
    for prefix in ["aa", "bb", "cc"] {
        rule(&bench, prefix, "quay.io").send().await.unwrap();
    }
    assert_eq!(
        code_of(rule(&bench, "aa/", "public.ecr.aws")).await.as_deref(),
        Some("PullThroughCacheRuleAlreadyExistsException")
    );
    let list = |token: Option<String>| {
        let request = bench.ecr().describe_pull_through_cache_rules();
        async move { request.max_results(2).set_next_token(token).send().await.unwrap() }
    };
    let first = list(None).await;
    let second = list(first.next_token.clone()).await;
    let prefixes: Vec<_> = first
        .pull_through_cache_rules()
        .iter()
        .chain(second.pull_through_cache_rules())
        .filter_map(|rule| rule.ecr_repository_prefix())
        .collect();
    assert_eq!(prefixes, ["aa", "bb", "cc"]);
    let secret = || {
        let request = bench.ecr().update_pull_through_cache_rule();
        request.ecr_repository_prefix("aa").credential_arn(SECRET).send()
    };
    assert_eq!(api_error(secret().await).0, "ValidationException");
    rule(&bench, "hub", "registry-1.docker.io")
        .credential_arn(SECRET)
        .send()
        .await
        .unwrap();
    let other = SECRET.replace("login", "other");
    let changed = bench
        .ecr()
        .update_pull_through_cache_rule()
        .ecr_repository_prefix("hub")
        .credential_arn(&other)
        .send()
        .await
        .unwrap();
    assert_eq!(changed.credential_arn(), Some(other.as_str()));
    let delete = || {
        let request = bench.ecr().delete_pull_through_cache_rule();
        request.ecr_repository_prefix("aa").send()
    };
    assert_eq!(delete().await.unwrap().upstream_registry_url(), Some("quay.io"));
    assert_eq!(
        api_error(delete().await).0,
        "PullThroughCacheRuleNotFoundException"
    );
    let missing = bench
        .ecr()
        .describe_pull_through_cache_rules()
        .ecr_repository_prefixes("aa")
        .send()
        .await;
    assert_eq!(api_error(missing).0, "PullThroughCacheRuleNotFoundException");
}
