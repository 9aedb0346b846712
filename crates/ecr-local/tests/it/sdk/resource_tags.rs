//! Tags of repositories.

use aws_sdk_ecr::types::Tag;

use crate::bench::{Bench, api_error};

const ARN: &str = "arn:aws:ecr:eu-central-1:123456789012:repository/team/app";

fn tag(key: &str, value: &str) -> Tag {
    Tag::builder().key(key).value(value).build().unwrap()
}

/// The repository's tags, as `key=value`.
async fn tags(bench: &Bench) -> Vec<String> {
    let listed = bench
        .ecr()
        .list_tags_for_resource()
        .resource_arn(ARN)
        .send()
        .await
        .unwrap();
    listed
        .tags()
        .iter()
        .map(|tag| format!("{}={}", tag.key(), tag.value()))
        .collect()
}

#[tokio::test]
async fn tags_are_put_replaced_and_removed() {
    let bench = Bench::start().await;
    let put = async |tags: &[Tag]| {
        let tags = Some(tags.to_vec());
        bench
            .ecr()
            .tag_resource()
            .resource_arn(ARN)
            .set_tags(tags)
            .send()
            .await
            .unwrap();
    };
    put(&[tag("team", "one"), tag("cost center", "4/2 @a")]).await;
    put(&[tag("team", "two")]).await;
    assert_eq!(tags(&bench).await, ["cost center=4/2 @a", "team=two"]);
    bench
        .ecr()
        .untag_resource()
        .resource_arn(ARN)
        .tag_keys("team")
        .tag_keys("missing")
        .send()
        .await
        .unwrap();
    assert_eq!(tags(&bench).await, ["cost center=4/2 @a"]);
}

#[tokio::test]
async fn tags_have_their_limits_also_at_creation() {
    let bench = Bench::start().await;
    let (ecr, many) = (bench.ecr(), |count: usize| -> Vec<Tag> {
        (0..count)
            .map(|number| tag(&format!("key-{number}"), "x"))
            .collect()
    });
    let put = async |tags: Vec<Tag>| {
        let put = ecr.tag_resource().resource_arn(ARN).set_tags(Some(tags));
        api_error(put.send().await).0
    };
    let create = async |tags: Vec<Tag>| {
        let create = ecr
            .create_repository()
            .repository_name("team/new")
            .set_tags(Some(tags));
        api_error(create.send().await).0
    };
    for (tags, expected) in [
        (many(51), "TooManyTagsException"),
        (vec![tag("aws:team", "x")], "InvalidTagParameterException"),
        (vec![tag("AWS:team", "x")], "InvalidTagParameterException"),
        (vec![tag("", "x")], "InvalidTagParameterException"),
        (vec![tag(&"k".repeat(129), "x")], "InvalidTagParameterException"),
        (vec![tag("k", &"v".repeat(257))], "InvalidTagParameterException"),
        (vec![tag("k#", "x")], "InvalidTagParameterException"),
        (vec![tag("k", "1"), tag("k", "2")], "InvalidTagParameterException"),
    ] {
        assert_eq!(put(tags.clone()).await, expected);
        assert_eq!(create(tags).await, expected);
    }
    assert_eq!(tags(&bench).await, [""; 0]);
    ecr.tag_resource()
        .resource_arn(ARN)
        .set_tags(Some(many(50)))
        .send()
        .await
        .unwrap();
    assert_eq!(put(vec![tag("one more", "x")]).await, "TooManyTagsException");
    assert_eq!(tags(&bench).await.len(), 50);
}

#[tokio::test]
async fn only_repositories_of_this_region_have_tags() {
    let bench = Bench::start().await;
    let list = async |arn: &str| {
        let list = bench.ecr().list_tags_for_resource().resource_arn(arn);
        api_error(list.send().await)
    };
    for arn in [
        "arn:aws:ecr:eu-west-1:123456789012:repository/team/app",
        "arn:aws:s3:::bucket",
        "arn:aws:ecr:eu-central-1:123456789012:repository/Team",
        "team/app",
    ] {
        let (code, message) = list(arn).await;
        assert_eq!(code, "InvalidParameterException", "{arn}: {message}");
    }
    assert_eq!(
        list("arn:aws:ecr:eu-central-1:123456789012:repository/team/missing")
            .await
            .0,
        "RepositoryNotFoundException"
    );
}
