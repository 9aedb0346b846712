//! What of an image is published, and the files that a run leaves.

use super::*;
use crate::settings::{Publishing, ResultFiles};
use tagship_domain::plan::{SizeLimit, SizeSource};
use tagship_domain::reference::Digest;

fn digest(digit: &str) -> Digest {
    Digest::parse(&format!("sha256:{}", digit.repeat(64))).unwrap()
}

#[test]
fn parts_are_digests_files_and_folders_of_files_each_once() {
    let [a, b, c, d] = ["a", "b", "c", "d"].map(digest);
    let settings = Case::complete()
        .file("digests/digest-0/digest", &format!("{a}\n"))
        .file("digests/digest-1/digest", &b.to_string())
        // As `touch` in a workflow of docker's leaves it.
        .file(&format!("touched/{}", c.hex()), "")
        .file("one", &d.to_string())
        .flag("merge-from", "digests")
        .flag("merge-from", &format!("touched\n{b}\none"))
        .settings();
    assert_eq!(settings.publishing, Publishing::Merge(vec![a, b, c, d]));
    assert_eq!(Case::complete().settings().publishing, Publishing::Whole);
    let part = Case::complete().flag("by-digest", "true").settings();
    assert_eq!(part.publishing, Publishing::Part);
}

#[test]
fn what_holds_no_digest_is_named() {
    let hostile = Case::complete()
        .file("wrong/digest", "latest")
        .file("deep/1/2/3/digest", &digest("a").to_string())
        .file("empty/folder/.keep", "");
    std::os::unix::fs::symlink("/etc/passwd", hostile.path().join("link")).unwrap();
    fs::create_dir(hostile.path().join("links")).unwrap();
    std::os::unix::fs::symlink("/dev/zero", hostile.path().join("links/digest")).unwrap();
    fs::create_dir(hostile.path().join("nothing")).unwrap();
    let made = std::process::Command::new("mkfifo")
        .arg(hostile.path().join("pipe"))
        .status();
    assert!(made.unwrap().success());
    let cases = [
        ("wrong", "what it says is not `sha256:`"),
        ("deep", "it lies too deep"),
        ("empty", "is not 64 hex digits"),
        ("links", "is a link"),
        ("link", "what it says is not `sha256:`"),
        ("nothing", "holds no digest"),
        ("pipe", "is no regular file"),
        ("missing", "No such file"),
        ("sha256:abc", "is not 64 hex digits"),
    ];
    let mut case = hostile;
    for (entry, expected) in cases {
        case = case.without("merge-from").flag("merge-from", entry);
        let (problem, _) = case.problem();
        assert!(problem.contains(expected), "{entry}: {problem}");
        assert!(
            !problem.contains("root:"),
            "nothing of another file is shown: {problem}"
        );
    }
    for (input, value) in [("by-digest", "true"), ("push", "false"), ("offline", "true")] {
        let (problem, hint) = Case::complete()
            .flag("merge-from", &digest("a").to_string())
            .flag(input, value)
            .problem();
        assert!(problem.contains(&format!("`{input}` is given too")), "{problem}");
        assert_eq!(hint.as_deref(), Some("leave one of the two out"));
    }
}

#[test]
fn files_lie_in_the_workspace_and_no_two_in_one_place() {
    let case = Case::complete()
        .flag("digest-file", "out/digest")
        .flag("metadata-file", "/tmp/metadata.json");
    let workspace = case.path().canonicalize().unwrap();
    assert_eq!(
        case.settings().files,
        ResultFiles {
            digest: Some(workspace.join("out/digest")),
            metadata: Some("/tmp/metadata.json".into()),
            image_id: None,
            sbom: None,
        }
    );
    let (problem, _) = case.flag("iidfile", "./out/digest").problem();
    assert!(problem.contains("another input names too"), "{problem}");
    // Through a folder that does not exist, and that is not made for it.
    let through = || Case::complete().flag("digest-file", "nw/deep/../../x");
    for input in ["metadata-file", "iidfile", "asff-file"] {
        let (problem, _) = through().flag("scan", "wait").flag(input, "x").problem();
        assert!(problem.contains("another input names too"), "{input}: {problem}");
    }
    let settings = through().settings();
    let path = settings.files.digest.unwrap();
    assert!(
        path.ends_with("x") && !path.display().to_string().contains("nw"),
        "{path:?}"
    );
    // What is there counts as it is: behind a link `..` is another folder.
    let linked = Case::complete()
        .file("elsewhere/folder/file", "")
        .flag("digest-file", "link/../x");
    std::os::unix::fs::symlink(linked.path().join("elsewhere/folder"), linked.path().join("link")).unwrap();
    let (problem, _) = linked.flag("iidfile", "elsewhere/x").problem();
    assert!(problem.contains("another input names too"), "{problem}");
}

#[test]
fn no_file_that_is_written_is_gits_or_read_or_another_output() {
    let case = || {
        Case::complete()
            .file("Dockerfile", "FROM scratch\n")
            .file("app/Dockerfile", "FROM scratch\n")
            .file("kev.json", r#"{"vulnerabilities": [{"cveID": "CVE-2024-3094"}]}"#)
            .file(".git/config", "")
            .flag("scan", "wait")
    };
    let findings = r#"{"version": "2.1.0", "runs": []}"#;
    for (input, path, expected) in [
        ("digest-file", ".git/hooks/pre-push", "is in `.git`"),
        ("metadata-file", "app/../.GIT/x", "is in `.git`"),
        ("sarif-file", ".git/config", "is in `.git`"),
        ("iidfile", "Dockerfile", "is a file that this run reads"),
        (
            "iidfile",
            "./Dockerfile.dockerignore",
            "is a file that this run reads",
        ),
        ("digest-file", ".dockerignore", "is a file that this run reads"),
        ("digest-file", "tagship.yaml", "is a file that this run reads"),
        ("metadata-file", "kev.json", "is a file that this run reads"),
        (
            "asff-file",
            "app/Dockerfile",
            "holds something else than findings",
        ),
    ] {
        let (message, _) = case().flag("kev-file", "kev.json").flag(input, path).problem();
        assert!(message.starts_with(&format!("`--{input}`: ")), "{message}");
        assert!(message.contains(expected), "{path}: {message}");
        assert!(!message.contains("/`"), "a file is no folder: {message}");
    }
    let (message, _) = case()
        .flag("sarif-file", "out")
        .flag("iidfile", "./out")
        .problem();
    assert!(message.contains("another input names too"), "{message}");
    let (message, _) = case()
        .flag("deploy-files", "type=env,path=image.env")
        .flag("digest-file", "image.env")
        .problem();
    assert!(message.contains("another input names too"), "{message}");
    let (message, _) = Case::complete()
        .flag("push", "false")
        .flag("outputs", "type=local,dest=.git/hooks")
        .problem();
    assert!(message.contains("is in `.git`"), "{message}");
    let earlier = case()
        .file("findings.sarif", findings)
        .file("asff.json", r#"[{"SchemaVersion": "2018-10-08"}]"#)
        .flag("sarif-file", "findings.sarif")
        .flag("asff-file", "asff.json");
    earlier.settings();
}

#[test]
fn a_file_of_the_checkout_writes_nowhere_else_in_a_job() {
    let temporary = tempfile::tempdir().unwrap();
    let temporary = temporary.path().canonicalize().unwrap();
    let outside = tempfile::tempdir().unwrap();
    let of_file = |path: &str| {
        let text = format!("digest-file: {path}\n");
        Case::complete().file("tagship.yaml", &text)
    };
    let job = |case: Case| {
        case.flag("config", "tagship.yaml")
            .variable("GITHUB_ACTIONS", "true")
            .variable("RUNNER_TEMP", temporary.to_str().unwrap())
    };
    let elsewhere = outside.path().join("digest");
    for path in ["../digest", elsewhere.to_str().unwrap()] {
        let (message, _) = job(of_file(path)).problem();
        assert!(message.contains("lies outside of the checkout"), "{message}");
        // On a laptop the file is the user's own, and an input of the step is the workflow's.
        of_file(path).settings();
        job(Case::complete()
            .file("tagship.yaml", "{}")
            .flag("digest-file", path))
        .settings();
    }
    job(of_file(temporary.join("digest").to_str().unwrap())).settings();
    job(of_file("out/digest")).settings();
}

/// Source of ten: AWS Lambda developer guide, "Lambda quotas".
#[test]
fn an_image_is_as_small_as_the_input_and_lambda_ask_for() {
    let limit = |flags: &[(&'static str, &str)]| {
        let with = |case: Case, (name, value): &(&'static str, &str)| case.flag(name, value);
        flags.iter().fold(Case::complete(), with).settings().max_size
    };
    let of_input = |bytes| {
        let source = SizeSource::MaxSize;
        Some(SizeLimit { bytes, source })
    };
    assert_eq!(limit(&[]), None);
    assert_eq!(limit(&[("max-size", "500m")]), of_input(500 << 20));
    assert_eq!(limit(&[("preset", "lambda")]), Some(SizeLimit::LAMBDA));
    assert_eq!(
        limit(&[("preset", "lambda"), ("max-size", "250m")]),
        of_input(250 << 20)
    );
    assert_eq!(
        limit(&[("preset", "lambda"), ("max-size", "20g")]),
        Some(SizeLimit::LAMBDA)
    );
    assert_eq!(SizeLimit::LAMBDA.bytes, 10 * 1024 * 1024 * 1024);
}

#[test]
fn a_build_has_an_end() {
    use std::time::Duration;
    let build = Case::complete().settings().build;
    assert_eq!((build.timeout, build.silence), (None, Duration::from_hours(1)));
    let build = Case::complete()
        .flag("timeout", "90")
        .flag("stall-timeout", "30")
        .settings()
        .build;
    assert_eq!(build.timeout, Some(Duration::from_secs(90)));
    assert_eq!(build.silence, Duration::from_secs(30));
}

#[test]
fn a_flag_without_a_digest_does_not_make_another_image() {
    let digest = format!("sha256:{}", "a".repeat(64));
    for texts in [vec![""], vec![digest.as_str(), ""], vec![" ", digest.as_str()]] {
        let case = texts
            .iter()
            .fold(Case::complete(), |case, text| case.flag("merge-from", text));
        let (message, hint) = case.problem();
        assert!(message.ends_with("is given without a digest"), "{message}");
        assert!(hint.is_some());
    }
}

#[test]
fn a_comment_is_no_test() {
    let (message, _) = Case::complete().flag("test", "# later").problem();
    assert!(message.contains("tests nothing"), "{message}");
    let test = Case::complete()
        .flag("test", "test -f /hello # it is there")
        .settings()
        .test;
    assert_eq!(test.as_deref(), Some("test -f /hello # it is there"));
}

#[test]
fn targets_that_the_embedded_ecr_stands_for_are_named() {
    let notes = |place: (&'static str, &str)| {
        let case = Case::new()
            .flag("repository", "team/app")
            .flag("targets", "prod/app");
        case.flag(place.0, place.1).resolve().unwrap().notes
    };
    assert!(
        notes(("local", "true"))
            .iter()
            .any(|note| note.contains("left out"))
    );
    assert!(
        !notes(("registry", REGISTRY))
            .iter()
            .any(|note| note.contains("left out"))
    );
}

#[test]
fn a_part_may_be_named_as_a_run_prints_it() {
    let digest = format!("sha256:{}", "a".repeat(64));
    let case = Case::complete().flag("merge-from", &format!("{REGISTRY}/team/app@{digest}"));
    let Publishing::Merge(parts) = case.settings().publishing else {
        panic!("nothing is merged");
    };
    assert_eq!(
        parts.iter().map(ToString::to_string).collect::<Vec<_>>(),
        [digest]
    );
}
