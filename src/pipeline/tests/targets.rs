//! One image in several repositories.

use super::run::further;
use super::*;
use crate::report::TargetStatus;

struct World {
    first: Memory,
    near: Memory,
    far: Memory,
}

impl World {
    fn new() -> Self {
        let [first, near, far] = std::array::from_fn(|_| Memory::new(movable_latest()));
        Self { first, near, far }
    }

    async fn ship(&self, content: &str) -> (Result<(), PipelineError>, Report) {
        run(content, false)
            .ship_to(&self.first, &[&self.near, &self.far])
            .await
    }

    fn all(&self) -> [&Memory; 3] {
        [&self.first, &self.near, &self.far]
    }

    fn digests(&self, tag: &str) -> [Option<Digest>; 3] {
        self.all().map(|registry| registry.tag(tag))
    }
}

fn statuses(report: &Report) -> Vec<TargetStatus> {
    report.targets.iter().map(|target| target.status).collect()
}

#[tokio::test]
async fn one_digest_stands_under_all_tags_of_all_targets() {
    let world = World::new();
    let (result, report) = world.ship("a").await;
    result.unwrap();
    let digest = report.digest;
    assert!(digest.is_some());
    for tag in [COMMIT_TAG, "1.0.0", "latest"] {
        assert_eq!(world.digests(tag), [digest; 3], "{tag}");
    }
    assert_eq!(statuses(&report), [TargetStatus::Published; 2]);
    assert!(report.targets.iter().all(|target| target.bytes > 0));

    let (result, again) = world.ship("a").await;
    result.unwrap();
    assert_eq!(again.status, Status::AlreadyPublished);
    assert_eq!(statuses(&again), [TargetStatus::AlreadyPublished; 2]);
}

#[tokio::test]
async fn a_conflict_in_any_target_is_found_before_the_build_and_all_are_named() {
    let world = World::new();
    let other = run("other", false);
    for registry in [&world.near, &world.far] {
        let other = Run {
            plan_request: PlanRequest {
                source: Source {
                    commit: CommitId::parse(&"2".repeat(40)).unwrap(),
                    ..other.plan_request.source.clone()
                },
                ..other.plan_request.clone()
            },
            ..other.clone()
        };
        other.ship(registry).await.0.unwrap();
    }
    let (result, _) = world.ship("a").await;
    let error = result.unwrap_err();
    assert_eq!(error.kind(), tagship_domain::error::FailureKind::TagConflict);
    let text = error.to_string();
    for number in [0, 1] {
        assert!(text.contains(&format!("`{}`", further(number))), "{text}");
    }
    assert!(world.first.state.lock().unwrap().blobs.is_empty());
}

/// Every request of every target fails once, before and after its effect.
#[tokio::test]
async fn a_target_that_fails_at_any_request_leaves_no_tag_that_others_lack_and_the_next_run_completes() {
    for fault in [Fault::Before, Fault::After] {
        for broken in 0..3 {
            for request in 0.. {
                let world = World::new();
                world.all()[broken].state.lock().unwrap().fault = Some((request, fault));
                let (result, report) = world.ship("a").await;
                if world.all()[broken].requests().len() <= request {
                    assert!(request > 8, "{request}");
                    break;
                }
                // An upload is repeated at once.
                let Err(error) = result else { continue };
                assert_ne!(report.status, Status::Published);
                let tagged = world.digests(COMMIT_TAG);
                if report
                    .targets
                    .iter()
                    .any(|target| target.status == TargetStatus::Pending)
                {
                    assert_eq!(tagged, [None; 3], "no tag before all are verified: {error}");
                }
                if let PipelineError::Targets(_) = &error {
                    let text = error.to_string();
                    for number in [0, 1] {
                        assert!(text.contains(&further(number).to_string()), "{text}");
                    }
                    assert!(text.contains("reset"), "{text}");
                    // What the first does not give came to no other.
                    if let Some(number) = broken.checked_sub(1) {
                        let row = &report.targets[number];
                        assert!(
                            matches!(row.status, TargetStatus::Pending | TargetStatus::Verified),
                            "{row:?}"
                        );
                        let other = &report.targets[1 - number];
                        assert_ne!(other.status, TargetStatus::Pending, "the other goes on");
                    }
                }

                world.ship("a").await.0.unwrap();
                let expected = world.first.tag(COMMIT_TAG);
                assert!(expected.is_some());
                for tag in [COMMIT_TAG, "1.0.0", "latest"] {
                    assert_eq!(world.digests(tag), [expected; 3], "{tag}");
                }
            }
        }
    }
}

#[tokio::test]
async fn a_target_that_may_not_be_pushed_to_stops_the_run_before_the_build() {
    let world = World::new();
    world.far.state.lock().unwrap().missing_rights = vec!["ecr:PutImage"];
    let error = world.ship("a").await.0.unwrap_err();
    let text = error.to_string();
    assert!(text.starts_with(&format!("target `{}`: ", further(1))), "{text}");
    for registry in world.all() {
        assert!(registry.state.lock().unwrap().blobs.is_empty());
    }
}

#[tokio::test]
async fn a_target_that_is_added_later_gets_what_is_published_without_a_build() {
    let world = World::new();
    let published = ship(&world.first, "a", false).await.1.digest;
    let (result, report) = world.ship("a build would give this").await;
    result.unwrap();
    for tag in [COMMIT_TAG, "1.0.0", "latest"] {
        assert_eq!(world.digests(tag), [published; 3], "{tag}");
    }
    assert!(report.engine.is_none(), "nothing was built");
}
