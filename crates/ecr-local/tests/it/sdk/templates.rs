//! Repository creation templates, and the repositories that pushes make by them.

use aws_sdk_ecr::types::{
    EncryptionConfigurationForRepositoryCreationTemplate, EncryptionType, ImageTagMutability,
    ImageTagMutabilityExclusionFilter, ImageTagMutabilityExclusionFilterType, RctAppliedFor, Repository,
    RepositoryCreationTemplate, Tag,
};
use reqwest::{Method, StatusCode};

use crate::bench::{Bench, REPOSITORY, api_error, oci_error};

const ROLES: &str = r#"
Roles:
  - RoleName: creator
    AssumeRolePolicyDocument:
      Statement: {Effect: Allow, Principal: {AWS: "123456789012"}, Action: "sts:AssumeRole"}
    PolicyDocuments:
      - Statement:
          - Effect: Allow
            Action: [ "ecr:CreateRepository", "ecr:TagResource" ]
            Resource: "*"
  - RoleName: no-tags
    AssumeRolePolicyDocument:
      Statement: {Effect: Allow, Principal: {AWS: "123456789012"}, Action: "sts:AssumeRole"}
    PolicyDocuments:
      - Statement:
          - Effect: Allow
            Action: ecr:CreateRepository
            Resource: "*"
"#;

const CREATOR: &str = "arn:aws:iam::123456789012:role/creator";

type Request = aws_sdk_ecr::operation::create_repository_creation_template::builders::CreateRepositoryCreationTemplateFluentBuilder;

fn template(bench: &Bench, prefix: &str) -> Request {
    bench
        .ecr()
        .create_repository_creation_template()
        .prefix(prefix)
        .applied_for(RctAppliedFor::CreateOnPush)
}

async fn code_of(request: Request) -> String {
    api_error(request.send().await).0
}

async fn described(bench: &Bench, name: &str) -> Option<Repository> {
    let answer = bench
        .ecr()
        .describe_repositories()
        .repository_names(name)
        .send()
        .await;
    answer
        .ok()
        .and_then(|answer| answer.repositories().first().cloned())
}

fn tag(key: &str, value: &str) -> Tag {
    Tag::builder().key(key).value(value).build().unwrap()
}

/// Repository policies and lifecycle policies of templates are those of the repositories that they make.
#[tokio::test]
async fn a_template_gives_policies() {
    let bench = Bench::start().await;
    let policy = r#"{"Statement":{"Effect":"Allow","Principal":"*","Action":"ecr:BatchGetImage"}}"#;
    let lifecycle = r#"{"rules":[{"rulePriority":1,"selection":{"tagStatus":"any","countType":"imageCountMoreThan","countNumber":9},"action":{"type":"expire"}}]}"#;
    for (policy, lifecycle) in [("{}", lifecycle), (policy, "{}")] {
        let request = template(&bench, "prod")
            .repository_policy(policy)
            .lifecycle_policy(lifecycle);
        assert_eq!(code_of(request).await, "InvalidParameterException");
    }
    template(&bench, "prod")
        .repository_policy(policy)
        .lifecycle_policy(lifecycle)
        .send()
        .await
        .unwrap();
    bench.registry().await.image("prod/app", "1.0.0", "one").await;
    let ecr = bench.ecr();
    let found = ecr
        .get_repository_policy()
        .repository_name("prod/app")
        .send()
        .await
        .unwrap();
    assert_eq!(found.policy_text(), Some(policy));
    let found = ecr
        .get_lifecycle_policy()
        .repository_name("prod/app")
        .send()
        .await
        .unwrap();
    let text: serde_json::Value = serde_json::from_str(found.lifecycle_policy_text().unwrap()).unwrap();
    assert_eq!(text["rules"][0]["rulePriority"], 1);
}

#[tokio::test]
async fn a_push_makes_the_repository_that_a_template_is_for() {
    let bench = Bench::start().await;
    let registry = bench.registry().await;
    let start = |repository: &'static str| {
        let request = registry.request(Method::POST, &format!("{repository}/blobs/uploads/"));
        async move { request.send().await.unwrap() }
    };
    let (status, code, message) = oci_error(start("prod/app").await).await;
    assert_eq!(
        (status, code.as_str(), message.as_str()),
        (
            404,
            "NAME_UNKNOWN",
            "The repository with name 'prod/app' does not exist in the registry with id '123456789012'"
        )
    );
    let filter = ImageTagMutabilityExclusionFilter::builder()
        .filter_type(ImageTagMutabilityExclusionFilterType::Wildcard)
        .filter("dev-*")
        .build()
        .unwrap();
    template(&bench, "prod")
        .image_tag_mutability(ImageTagMutability::ImmutableWithExclusion)
        .image_tag_mutability_exclusion_filters(filter)
        .send()
        .await
        .unwrap();
    // To look at what is missing makes nothing.
    let head = registry.request(Method::HEAD, "prod/app/manifests/1.0.0");
    assert_eq!(head.send().await.unwrap().status(), StatusCode::NOT_FOUND);
    assert!(described(&bench, "prod/app").await.is_none());
    registry.image("prod/app", "1.0.0", "one").await;
    let made = described(&bench, "prod/app").await.unwrap();
    assert_eq!(
        made.image_tag_mutability(),
        Some(&ImageTagMutability::ImmutableWithExclusion)
    );
    assert_eq!(made.image_tag_mutability_exclusion_filters()[0].filter(), "dev-*");
    // A prefix ends before a `/`.
    for other in ["production/app", "prod"] {
        let answer = registry.request(Method::POST, &format!("{other}/blobs/uploads/"));
        assert_eq!(answer.send().await.unwrap().status(), StatusCode::NOT_FOUND);
    }
}

#[tokio::test]
async fn an_upload_and_an_image_of_the_api_are_pushes_too() {
    let bench = Bench::start().await;
    template(&bench, "ROOT").send().await.unwrap();
    let upload = bench.ecr().initiate_layer_upload().repository_name("by/upload");
    upload.send().await.unwrap();
    assert!(described(&bench, "by/upload").await.is_some());
    let manifest = bench.registry().await.image(REPOSITORY, "1.0.0", "one").await;
    let put = bench
        .ecr()
        .put_image()
        .repository_name("by/image")
        .image_manifest(manifest);
    assert_eq!(api_error(put.send().await).0, "LayersNotFoundException");
    assert!(described(&bench, "by/image").await.is_some());
}

#[tokio::test]
async fn the_longest_prefix_counts_whatever_it_is_applied_for() {
    let bench = Bench::start().await;
    let registry = bench.registry().await;
    template(&bench, "ROOT").send().await.unwrap();
    template(&bench, "team/")
        .image_tag_mutability(ImageTagMutability::Immutable)
        .send()
        .await
        .unwrap();
    bench
        .ecr()
        .create_repository_creation_template()
        .prefix("team/copies")
        .applied_for(RctAppliedFor::Replication)
        .send()
        .await
        .unwrap();
    for (name, mutability) in [
        ("other/app", Some(ImageTagMutability::Mutable)),
        ("team/new", Some(ImageTagMutability::Immutable)),
        ("team/copies/app", None),
    ] {
        let path = format!("{name}/blobs/uploads/");
        registry.request(Method::POST, &path).send().await.unwrap();
        let made = described(&bench, name).await;
        assert_eq!(
            made.and_then(|made| made.image_tag_mutability),
            mutability,
            "{name}"
        );
    }
}

#[tokio::test]
async fn tags_and_keys_need_a_role_that_may_set_them() {
    let bench = Bench::with_roles(ROLES).await;
    let registry = bench.registry().await;
    let kms = EncryptionConfigurationForRepositoryCreationTemplate::builder()
        .encryption_type(EncryptionType::Kms)
        .build()
        .unwrap();
    let owner = tag("owner", "team");
    let with_tags = |prefix| template(&bench, prefix).resource_tags(owner.clone());
    for (prefix, request, made) in [
        ("tagged", with_tags("tagged"), false),
        (
            "encrypted",
            template(&bench, "encrypted").encryption_configuration(kms.clone()),
            false,
        ),
        (
            "by-role",
            with_tags("by-role")
                .encryption_configuration(kms)
                .custom_role_arn(CREATOR),
            true,
        ),
        (
            "denied",
            with_tags("denied").custom_role_arn("arn:aws:iam::123456789012:role/no-tags"),
            false,
        ),
        (
            "missing",
            template(&bench, "missing").custom_role_arn("arn:aws:iam::123456789012:role/missing"),
            false,
        ),
    ] {
        request.send().await.unwrap();
        let path = format!("{prefix}/app/blobs/uploads/");
        let answer = registry.request(Method::POST, &path).send().await.unwrap();
        let expected = if made {
            StatusCode::ACCEPTED
        } else {
            StatusCode::NOT_FOUND
        };
        assert_eq!(answer.status(), expected, "{prefix}");
    }
    let made = described(&bench, "by-role/app").await.unwrap();
    let encryption = made.encryption_configuration().unwrap();
    assert_eq!(encryption.encryption_type(), &EncryptionType::Kms);
}

#[tokio::test]
async fn templates_are_changed_listed_and_deleted() {
    let bench = Bench::start().await;
    let made = template(&bench, "prod/")
        .description("first")
        .resource_tags(tag("a", "1"))
        .send()
        .await
        .unwrap()
        .repository_creation_template
        .unwrap();
    assert_eq!(made.prefix(), Some("prod"));
    assert_eq!(
        code_of(template(&bench, "prod")).await,
        "TemplateAlreadyExistsException"
    );
    bench.local.set_clock_offset(60);
    let changed = bench
        .ecr()
        .update_repository_creation_template()
        .prefix("prod")
        .image_tag_mutability(ImageTagMutability::Immutable)
        .resource_tags(tag("b", "2"))
        .send()
        .await
        .unwrap()
        .repository_creation_template
        .unwrap();
    assert_eq!(changed.description(), Some("first"));
    assert_eq!(
        changed.image_tag_mutability(),
        Some(&ImageTagMutability::Immutable)
    );
    assert_eq!(changed.resource_tags(), [tag("b", "2")]);
    assert_eq!(changed.created_at(), made.created_at());
    assert!(changed.updated_at() > made.updated_at());
    for prefix in ["dev", "ROOT", "test"] {
        template(&bench, prefix).send().await.unwrap();
    }
    let list = |token: Option<String>| {
        let request = bench.ecr().describe_repository_creation_templates();
        async move { request.max_results(3).set_next_token(token).send().await.unwrap() }
    };
    let prefixes = |templates: &[RepositoryCreationTemplate]| -> Vec<String> {
        templates.iter().filter_map(|one| one.prefix.clone()).collect()
    };
    let first = list(None).await;
    let second = list(first.next_token.clone()).await;
    let mut all = prefixes(first.repository_creation_templates());
    all.extend(prefixes(second.repository_creation_templates()));
    all.sort();
    assert_eq!(all, ["ROOT", "dev", "prod", "test"]);
    assert_eq!(second.next_token(), None);
    let delete = || {
        let request = bench.ecr().delete_repository_creation_template().prefix("prod");
        request.send()
    };
    let deleted = delete().await.unwrap().repository_creation_template.unwrap();
    assert_eq!(deleted.prefix(), Some("prod"));
    assert_eq!(api_error(delete().await).0, "TemplateNotFoundException");
}

#[tokio::test]
async fn what_a_template_cannot_be_is_refused() {
    let bench = Bench::start().await;
    let key = EncryptionConfigurationForRepositoryCreationTemplate::builder()
        .encryption_type(EncryptionType::Aes256)
        .kms_key("arn:aws:kms:eu-central-1:123456789012:key/a")
        .build()
        .unwrap();
    let none = bench
        .ecr()
        .create_repository_creation_template()
        .prefix("prod")
        .set_applied_for(Some(Vec::new()));
    for (request, code) in [
        (none, "ValidationException"),
        (
            template(&bench, "prod").encryption_configuration(key),
            "ValidationException",
        ),
        (
            template(&bench, "prod").custom_role_arn("arn:aws:iam::999999999999:role/creator"),
            "ValidationException",
        ),
        (
            template(&bench, "prod").image_tag_mutability(ImageTagMutability::MutableWithExclusion),
            "InvalidParameterException",
        ),
        (template(&bench, "root"), ""),
        (template(&bench, "Prod"), "InvalidParameterException"),
        (template(&bench, "/"), "InvalidParameterException"),
    ] {
        let result = request.send().await;
        let found = result.err().map(|error| api_error::<(), _, _>(Err(error)).0);
        assert_eq!(found.unwrap_or_default(), code);
    }
    let update = bench
        .ecr()
        .update_repository_creation_template()
        .prefix("missing")
        .send()
        .await;
    assert_eq!(api_error(update).0, "TemplateNotFoundException");
}
