//! Listings: tags, labels and names.

use super::*;

fn listed(run: &Run, raw: RawLists<'_>) -> Listing {
    Listing::new(raw, &run.context()).unwrap()
}

fn lines(labels: &[Label]) -> Vec<String> {
    labels
        .iter()
        .map(|label| format!("{}={}", label.name, label.value))
        .collect()
}

#[test]
fn the_json_form_holds_everything() {
    let run = Run::with_payload(
        Mode::Strict,
        "push",
        "refs/tags/v1.2.3",
        &format!(r#"{{"head_commit": {{"id": "{COMMIT}", "timestamp": "2020-01-10T01:30:00+01:00"}}}}"#),
    );
    let listing = listed(
        &run,
        RawLists {
            images: "user/app\nname=ghcr.io/user/app\nname=other/app,enable=false",
            tags: "type=semver,pattern={{version}}\ntype=schedule",
            ..RawLists::default()
        },
    );
    insta::assert_json_snapshot!(listing);
}

/// Source: the action's documentation, "JSON output object" and "Overwrite labels and annotations".
#[test]
fn the_compatible_labels_are_all_eight_and_those_of_the_user() {
    let run = Run::push(Mode::MetadataAction, "heads/it's");
    let listing = listed(
        &run,
        RawLists {
            tags: "type=ref,event=branch",
            labels: "org.opencontainers.image.title=Other=x\nmaintainer={{branch}}\nno equals sign\nZ=1\na-b=2\na.b=3\nA=4\na=5\naB=6\nAb=7\nab=8\n\"a_=9,x\"",
            ..RawLists::default()
        },
    );
    assert_eq!(
        lines(&listing.labels),
        [
            "a=5",
            "A=4",
            "a_=9,x",
            "a-b=2",
            "a.b=3",
            "ab=8",
            "aB=6",
            "Ab=7",
            "maintainer=it&#x27;s",
            "org.opencontainers.image.created=2020-01-10T00:30:00.000Z",
            "org.opencontainers.image.description=This your first repo!",
            "org.opencontainers.image.licenses=MIT",
            "org.opencontainers.image.revision=860c1904a1ce19322e91ac35af1ab07466440c37",
            "org.opencontainers.image.source=https://github.com/octocat/Hello-World",
            "org.opencontainers.image.title=Other=x",
            "org.opencontainers.image.url=https://github.com/octocat/Hello-World",
            "org.opencontainers.image.version=it-s",
            "Z=1",
        ]
    );
    assert_eq!(listing.tags, ["it-s"]);
    let empty = listed(&Run::new(Mode::MetadataAction, "", ""), RawLists::default());
    assert_eq!(
        (empty.version.as_str(), empty.tags.len(), empty.labels.len()),
        ("", 0, 8)
    );
}

#[test]
fn the_strict_labels_leave_out_what_is_unknown() {
    let mut run = Run::push(Mode::Strict, "heads/it's");
    run.repository = RepositoryInfo {
        license: Some(License {
            spdx_id: Some("NOASSERTION".to_owned()),
        }),
        ..RepositoryInfo::default()
    };
    run.version = Version::parse("1.2.3+b.5").ok();
    let listing = listed(
        &run,
        RawLists {
            annotations: "maintainer={{branch}}",
            ..RawLists::default()
        },
    );
    assert_eq!(
        lines(&listing.labels),
        [
            "org.opencontainers.image.revision=860c1904a1ce19322e91ac35af1ab07466440c37",
            "org.opencontainers.image.version=1.2.3+b.5",
        ]
    );
    assert_eq!(listing.version, "1.2.3_b.5");
    assert_eq!(
        lines(&listing.annotations).first().map(String::as_str),
        Some("maintainer=it's")
    );
}

/// What an image is recognised by, and when it was made, is for Tagship alone to say.
#[test]
fn an_image_that_is_made_tells_its_commit_in_both_modes() {
    let version = Version::parse("1.2.3").unwrap();
    let hash = format!("v1:{}-", "0123456789abcdef.".repeat(7));
    let request = crate::build::RequestHash::parse(&hash).unwrap();
    let image_labels = |version| ImageLabels {
        version,
        request: &request,
        created: "2026-11-20T10:00:00Z".parse().unwrap(),
    };
    let labels = |run: &Run, own: &str, version| {
        let raw = RawLists {
            tags: "type=ref,event=branch",
            labels: own,
            ..RawLists::default()
        };
        let lists = raw.read(run.mode).unwrap();
        let made = lists.evaluate(&run.context()).unwrap();
        lists
            .labels(&made, Some(image_labels(version)), &run.context())
            .map(|labels| lines(&labels))
            .map_err(|error| error.to_string())
    };
    let mut strict = Run::push(Mode::Strict, "heads/main");
    strict.is_dirty = true;
    strict.repository = RepositoryInfo::default();
    let revision = format!("org.opencontainers.image.revision={COMMIT}-dirty");
    let created = "org.opencontainers.image.created=2026-11-20T10:00:00Z";
    let request_label = format!("io.github.tagship.request={hash}");
    assert_eq!(
        labels(&strict, "", Some(&version)).unwrap(),
        [
            request_label.as_str(),
            created,
            revision.as_str(),
            "org.opencontainers.image.version=1.2.3"
        ]
    );
    assert_eq!(
        labels(&strict, "", None).unwrap(),
        [request_label.as_str(), created, revision.as_str()]
    );
    let compatible = Run::push(Mode::MetadataAction, "heads/main");
    let made = labels(&compatible, "org.opencontainers.image.title=Mine", None).unwrap();
    for expected in [
        "org.opencontainers.image.created=2026-11-20T10:00:00.000Z",
        "org.opencontainers.image.title=Mine",
        "org.opencontainers.image.version=main",
    ] {
        assert!(made.iter().any(|label| label == expected), "{made:?}");
    }
    for run in [strict, compatible] {
        assert_eq!(
            labels(&run, "a=1\norg.opencontainers.image.{{branch}}version=2", None).map(|_| ()),
            Ok(()),
            "`mainversion` is another label"
        );
        assert_eq!(
            labels(&run, "a=1\norg.opencontainers.image.{{base_ref}}version=2", None).unwrap_err(),
            "`labels`: line 2, column 1: label `org.opencontainers.image.version` is Tagship's own: a second run \
             recognises the image by it"
        );
    }
}

#[test]
fn what_is_wrong_names_its_list() {
    let run = Run::push(Mode::Strict, "heads/main");
    for (raw, expected) in [
        (
            RawLists {
                images: "A b",
                ..RawLists::default()
            },
            "`images`: line 1, column 1: `a b` is not an image name",
        ),
        (
            RawLists {
                tags: "x\ntype=y",
                ..RawLists::default()
            },
            "`tags`: line 2, column 6: there is no tag type `y`",
        ),
        (
            RawLists {
                flavor: "latest=x",
                ..RawLists::default()
            },
            "`flavor`: line 1, column 8: `latest` is `x`",
        ),
        (
            RawLists {
                labels: "a=1\n\n b",
                ..RawLists::default()
            },
            "`labels`: line 3, column 2: a label is `name=value`",
        ),
        (
            RawLists {
                annotations: "a={{version}}",
                ..RawLists::default()
            },
            "`annotations`: line 1, column 3: there is no variable `version` here",
        ),
    ] {
        let message = Listing::new(raw, &run.context()).unwrap_err().to_string();
        assert!(message.starts_with(expected), "{message}");
    }
}
