//! Which images become one index, and which do not.

use std::path::PathBuf;

use super::*;
use crate::build::{BuildRequest, Places};
use crate::content::{OCI_CONFIG, OCI_MANIFEST};
use crate::error::{Diagnose as _, FailureKind};
use crate::facts::{CommitId, PlatformManifest, Unknown};

const COMMIT: &str = "1111111111111111111111111111111111111111";

fn revision() -> Revision {
    Revision {
        commit: CommitId::parse(COMMIT).unwrap(),
        is_dirty: false,
    }
}

fn request(target: Option<&str>, platforms: &[&str]) -> RequestHash {
    let build = BuildRequest {
        context: PathBuf::from("/src"),
        dockerfile: PathBuf::from("/src/Dockerfile"),
        target: target.map(str::to_owned),
        platforms: platforms
            .iter()
            .map(|one| Platform::parse(one).unwrap())
            .collect(),
        ..BuildRequest::default()
    };
    RequestHash::of(&build, &Places::default())
}

fn image(platform: &str, media_type: &str) -> ImagePart {
    let config = Descriptor::new(OCI_CONFIG, Digest::of(platform.as_bytes()), 9);
    let bytes = json!({ "schemaVersion": 2, "mediaType": media_type, "config": config, "layers": [] });
    let manifest = Manifest::new(media_type, bytes.to_string());
    let platform = Platform::parse(platform).unwrap();
    let facts = ImageFacts {
        revision: Some(COMMIT.to_owned()),
        request: Some(request(None, &[])),
        platforms: vec![PlatformManifest {
            platform,
            digest: manifest.digest(),
        }],
        ..ImageFacts::default()
    };
    ImagePart { manifest, facts }
}

fn merge(parts: &[ImagePart]) -> Result<MergedIndex, MergeError> {
    MergedIndex::of(parts, &revision(), &request(None, &[]), &[])
}

fn data(index: &MergedIndex) -> serde_json::Value {
    serde_json::from_slice(index.manifest().bytes()).unwrap()
}

#[test]
fn the_order_of_the_parts_makes_no_other_index() {
    let [arm, amd] = ["linux/arm64", "linux/amd64"].map(|platform| image(platform, OCI_MANIFEST));
    let one = merge(&[arm.clone(), amd.clone()]).unwrap();
    let other = merge(&[amd.clone(), arm.clone(), arm.clone()]).unwrap();
    assert_eq!(one.manifest(), other.manifest());
    let data = data(&one);
    assert_eq!(data["mediaType"], OCI_INDEX);
    assert_eq!(data["manifests"][0]["digest"], json!(amd.manifest.digest()));
    assert_eq!(
        data["manifests"][0]["platform"],
        json!({ "os": "linux", "architecture": "amd64" })
    );
    assert_eq!(data["manifests"][0]["size"], json!(amd.manifest.bytes().len()));
    assert_eq!(data["manifests"][1]["platform"]["architecture"], "arm64");
}

/// Source: Docker registry, "Image Manifest Version 2, Schema 2": a manifest list holds manifests of its own kind.
#[test]
fn images_of_dockers_kind_make_a_list_of_that_kind_unless_it_has_annotations() {
    let parts = ["linux/arm64", "linux/amd64"].map(|platform| image(platform, DOCKER_MANIFEST));
    let list = merge(&parts).unwrap();
    assert_eq!(list.manifest().media_type(), DOCKER_LIST);
    let annotations = Annotation::parse("index:org.example.a=b")
        .unwrap()
        .into_iter()
        .chain(Annotation::parse("manifest-descriptor[linux/arm64]:org.example.c=d").unwrap())
        .chain(Annotation::parse("org.example.of-the-parts=e").unwrap());
    let annotations: Vec<Annotation> = annotations.collect();
    let index = MergedIndex::of(&parts, &revision(), &request(None, &[]), &annotations).unwrap();
    let data = data(&index);
    assert_eq!(data["mediaType"], OCI_INDEX);
    assert_eq!(data["annotations"], json!({ "org.example.a": "b" }));
    assert_eq!(data["manifests"][0].get("annotations"), None);
    assert_eq!(
        data["manifests"][1]["annotations"],
        json!({ "org.example.c": "d" })
    );
}

#[test]
fn attestations_of_a_part_stand_behind_all_images() {
    let amd = image("linux/amd64", OCI_MANIFEST);
    let statement = Descriptor {
        platform: Some(Platform::parse("unknown/unknown").unwrap()),
        annotations: BTreeMap::from([
            (
                "vnd.docker.reference.type".to_owned(),
                "attestation-manifest".to_owned(),
            ),
            (
                "vnd.docker.reference.digest".to_owned(),
                amd.manifest.digest().to_string(),
            ),
        ]),
        ..Descriptor::new(OCI_MANIFEST, Digest::of(b"statement"), 7)
    };
    let entry = Descriptor {
        platform: Some(amd.facts.platforms[0].platform.clone()),
        ..Descriptor::new(
            OCI_MANIFEST,
            amd.manifest.digest(),
            amd.manifest.bytes().len() as u64,
        )
    };
    let with_statement = ImagePart {
        manifest: super::index(&[entry, statement.clone()], &BTreeMap::new()),
        facts: amd.facts.clone(),
    };
    let index = merge(&[with_statement, image("linux/arm64", OCI_MANIFEST)]).unwrap();
    let data = data(&index);
    let order: Vec<_> = (0..3)
        .map(|entry| data["manifests"][entry]["digest"].clone())
        .collect();
    assert_eq!(order[0], json!(amd.manifest.digest()));
    assert_eq!(order[2], json!(statement.digest));
    assert_eq!(data["manifests"][2]["annotations"], json!(statement.annotations));
    assert_eq!(index.platforms().len(), 2);
}

#[test]
fn what_is_of_another_commit_request_or_platform_is_named() {
    let amd = image("linux/amd64", OCI_MANIFEST);
    let arm = image("linux/arm64", OCI_MANIFEST);
    let changed = |change: &dyn Fn(&mut ImageFacts)| {
        let mut part = amd.clone();
        change(&mut part.facts);
        merge(&[part, arm.clone()]).unwrap_err()
    };
    let other = "2".repeat(40);
    let cases = [
        (
            changed(&|facts| facts.revision = Some(other.clone())),
            format!("is of commit {other}, and not of commit {COMMIT}"),
        ),
        (
            changed(&|facts| facts.revision = Some(format!("{COMMIT}-dirty"))),
            format!("{COMMIT}-dirty, and not"),
        ),
        (
            changed(&|facts| facts.revision = None),
            "is of no commit that it names".to_owned(),
        ),
        (
            changed(&|facts| facts.request = None),
            "does not say what it was built from".to_owned(),
        ),
        (
            changed(&|facts| facts.request = Some(request(Some("debug"), &[]))),
            "was built with other `target`".to_owned(),
        ),
        (
            changed(&|facts| facts.platforms.clear()),
            "says no platform".to_owned(),
        ),
        (
            changed(&|facts| facts.platforms[0].platform = Platform::parse("linux/arm64/v8").unwrap()),
            "is there twice".to_owned(),
        ),
    ];
    for (error, expected) in cases {
        assert!(error.to_string().contains(&expected), "{error}");
        assert_eq!(error.kind(), FailureKind::Usage);
        assert!(error.hint().is_some());
    }
    let unread = changed(&|facts| {
        facts.unread = Some(Unknown::NotPermitted {
            action: "ecr:GetDownloadUrlForLayer".to_owned(),
        });
    });
    assert!(
        unread.to_string().contains("`ecr:GetDownloadUrlForLayer`"),
        "{unread}"
    );
}

#[test]
fn platforms_that_are_asked_for_must_be_there_and_no_others() {
    let parts = ["linux/arm64/v8", "linux/amd64"].map(|platform| image(platform, OCI_MANIFEST));
    let of = |platforms: &[&str]| MergedIndex::of(&parts, &revision(), &request(None, platforms), &[]);
    assert!(of(&["linux/amd64", "linux/arm64"]).is_ok());
    assert_eq!(
        of(&["linux/amd64", "linux/arm/v7"]).unwrap_err().to_string(),
        "the images are not of the `platforms` that are asked for: linux/arm/v7 is missing, linux/arm64/v8 is not among them"
    );
}

#[test]
fn what_several_builders_pushed_is_one_index_as_one_builder_writes_it() {
    let platforms = |texts: &[&str]| -> Vec<Platform> {
        texts.iter().map(|text| Platform::parse(text).unwrap()).collect()
    };
    let manifest = |name: &str| image(name, OCI_MANIFEST).manifest;
    let arm = (manifest("linux/arm64"), platforms(&["linux/arm64/v8"]));
    // A share that is an index: an image with its attestation.
    let descriptor = |manifest: &Manifest| {
        Descriptor::new(
            manifest.media_type(),
            manifest.digest(),
            manifest.bytes().len() as u64,
        )
    };
    let (amd, statement) = (manifest("linux/amd64"), manifest("linux/statement"));
    let mut attestation = descriptor(&statement);
    attestation.annotations = BTreeMap::from([(
        "vnd.docker.reference.type".to_owned(),
        "attestation-manifest".to_owned(),
    )]);
    let entry = Descriptor {
        platform: platforms(&["linux/amd64"]).pop(),
        ..descriptor(&amd)
    };
    let index = index(&[entry, attestation], &BTreeMap::new());
    let amd = (index, platforms(&["linux/amd64"]));

    let annotations = Annotation::parse("index:a=b").unwrap();
    let merged = index_of_parts(&[arm.clone(), amd.clone()], &annotations).unwrap();
    assert_eq!(merged, index_of_parts(&[amd, arm.clone()], &annotations).unwrap());
    let Content::Index(read) = merged.content().unwrap() else {
        panic!("it is an index")
    };
    let shown: Vec<(Option<String>, bool)> = read
        .manifests
        .iter()
        .map(|entry| {
            let platform = entry.platform.as_ref().map(ToString::to_string);
            (platform, entry.is_about_another())
        })
        .collect();
    // BuildKit writes `linux/arm64` for an image that was asked for as `linux/arm64/v8`.
    assert_eq!(
        shown,
        [
            (Some("linux/amd64".to_owned()), false),
            (Some("linux/arm64".to_owned()), false),
            (None, true)
        ]
    );
    let json: serde_json::Value = serde_json::from_slice(merged.bytes()).unwrap();
    assert_eq!(json["annotations"]["a"], "b");

    // Two builders that both claim a platform, with different images.
    let other = (manifest("linux/other"), platforms(&["linux/arm64"]));
    assert!(matches!(
        index_of_parts(&[arm, other], &[]),
        Err(MergeError::PlatformTwice { .. })
    ));
}
