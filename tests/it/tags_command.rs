//! `tagship tags`: where it learns what started the run, and what it does with what it cannot read.

use std::process::{Command, Output, Stdio};

use test_support::checkout::Checkout;

/// `tagship tags` in a checkout, without any variable of this machine.
fn tags(checkout: &Checkout, variables: &[(&str, &str)], arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tagship"))
        .arg("tags")
        .args(arguments)
        .env_clear()
        .env("HOME", checkout.path())
        .envs(variables.iter().copied())
        .current_dir(checkout.path())
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn stdout(output: &Output) -> Vec<String> {
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    text.lines().map(str::to_owned).collect()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn a_checkout_tells_branch_tags_commit_and_time() {
    let mut checkout = Checkout::empty();
    let commit = checkout.commit(&[("a", "1")]);
    checkout.git(&["tag", "v1.2.3"]);
    let arguments = [
        "--tag=type=semver",
        "--tag=type=ref,event=branch",
        "--tag=type=raw,value={{commit_date 'YYYYMMDD-HHmmss'}}",
        "--tag=type=sha,format=long,prefix=",
        "--flavor=latest=false",
    ];
    let output = tags(&checkout, &[], &arguments);
    assert_eq!(
        stdout(&output),
        ["1.2.3", "main", "20260102-030405", &commit],
        "{}",
        stderr(&output)
    );
    checkout.git(&["checkout", "--quiet", "--detach"]);
    let output = tags(&checkout, &[], &["--compat=metadata-action"]);
    assert_eq!(stdout(&output), ["v1.2.3", "latest"]);
}

#[test]
fn a_version_that_is_asked_for_counts_as_for_ship() {
    let mut checkout = Checkout::empty();
    checkout.commit(&[("a", "1")]);
    let rule = "--tag=type=semver,pattern={{version}}";
    for (variables, arguments) in [
        ([].as_slice(), [rule, "--version=1.2.3"].as_slice()),
        (&[("TAGSHIP_VERSION", "v1.2.3")], &[rule]),
    ] {
        let output = tags(&checkout, variables, arguments);
        assert_eq!(stdout(&output), ["1.2.3"], "{}", stderr(&output));
    }
    checkout.write("tagship.yaml", "version: 2.0.0\n");
    assert_eq!(stdout(&tags(&checkout, &[], &[rule])), ["2.0.0"]);
    // `auto` is the next one, as `tagship version` says it.
    checkout.git(&["tag", "v1.4.0"]);
    checkout.git(&["commit", "--quiet", "--allow-empty", "--message", "fix: one"]);
    let next = tags(&checkout, &[], &[rule, "--version=auto"]);
    assert_eq!(stdout(&next), ["1.4.1"], "{}", stderr(&next));
    let wrong = tags(&checkout, &[], &["--version=latest"]);
    assert_eq!(wrong.status.code(), Some(2));
    assert!(stderr(&wrong).contains("`--version`"), "{}", stderr(&wrong));
}

#[test]
fn a_job_tells_more_than_the_checkout_and_another_commit_nothing_of_it() {
    let mut checkout = Checkout::empty();
    checkout.commit(&[("a", "1")]);
    checkout.git(&["tag", "v1.2.3"]);
    checkout.write(
        "event.json",
        r#"{"number": 7, "pull_request": {"base": {"ref": "main"}}}"#,
    );
    let job = [
        ("GITHUB_EVENT_NAME", "pull_request_target"),
        ("GITHUB_REF", "refs/heads/main"),
        ("GITHUB_SHA", "860c1904a1ce19322e91ac35af1ab07466440c37"),
        ("GITHUB_EVENT_PATH", "event.json"),
    ];
    let output = tags(
        &checkout,
        &job,
        &["--tags", "type=semver\ntype=ref,event=pr\n# no more\ntype=sha"],
    );
    assert_eq!(stdout(&output), ["pr-7", "sha-860c1904a1ce"]);
}

#[test]
fn the_actions_own_variables_count_only_in_its_mode() {
    let checkout = Checkout::empty();
    checkout.write(
        "event.json",
        r#"{"number": 7, "pull_request": {"head": {"sha": "266574110acf203503badf966df2ea24b5d732d7"}}}"#,
    );
    let job = [
        ("GITHUB_EVENT_NAME", "pull_request"),
        ("GITHUB_REF", "refs/pull/7/merge"),
        ("GITHUB_SHA", "860c1904a1ce19322e91ac35af1ab07466440c37"),
        ("GITHUB_EVENT_PATH", "event.json"),
        ("DOCKER_METADATA_PR_HEAD_SHA", "true"),
        ("DOCKER_METADATA_SHORT_SHA_LENGTH", "9"),
    ];
    let output = tags(&checkout, &job, &["--tag=type=sha", "--compat=metadata-action"]);
    assert_eq!(stdout(&output), ["sha-266574110"]);
    assert_eq!(
        stdout(&tags(&checkout, &job, &["--tag=type=sha"])),
        ["sha-860c1904a1ce"]
    );
}

#[test]
fn an_event_file_that_cannot_be_used_is_noted() {
    let checkout = Checkout::empty();
    checkout.write("broken.json", "{\"number\": ");
    checkout.write("long.json", " ".repeat(27 * 1024 * 1024));
    for (file, reason) in [
        ("broken.json", "is not a JSON object"),
        ("long.json", "is longer than"),
        ("none.json", "No such file"),
    ] {
        let job = [("GITHUB_REF", "refs/heads/main"), ("GITHUB_EVENT_PATH", file)];
        let output = tags(&checkout, &job, &["--tag=type=ref,event=branch"]);
        assert_eq!(stdout(&output), ["main"]);
        assert!(stderr(&output).contains(reason), "{}", stderr(&output));
    }
}

#[test]
fn mistakes_end_with_2() {
    let checkout = Checkout::empty();
    checkout.write("info.json", "[");
    let job = [
        ("GITHUB_REF", "refs/heads/main"),
        ("DOCKER_METADATA_SHORT_SHA_LENGTH", "x"),
    ];
    for (arguments, expected) in [
        (["--tag=x", "--repository-info=info.json"], "`--repository-info`"),
        (["--tag=x", "--repository-info=none.json"], "cannot be read"),
        (
            ["--tag=x", "--compat=metadata-action"],
            "`DOCKER_METADATA_SHORT_SHA_LENGTH` is not a number",
        ),
        (["--tag=x", "--now=yesterday"], "--now"),
        (["--tag=x", "--tag=type=y"], "`tags`: line 2, column 6"),
    ] {
        let output = tags(&checkout, &job, &arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(stderr(&output).contains(expected), "{}", stderr(&output));
        assert!(output.stdout.is_empty());
    }
}

/// No server answers at the endpoint: what an image is called is known without its registry.
#[test]
fn a_plan_calls_the_image_what_tags_calls_it() {
    let checkout = Checkout::with(&[("Dockerfile", "FROM scratch\nCOPY Dockerfile /\n")]);
    checkout.tag("v1.2.3");
    let commit = checkout.head();
    let lists = |word: &str, list: &str| vec![format!("--{word}"), list.to_owned()];
    let rules = "type=semver,pattern={{version}},suffix=-x\ntype=semver,pattern={{major}}\ntype=ref,event=branch\nedge,next\ntype=sha";
    for (mode, git_ref) in [
        (None, "refs/tags/v1.2.3"),
        (None, "refs/heads/main"),
        (Some("metadata-action"), "refs/tags/v1.2.3"),
        (Some("metadata-action"), "refs/heads/feature/x"),
    ] {
        let flavor = "latest=auto\nsuffix=-alpine,onlatest=true";
        let label = "org.example.of={{branch}}{{tag}}";
        let mut shared = lists("tags", rules);
        shared.extend(lists("labels", label));
        shared.extend(mode.iter().flat_map(|mode| lists("compat", mode)));
        let variables = [
            ("GITHUB_EVENT_NAME", "push"),
            ("GITHUB_REF", git_ref),
            ("GITHUB_SHA", commit.as_str()),
            ("AWS_ACCESS_KEY_ID", "AKIA"),
            ("AWS_SECRET_ACCESS_KEY", "x"),
        ];
        let json = |command: &str, own: &[&str]| -> serde_json::Value {
            let output = Command::new(env!("CARGO_BIN_EXE_tagship"))
                .args([command, "--json"])
                .args(&shared)
                .args(own)
                .env_clear()
                .env("HOME", checkout.path())
                .envs(variables)
                .current_dir(checkout.path())
                .output()
                .unwrap();
            serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", stderr(&output)))
        };
        let listing = json("tags", &["--flavors", flavor]);
        let endpoint = "http://127.0.0.1:9";
        let registry = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/team/app";
        let plan = json(
            "plan",
            &[
                "--flavor",
                flavor,
                "--images",
                registry,
                "--endpoint-url",
                endpoint,
            ],
        );
        let names = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
        let mut listed: Vec<String> = listing["tag-names"]
            .as_array()
            .unwrap()
            .iter()
            .map(names)
            .collect();
        let tags = plan["tags"].as_array().unwrap_or_else(|| panic!("{plan}"));
        let mut planned: Vec<String> = tags.iter().map(|tag| names(&tag["tag"])).collect();
        listed.sort();
        planned.sort();
        assert_eq!(listed, planned, "{mode:?} {git_ref}");
        let labels = &plan["content"]["request"]["labels"];
        let of = listing["labels"]["org.example.of"].as_str().unwrap();
        assert_eq!(labels["org.example.of"].as_str(), Some(of), "{plan}");
        let created = labels["org.opencontainers.image.created"].as_str().unwrap();
        assert!(created.starts_with("2026-01-02T03:04:05"), "{created}");
        assert_eq!(labels["org.opencontainers.image.revision"], commit.as_str());
        assert_eq!(labels["org.opencontainers.image.version"], "1.2.3");
    }
}

#[test]
fn what_no_flag_says_is_what_ship_would_read() {
    let mut checkout = Checkout::empty();
    checkout.commit(&[("a", "1")]);
    checkout.git(&["tag", "v1.2.3"]);
    // As `ship` without rules: `latest` moves only where it is asked for.
    assert_eq!(stdout(&tags(&checkout, &[], &[]))[0], "1.2.3");
    assert!(!stdout(&tags(&checkout, &[], &[])).contains(&"latest".to_owned()));
    checkout.write(
        "tagship.yaml",
        "tags: [type=semver]\nflavor: latest=auto\nlabels: [a=b]\n",
    );
    assert_eq!(stdout(&tags(&checkout, &[], &[])), ["1.2.3", "latest"]);
    assert_eq!(stdout(&tags(&checkout, &[], &["--tag=edge"])), ["edge"]);
    assert_eq!(stdout(&tags(&checkout, &[("TAGSHIP_TAGS", "x")], &[])), ["x"]);
    assert!(stdout(&tags(&checkout, &[], &["--json"]))[0].contains(r#""a":"b""#));
    checkout.write(
        "tagship.yaml",
        "images:\n  api: {tags: [of-api]}\n  web: {tags: [of-web]}\n",
    );
    assert_eq!(stdout(&tags(&checkout, &[], &["--only=web"])), ["of-web"]);
    let undecided = tags(&checkout, &[], &[]);
    assert_eq!(undecided.status.code(), Some(2), "{}", stderr(&undecided));
    assert!(stderr(&undecided).contains("only"), "{}", stderr(&undecided));
    checkout.write("tagship.yaml", "tag: x\n");
    let wrong = tags(&checkout, &[], &[]);
    assert_eq!(wrong.status.code(), Some(2), "{}", stderr(&wrong));
}
