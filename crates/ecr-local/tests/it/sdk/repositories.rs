//! Repositories.

use aws_sdk_ecr::types::{
    ImageTagMutability, ImageTagMutabilityExclusionFilter, ImageTagMutabilityExclusionFilterType,
};

use crate::bench::{ACCOUNT, Bench, REGION, REPOSITORY, Scope, api_error};

fn filter(text: &str) -> ImageTagMutabilityExclusionFilter {
    ImageTagMutabilityExclusionFilter::builder()
        .filter_type(ImageTagMutabilityExclusionFilterType::Wildcard)
        .filter(text)
        .build()
        .unwrap()
}

#[tokio::test]
async fn a_repository_is_described_as_it_was_made() {
    let bench = Bench::start().await;
    let ecr = bench.ecr();
    ecr.create_repository()
        .repository_name("team/other")
        .image_tag_mutability(ImageTagMutability::ImmutableWithExclusion)
        .image_tag_mutability_exclusion_filters(filter("latest"))
        .image_tag_mutability_exclusion_filters(filter("dev-*"))
        .send()
        .await
        .unwrap();
    let described = ecr
        .describe_repositories()
        .repository_names("team/other")
        .send()
        .await
        .unwrap();
    let repository = &described.repositories()[0];
    assert_eq!(repository.registry_id(), Some(ACCOUNT));
    assert_eq!(
        repository.repository_arn(),
        Some("arn:aws:ecr:eu-central-1:123456789012:repository/team/other")
    );
    assert_eq!(
        repository.repository_uri(),
        Some(format!("{}/team/other", bench.local.registry_host()).as_str())
    );
    assert_eq!(
        repository.image_tag_mutability(),
        Some(&ImageTagMutability::ImmutableWithExclusion)
    );
    assert_eq!(
        repository.image_tag_mutability_exclusion_filters(),
        [filter("latest"), filter("dev-*")]
    );
}

#[tokio::test]
async fn names_that_are_taken_missing_or_illegal_are_told() {
    let bench = Bench::start().await;
    let ecr = bench.ecr();
    let create = |name: &str| ecr.create_repository().repository_name(name).send();
    assert_eq!(
        api_error(create(REPOSITORY).await),
        (
            "RepositoryAlreadyExistsException".to_owned(),
            "The repository with name 'team/app' already exists in the registry with id '123456789012'"
                .to_owned()
        )
    );
    assert_eq!(
        api_error(
            ecr.describe_repositories()
                .repository_names("team/missing")
                .send()
                .await
        ),
        (
            "RepositoryNotFoundException".to_owned(),
            "The repository with name 'team/missing' does not exist in the registry with id '123456789012'"
                .to_owned()
        )
    );
    assert_eq!(api_error(create("Team/App").await).0, "InvalidParameterException");
}

#[tokio::test]
async fn exclusion_filters_go_only_with_the_settings_that_have_them() {
    let bench = Bench::start().await;
    let ecr = bench.ecr();
    let set = |setting: ImageTagMutability, filters: Option<Vec<ImageTagMutabilityExclusionFilter>>| {
        ecr.put_image_tag_mutability()
            .repository_name(REPOSITORY)
            .image_tag_mutability(setting)
            .set_image_tag_mutability_exclusion_filters(filters)
            .send()
    };
    for (setting, filters) in [
        (ImageTagMutability::Immutable, Some(vec![filter("latest")])),
        (ImageTagMutability::ImmutableWithExclusion, None),
        (
            ImageTagMutability::MutableWithExclusion,
            Some(vec![filter("a*b*c*")]),
        ),
        (
            ImageTagMutability::ImmutableWithExclusion,
            Some(vec![filter("a"); 6]),
        ),
        (ImageTagMutability::from("SOMETIMES"), None),
    ] {
        let refused = api_error(set(setting.clone(), filters).await);
        assert_eq!(refused.0, "InvalidParameterException", "{setting}");
    }
    let kept = set(ImageTagMutability::MutableWithExclusion, Some(vec![filter("v*")]))
        .await
        .unwrap();
    assert_eq!(
        kept.image_tag_mutability(),
        Some(&ImageTagMutability::MutableWithExclusion)
    );
    assert_eq!(kept.image_tag_mutability_exclusion_filters(), [filter("v*")]);
}

#[tokio::test]
async fn pages_list_every_repository_once() {
    let bench = Bench::start().await;
    let ecr = bench.ecr();
    for number in 0..5 {
        ecr.create_repository()
            .repository_name(format!("page/{number}"))
            .send()
            .await
            .unwrap();
    }
    let names: Vec<String> = ecr
        .describe_repositories()
        .max_results(2)
        .into_paginator()
        .items()
        .send()
        .collect::<Result<Vec<_>, _>>()
        .await
        .unwrap()
        .into_iter()
        .filter_map(|repository| repository.repository_name)
        .collect();
    assert_eq!(
        names,
        ["page/0", "page/1", "page/2", "page/3", "page/4", "team/app"]
    );
}

#[tokio::test]
async fn a_repository_with_images_is_deleted_by_force_alone() {
    let bench = Bench::start().await;
    bench.registry().await.image(REPOSITORY, "1.0.0", "one").await;
    let delete = |force| {
        bench
            .ecr()
            .delete_repository()
            .repository_name(REPOSITORY)
            .force(force)
            .send()
    };
    assert_eq!(api_error(delete(false).await).0, "RepositoryNotEmptyException");
    delete(true).await.unwrap();
    assert_eq!(api_error(delete(true).await).0, "RepositoryNotFoundException");
}

#[tokio::test]
async fn what_is_no_operation_is_unknown() {
    let bench = Bench::start().await;
    let scope = Scope {
        credentials: bench.administrator(),
        region: REGION,
        service: "ecr",
        shift: 0,
    };
    let target = "AmazonEC2ContainerRegistry_V20150921.MakeTea";
    let (status, answer) = bench.signed(&scope, target, "{}", "{}").await;
    assert_eq!(
        (status, &answer["__type"]),
        (400, &"UnknownOperationException".into())
    );
}
