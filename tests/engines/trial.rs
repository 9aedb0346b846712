//! A command that must succeed in the image before it gets a tag, on every engine.

use std::collections::BTreeMap;

use test_support::engines;
use test_support::local::Ecr;
use test_support::shipping::{NO_ENGINE, Shipyard};

/// An image without a shell, for any platform: its one program is of the engine's.
const WITHOUT_SHELL: &str = "FROM --platform=$BUILDPLATFORM busybox:1 AS tools
FROM scratch
COPY hello /hello
COPY --from=tools /bin/busybox /busybox
";

#[test]
fn an_image_that_fails_its_test_gets_no_tag_and_its_output_is_shown() {
    for engine in engines::all() {
        let yard = Shipyard::new();
        let command = "echo of the test; cat /copy /nothing";
        let failed = yard.ship(engine, &["--test", command]).code(1);
        let said = &failed.0.stderr;
        for part in [
            "does not pass `test`",
            "of the test",
            "/nothing",
            "no tag was put",
        ] {
            assert!(said.contains(part), "{}: {said}", engine.name);
        }
        assert_eq!(yard.tags(), BTreeMap::new(), "{}", engine.name);
        let passed = yard.ship(engine, &["--test", "cat /copy"]).code(0);
        assert_eq!(yard.tags().len(), 2);
        // What has its tags is tested no more.
        let again = yard.ship_on(NO_ENGINE, &["--test", "cat /copy"]).code(0);
        assert_eq!(again.digest(), passed.digest());
    }
}

#[test]
fn a_test_that_does_not_end_is_ended_and_one_that_cannot_begin_says_why() {
    for engine in engines::all() {
        let yard = Shipyard::with(Ecr::start(), &[("Dockerfile", WITHOUT_SHELL)]);
        let exec = |arguments: &str| format!("[\"/busybox\", {arguments}]");
        yard.ship(engine, &["--by-digest"]).code(0);
        let endless = exec("\"sleep\", \"4000\"");
        let ended = yard.ship(engine, &["--test", &endless, "--timeout", "6"]).code(1);
        assert!(
            ended.0.stderr.contains("`timeout`"),
            "{}: {}",
            engine.name,
            ended.0.stderr
        );
        let shell = yard.ship(engine, &["--test", "true"]).code(1);
        assert!(
            shell.0.stderr.contains("/bin/sh"),
            "{}: {}",
            engine.name,
            shell.0.stderr
        );
        assert_eq!(yard.tags(), BTreeMap::new());
        yard.ship(engine, &["--test", &exec("\"true\"")]).code(0);
        assert_eq!(yard.tags().len(), 2, "{}", engine.name);
    }
}

#[test]
fn an_index_is_tested_where_the_engine_can_run_it_and_says_where_not() {
    let yard = Shipyard::with(Ecr::start(), &[("Dockerfile", WITHOUT_SHELL)]);
    let engine = engines::named("docker28-classic");
    // No machine that tests run on is of this platform.
    let parts = ["linux/amd64", "linux/s390x"].map(|platform| {
        let part = yard
            .ship(engine, &["--by-digest", "--platforms", platform])
            .code(0);
        format!("--merge-from={}", part.digest())
    });
    let merge = |command: &str| yard.ship(engine, &[&parts[0], &parts[1], "--test", command]);
    let failed = merge("[\"/busybox\", \"false\"]").code(1);
    assert!(
        failed.0.stderr.contains("does not pass `test`"),
        "{}",
        failed.0.stderr
    );
    let alone = yard
        .ship(engine, &[&parts[1], "--test", "[\"/busybox\", \"true\"]"])
        .code(1);
    assert!(
        alone.0.stderr.contains("can run none of linux/s390x"),
        "{}",
        alone.0.stderr
    );
    assert_eq!(yard.tags(), BTreeMap::new());
    let passed = merge("[\"/busybox\", \"true\"]").code(0);
    let notes = passed.report()["notes"].to_string();
    assert!(
        notes.contains("the image for linux/s390x was not tested"),
        "{notes}"
    );
    assert_eq!(yard.tags().len(), 2);
}
