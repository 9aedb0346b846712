//! Whatever breaks a run off or gets in its way, no tag lies, and the next run finishes the job.

use ecr_local::{FaultAction, ImmutableWording, JournalEntry};
use tagship_domain::immutability::Mutability;
use test_support::clients::crane;
use test_support::engines;
use test_support::local::{Ecr, is_of_digest, is_tag_put, positions, shown};
use test_support::process::{Finished, Process, Signal};
use test_support::shipping::{DOCKERFILE, NO_ENGINE, Shipyard};

/// One engine of each kind of image store.
const STORES: [&str; 2] = ["docker28-classic", "docker28-containerd"];

/// The words that ECR has had for a tag that must not move.
const WORDINGS: [ImmutableWording; 2] = [ImmutableWording::Repository, ImmutableWording::Tag];

fn status(status: u16, envelope: bool) -> FaultAction {
    FaultAction::Status { status, envelope }
}

/// Both tags are there, point to the same image, and are all there is.
#[track_caller]
fn assert_converged(yard: &Shipyard, when: &str) {
    let tags = yard.tags();
    let names: Vec<&str> = tags.keys().map(String::as_str).collect();
    assert_eq!(names, ["1.0.0", &yard.commit_tag()], "{when}");
    assert_eq!(tags["1.0.0"], tags[&yard.commit_tag()], "{when}");
}

#[test]
fn killed_at_any_request_a_run_leaves_no_half_truth_and_the_next_one_converges() {
    for store in STORES {
        let mut yard = Shipyard::new();
        let engine = engines::named(store);
        yard.ship(engine, &[]).code(0);
        let requests = yard.ecr.journal();
        let first_tag = requests.iter().position(is_tag_put).expect("the run put a tag");
        let is_manifest =
            |request: &&JournalEntry| request.operation == "PutManifest" && is_of_digest(request);
        let pushed = requests[..first_tag]
            .iter()
            .rposition(|request| is_manifest(&request));
        let read_back = requests[pushed.expect("a manifest is pushed")..first_tag]
            .iter()
            .any(|request| request.operation == "BatchGetImage");
        assert!(read_back, "{store}: the image is read back before any tag is put");
        let puts: Vec<_> = requests.iter().filter(|request| is_tag_put(request)).collect();
        assert_eq!(puts.len(), 2, "{store}");
        assert_eq!(
            puts[1].reference.as_deref(),
            Some("1.0.0"),
            "{store}: the release tag comes last"
        );

        for (index, (operation, skip)) in positions(&requests).into_iter().enumerate() {
            let when = format!("{store}: killed at {operation} after {skip} of them");
            yard.turn_to(&format!("team/killed-{index}"), &Mutability::Immutable);
            yard.ecr.fail(&operation, skip, 1, FaultAction::Hang);
            let run = Process::start(&mut yard.command("ship", &engine.host(), &[]));
            yard.ecr.wait_for(|request| request.held.is_some());
            run.signal(Signal::Kill);
            assert_eq!(run.wait().signal, Some(9), "{when}");
            yard.ecr.forgive();
            if index <= first_tag {
                assert!(yard.tags().is_empty(), "{when}: {:?}", yard.tags());
            }
            yard.ship(engine, &[]).code(0);
            assert_converged(&yard, &when);
        }
        let commit = yard.checkout.head();
        engine.remove_nameless(&format!("org.opencontainers.image.revision={commit}"));
    }
}

#[test]
fn a_first_failure_of_every_kind_of_request_is_survived() {
    let failures = [
        status(408, false),
        status(429, true),
        status(500, false),
        status(502, false),
        status(504, false),
        FaultAction::Delay { milliseconds: 500 },
        FaultAction::Reset,
        FaultAction::ResetMidBody,
        FaultAction::Truncate,
    ];
    for store in STORES {
        let mut yard = Shipyard::new();
        let engine = engines::named(store);
        yard.ship(engine, &[]).code(0);
        let operations: Vec<String> = positions(&yard.ecr.journal())
            .into_iter()
            .filter_map(|(operation, skip)| (skip == 0).then_some(operation))
            .collect();
        for (index, failure) in failures.iter().enumerate() {
            yard.turn_to(&format!("team/failing-{index}"), &Mutability::Immutable);
            // AWS's own APIs say that they were too slow by statuses from 500 on.
            let says_so = |operation: &&String| {
                !matches!(failure, FaultAction::Status { status: 408, .. })
                    || ![
                        "AssumeRole",
                        "GetAuth",
                        "Batch",
                        "Describe",
                        "PutImage",
                        "ListImages",
                        "Initiate",
                    ]
                    .iter()
                    .any(|of_aws| operation.starts_with(of_aws))
            };
            for operation in operations.iter().filter(says_so) {
                yard.ecr.fail(operation, 0, 1, failure.clone());
            }
            yard.ship(engine, &[]).code(0);
            assert_converged(&yard, &format!("{store}: {failure:?}"));
            yard.ecr.forgive();
        }
    }
}

#[test]
fn a_registry_that_stays_down_fails_the_run_with_no_tag_and_the_next_run_converges() {
    let yard = Shipyard::new();
    let engine = engines::named("docker28-classic");
    yard.ecr.fail("PutManifest", 0, 1000, status(503, true));
    let failed = yard.ship(engine, &[]).code(1);
    assert!(failed.0.stderr.contains("hint:"), "{}", failed.0.stderr);
    assert!(yard.tags().is_empty());
    yard.ecr.forgive();
    yard.ship(engine, &[]).code(0);
    assert_converged(&yard, "after the outage");
}

/// An upload's session may be gone when its last bytes come. Source: OCI distribution spec, "Error Codes".
#[test]
fn an_upload_whose_session_is_lost_is_begun_anew() {
    for store in STORES {
        let yard = Shipyard::new();
        let lost = FaultAction::Error {
            code: "BLOB_UPLOAD_UNKNOWN".to_owned(),
            message: "blob upload unknown to registry".to_owned(),
            status: 404,
        };
        yard.ecr.fail("CompleteUpload", 0, 1, lost);
        yard.ship(engines::named(store), &[]).code(0);
        assert_converged(&yard, store);
    }
}

/// Source: RFC 4918, section 11.5.
#[test]
fn a_registry_whose_storage_is_full_gets_no_tag_and_the_next_run_converges() {
    for store in STORES {
        let yard = Shipyard::new();
        let engine = engines::named(store);
        yard.ecr.fail("CompleteUpload", 0, 1000, status(507, false));
        let failed = yard.ship(engine, &[]).code(1);
        assert!(
            failed.0.stderr.contains("507") && failed.0.stderr.contains("hint:"),
            "{store}: {}",
            failed.0.stderr
        );
        assert!(yard.tags().is_empty(), "{store}");
        yard.ecr.forgive();
        yard.ship(engine, &[]).code(0);
        assert_converged(&yard, store);
    }
}

#[test]
fn a_password_that_expires_under_way_is_renewed_once() {
    for store in STORES {
        let yard = Shipyard::new();
        let expired = FaultAction::Error {
            code: "DENIED".to_owned(),
            message: "Your authorization token has expired. Reauthenticate and try again.".to_owned(),
            status: 403,
        };
        yard.ecr.fail("PutManifest", 0, 1, expired);
        yard.ship(engines::named(store), &[]).code(0);
        let journal = yard.ecr.journal();
        let logins = journal
            .iter()
            .filter(|request| request.operation == "GetAuthorizationToken");
        assert_eq!(logins.count(), 2, "{store}:\n{}", shown(&journal));
        assert_converged(&yard, store);
    }
}

#[test]
fn a_missing_repository_is_permanent_and_named() {
    let mut yard = Shipyard::new();
    yard.repository = "team/missing".to_owned();
    let failed = yard.ship_on(NO_ENGINE, &[]).code(1);
    assert!(
        failed.0.stderr.contains("`team/missing` does not exist"),
        "{}",
        failed.0.stderr
    );
    let requests = yard.ecr.journal_after_login();
    assert!(requests.len() <= 2, "nothing is repeated:\n{}", shown(&requests));
}

/// What another writer does while a run waits for its release tag to be put.
fn race(wording: ImmutableWording, other: impl Fn(&Shipyard)) -> (Shipyard, Finished) {
    let yard = Shipyard::with(Ecr::start_strict(wording), &[("Dockerfile", DOCKERFILE)]);
    let engine = engines::named("docker28-classic");
    // The image by its digest and the commit tag pass. Far longer than the other writer takes.
    let hold = FaultAction::Delay { milliseconds: 5000 };
    yard.ecr.fail("PutManifest", 2, 1, hold);
    let run = Process::start(&mut yard.command("ship", &engine.host(), &[]));
    yard.ecr
        .wait_for(|request| is_tag_put(request) && request.reference.as_deref() == Some("1.0.0"));
    other(&yard);
    (yard, run.wait())
}

#[test]
fn a_race_that_is_lost_to_the_same_image_is_won() {
    for wording in WORDINGS {
        let (yard, run) = race(wording, |yard| {
            let image = format!("{}:{}", yard.image(), yard.commit_tag());
            crane(&yard.ecr.login(), &["tag", &image, "1.0.0"]);
        });
        run.expect_code(0);
        assert_converged(&yard, "after the race");
    }
}

#[test]
fn a_race_that_is_lost_to_another_image_is_a_conflict_with_both_digests() {
    for wording in WORDINGS {
        let (yard, run) = race(wording, |yard| {
            // Two blocks of zeros are an archive without files.
            let layer = yard.home().join("layer.tar");
            std::fs::write(&layer, [0; 1024]).expect("a file can be written");
            let layer = layer.to_str().expect("a path is text");
            let taken = format!("{}:1.0.0", yard.image());
            crane(
                &yard.ecr.login(),
                &[
                    "append",
                    "--oci-empty-base",
                    "--new_tag",
                    &taken,
                    "--new_layer",
                    layer,
                ],
            );
        });
        run.expect_code(10);
        let tags = yard.tags();
        for digest in [&tags["1.0.0"], &tags[&yard.commit_tag()]] {
            assert!(run.stderr.contains(digest.as_str()), "{}", run.stderr);
        }
        assert_ne!(tags["1.0.0"], tags[&yard.commit_tag()]);
    }
}
