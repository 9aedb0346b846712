//! Moving tags: what they hang on is read, and read again before they are put.

use super::*;

fn commit(number: u8) -> String {
    format!("{number:02x}").repeat(20)
}

const LINES: [&str; 4] = [
    "type=semver",
    "type=semver,pattern={{major}}.{{minor}}",
    "type=semver,pattern={{major}}",
    "latest",
];

/// A run of a version, of a commit of its own.
fn version(version: &str) -> Run {
    let number = version
        .bytes()
        .fold(0u8, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte));
    Run::new(&commit(number), Some(version), &LINES, version)
}

fn outcomes(report: &Report) -> Vec<String> {
    report
        .tags
        .iter()
        .map(|tag| format!("{} {}", tag.tag, tag.outcome.as_str()))
        .collect()
}

fn reason(report: &Report, tag: &str) -> String {
    let tag = report
        .tags
        .iter()
        .find(|known| known.tag.as_str() == tag)
        .unwrap();
    tag.reason.as_ref().map(ToString::to_string).unwrap_or_default()
}

async fn shipped(run: &Run, registry: &Memory) -> Report {
    let (result, report) = run.ship(registry).await;
    result.unwrap();
    report
}

#[tokio::test]
async fn a_patch_of_an_older_line_moves_its_own_line_only() {
    let registry = Memory::new(Mutability::Mutable);
    for older in ["1.2.8", "1.3.0"] {
        shipped(&version(older), &registry).await;
    }
    let report = shipped(&version("1.2.9"), &registry).await;
    assert_eq!(
        outcomes(&report),
        ["1.2.9 created", "1.2 moved", "1 held", "latest held"]
    );
    assert_eq!(registry.tag("1.2"), registry.tag("1.2.9"));
    assert_eq!(registry.tag("1"), registry.tag("1.3.0"));
    assert_eq!(registry.tag("latest"), registry.tag("1.3.0"));
}

#[tokio::test]
async fn a_version_that_is_only_in_the_registry_keeps_missing_tags_missing() {
    let registry = Memory::new(Mutability::Mutable);
    let only_release = Run::new(&commit(1), Some("1.3.0"), &["type=semver"], "a");
    shipped(&only_release, &registry).await;
    let report = shipped(&version("1.2.9"), &registry).await;
    assert_eq!(
        outcomes(&report),
        ["1.2.9 created", "1.2 created", "1 held", "latest held"]
    );
    assert_eq!((registry.tag("1"), registry.tag("latest")), (None, None));
    let reason = reason(&report, "latest");
    assert!(
        reason.contains("1.3.0") && reason.contains("registry"),
        "{reason}"
    );
}

#[tokio::test]
async fn the_tags_are_listed_only_where_a_decision_hangs_on_them() {
    let lists = |registry: &Memory| {
        let requests = registry.requests();
        requests.iter().filter(|name| *name == "list").count()
    };
    let registry = Memory::new(Mutability::Mutable);
    // Once for the plan, and once before the tags are put.
    shipped(&version("1.3.0"), &registry).await;
    assert_eq!(lists(&registry), 2);
    shipped(&version("1.3.0"), &registry).await;
    assert_eq!(lists(&registry), 2, "all tags are right already");
    let late = Run {
        past: FixedHistory {
            git_tags: GitTags {
                names: vec!["v1.2.9".to_owned(), "v1.3.0".to_owned()],
                is_shallow: false,
            },
            ..FixedHistory::default()
        },
        ..Run::new(&commit(9), Some("1.2.9"), &["type=semver", "latest"], "late")
    };
    let report = shipped(&late, &registry).await;
    assert_eq!(outcomes(&report), ["1.2.9 created", "latest held"]);
    assert_eq!(lists(&registry), 2, "git and the image's label tell enough");
    let branch = Run::new(
        &commit(10),
        None,
        &["type=sha", "type=ref,event=branch"],
        "branch",
    );
    shipped(&branch, &registry).await;
    assert_eq!(lists(&registry), 2, "a branch has no versions");
}

#[tokio::test]
async fn a_greater_version_that_comes_between_plan_and_write_is_seen() {
    let older = version("1.2.9");
    let whole = Memory::new(Mutability::Mutable);
    shipped(&older, &whole).await;
    let first_moving = whole
        .requests()
        .iter()
        .position(|name| name == "put 1.2")
        .unwrap();
    let (_, _, greater) = blobs("rival", &commit(7), Some("1.3.0"));
    for after in 0..first_moving {
        let registry = Memory::new(Mutability::Mutable);
        let (layer, config, _) = blobs("rival", &commit(7), Some("1.3.0"));
        {
            let mut state = registry.state.lock().unwrap();
            state.blobs.insert(Digest::of(&layer), layer);
            state.blobs.insert(Digest::of(&config), config);
            state.rival = Some(ConcurrentPush {
                after,
                tag: Tag::parse("1.3.0").unwrap(),
                manifest: greater.clone(),
            });
        }
        let report = shipped(&older, &registry).await;
        let listed = whole.requests().iter().rposition(|name| name == "list").unwrap();
        // Between the last look and the write lies no other request.
        let expected = if after <= listed {
            ["1 held", "latest held"]
        } else {
            ["1 created", "latest created"]
        };
        assert_eq!(outcomes(&report)[2..], expected, "request {after}");
        assert_eq!(outcomes(&report)[..2], ["1.2.9 created", "1.2 created"]);
    }
}

#[tokio::test]
async fn who_may_not_list_decides_by_git_and_without_either_moves_nothing() {
    for (is_shallow, outcome) in [(false, "latest created"), (true, "latest held")] {
        let registry = Memory::new(Mutability::Mutable);
        registry.state.lock().unwrap().is_list_refused = true;
        let run = Run {
            past: FixedHistory {
                git_tags: GitTags {
                    names: vec!["v1.2.9".to_owned()],
                    is_shallow,
                },
                ..FixedHistory::default()
            },
            ..Run::new(&commit(1), Some("1.2.9"), &["type=semver", "latest"], "a")
        };
        let plan = run.plan(&registry).await.unwrap();
        let text = serde_json::json!(plan).to_string();
        assert!(text.contains("ecr:ListImages"), "{text}");
        let report = shipped(&run, &registry).await;
        assert_eq!(outcomes(&report), ["1.2.9 created", outcome]);
    }
}

#[tokio::test]
async fn a_branch_goes_forward_only() {
    let rules = ["type=sha", "type=ref,event=branch"];
    let commits: Vec<String> = (1..=4).map(commit).collect();
    let run = |number: u8| Run {
        past: FixedHistory {
            commits: commits.clone(),
            ..FixedHistory::default()
        },
        ..Run::new(&commit(number), None, &rules, &format!("content {number}"))
    };
    let registry = Memory::new(Mutability::Mutable);
    let main = |report: &Report| outcomes(report).pop().unwrap();
    for (number, outcome) in [
        (2, "main created"),
        (3, "main moved"),
        (1, "main held"),
        (3, "main kept"),
    ] {
        let report = shipped(&run(number), &registry).await;
        assert_eq!(main(&report), outcome, "commit {number}");
    }
    // Another run publishes the newest commit while this one builds.
    let whole = Memory::new(Mutability::Mutable);
    shipped(&run(1), &whole).await;
    let before = whole.requests().len();
    shipped(&run(2), &whole).await;
    let during = before
        + whole.requests()[before..]
            .iter()
            .position(|name| name == "put blob")
            .unwrap();
    let registry = Memory::new(Mutability::Mutable);
    shipped(&run(1), &registry).await;
    let (layer, config, manifest) = blobs("newest", &commit(4), None);
    {
        let mut state = registry.state.lock().unwrap();
        state.blobs.insert(Digest::of(&layer), layer);
        state.blobs.insert(Digest::of(&config), config);
        state.rival = Some(ConcurrentPush {
            after: during,
            tag: Tag::parse("main").unwrap(),
            manifest: manifest.clone(),
        });
    }
    let report = shipped(&run(2), &registry).await;
    assert_eq!(main(&report), "main held");
    assert_eq!(registry.tag("main"), Some(manifest.digest()));
}

#[tokio::test]
async fn a_commit_that_the_clone_lacks_holds_the_branch_and_says_what_helps() {
    let rules = ["type=sha", "type=ref,event=branch"];
    for (is_shallow, word) in [(true, "fetch-depth: 0"), (false, "delete the tag")] {
        let registry = Memory::new(Mutability::Mutable);
        shipped(&Run::new(&commit(1), None, &rules, "first"), &registry).await;
        let before = registry.tag("main");
        let mut run = Run::new(&commit(2), None, &rules, "second");
        run.past.git_tags.is_shallow = is_shallow;
        let plan = run.plan(&registry).await.unwrap();
        let (_, held) = plan.holds().next().unwrap();
        let hint = held.hint();
        assert!(hint.unwrap().contains(word), "{hint:?}");
        let report = shipped(&run, &registry).await;
        assert_eq!(report.status, Status::Published, "the commit has its own tag");
        assert!(reason(&report, "main").contains(&commit(1)[..12]));
        assert_eq!(registry.tag("main"), before);
    }
}

proptest::proptest! {
    /// In whatever order versions are shipped, some of them twice: each line ends at its greatest stable version.
    #[test]
    fn every_order_of_runs_ends_at_the_greatest(
        order in proptest::collection::vec((1..3u64, 0..3u64, 0..3u64, proptest::option::of(0..2u8)), 1..12),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let registry = Memory::new(Mutability::Mutable);
        let mut stable = std::collections::BTreeSet::new();
        for (major, minor, patch, rc) in order {
            let text = match rc {
                Some(rc) => format!("{major}.{minor}.{patch}-rc.{rc}"),
                None => format!("{major}.{minor}.{patch}"),
            };
            let number = u8::try_from(major * 64 + minor * 16 + patch * 4).unwrap() + rc.map_or(0, |rc| rc + 1);
            let run = Run::new(&commit(number), Some(&text), &LINES, &text);
            let had = registry.tag("latest");
            runtime.block_on(shipped(&run, &registry));
            if rc.is_some() {
                proptest::prop_assert_eq!(registry.tag("latest"), had, "{} moves nothing", text);
                continue;
            }
            stable.insert((major, minor, patch));
            let expect = |tag: String, greatest: Option<&(u64, u64, u64)>| {
                let release = greatest.map(|(major, minor, patch)| format!("{major}.{minor}.{patch}"));
                (registry.tag(&tag), release.and_then(|release| registry.tag(&release)))
            };
            let in_major = stable.iter().rfind(|version| version.0 == major);
            let in_minor = stable.iter().rfind(|version| (version.0, version.1) == (major, minor));
            for (tag, greatest) in [
                ("latest".to_owned(), stable.last()),
                (major.to_string(), in_major),
                (format!("{major}.{minor}"), in_minor),
            ] {
                let (found, expected) = expect(tag.clone(), greatest);
                proptest::prop_assert!(found.is_some() && found == expected, "{tag} after {text}");
            }
            let again = runtime.block_on(run.plan(&registry)).unwrap();
            proptest::prop_assert!(again.is_fulfilled(), "{again:?}");
        }
    }
}
