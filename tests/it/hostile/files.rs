//! Files and variables that others write: `tagship.yaml`, the event, ignore files, inputs.

use std::fs;

use test_support::checkout::Checkout;
use test_support::process::{Finished, tagship};

use super::survive;

/// What `tagship.yaml` may hold, and the exit code of a plan with it, where only one is right.
#[expect(clippy::too_many_lines, reason = "a row for each file")]
fn settings() -> Vec<(&'static str, String, Option<i32>)> {
    let text = |text: &str| text.to_owned();
    vec![
        ("deep lists", format!("tags: {}", "[".repeat(30_000)), Some(2)),
        (
            "deep mappings",
            "a:\n".to_owned() + &(0..3_000).map(|n| " ".repeat(n + 1) + "a:\n").collect::<String>(),
            Some(2),
        ),
        (
            "aliases that grow",
            "a: &a [x,x,x,x,x,x,x,x,x]\n".to_owned()
                + &('b'..='j')
                    .map(|c| {
                        format!(
                            "{c}: &{c} [*{p},*{p},*{p},*{p},*{p},*{p},*{p},*{p},*{p}]\n",
                            p = (c as u8 - 1) as char
                        )
                    })
                    .collect::<String>(),
            Some(2),
        ),
        ("an alias of itself", text("tags: &a [*a]\n"), Some(2)),
        ("an alias of nothing", text("tags: *none\n"), Some(2)),
        (
            "a tag of another language",
            text("tags: !!python/object/apply:os.system [id]\n"),
            None,
        ),
        (
            "two documents",
            text("repository: a/b\n---\nrepository: c/d\n"),
            Some(2),
        ),
        ("a key twice", text("repository: a/b\nrepository: c/d\n"), Some(2)),
        ("a merge", text("<<: {repository: a/b}\n"), Some(2)),
        ("NUL", text("repository: \"a\\0b\"\n"), Some(2)),
        ("bytes that are no text", text("\u{fffd}: x\n"), Some(2)),
        ("an escape as a key", text("\"\\e[31m::error::x\": y\n"), Some(2)),
        (
            "an escape as a value",
            text("repository: \"\\e[31m\\u202Ex\"\n"),
            Some(2),
        ),
        ("a long key", format!("{}: x\n", "k".repeat(20_000)), Some(2)),
        (
            "a long value",
            format!("repository: {}\n", "v".repeat(60_000)),
            Some(2),
        ),
        ("too long", format!("# {}\n", "c".repeat(1_100_000)), Some(2)),
        (
            "numbers that are too great",
            text("duration-seconds: 99999999999999999999\n"),
            Some(2),
        ),
        ("a number below zero", text("duration-seconds: -1\n"), Some(2)),
        ("a truth that is none", text("reproducible: perhaps\n"), Some(2)),
        ("a list for one value", text("repository: [a/b, c/d]\n"), Some(2)),
        ("a mapping for one value", text("repository: {a: b}\n"), Some(2)),
        ("null", text("repository: null\n"), None),
        ("tabs", text("\trepository: a/b\n"), None),
        ("images that are none", text("images: 7\n"), Some(2)),
        ("images without names", text("images: [{}]\n"), Some(2)),
        (
            "images with an escape",
            text("images: {\"a\\e[31m\": {}}\n"),
            Some(2),
        ),
        (
            "a context out of the workspace",
            text("context: ../../../etc\n"),
            Some(2),
        ),
        (
            "a Dockerfile out of the workspace",
            text("file: /etc/shadow\n"),
            Some(2),
        ),
        (
            "a secret of the machine",
            text("secrets: |\n  a=/proc/self/environ\n"),
            None,
        ),
        ("labels without names", text("labels: |\n  =x\n"), Some(2)),
        ("labels with an escape", text("labels: [\"a=\\e[31m\"]\n"), None),
        (
            "a label of Tagship's own",
            text("labels: [\"io.github.tagship.request=v1:0.0\"]\n"),
            None,
        ),
        (
            "a revision that lies",
            text("labels: [\"org.opencontainers.image.revision=0000\"]\n"),
            None,
        ),
        ("a rule that is none", text("tags: [\"type=\\e[31m\"]\n"), Some(2)),
        (
            "a rule of superlinear cost",
            text("tags: [\"type=match,pattern=(a*)*b,value=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"]\n"),
            None,
        ),
        (
            "a template without end",
            text("tags: [\"type=raw,value={{{{{{{{\"]\n"),
            Some(2),
        ),
        (
            "a template of dates",
            format!(
                "tags: [\"type=raw,value={{{{date '{}'}}}}\"]\n",
                "YYYY".repeat(5_000)
            ),
            Some(2),
        ),
        (
            "a build argument with a line break",
            text("build-args: [\"A=b\\nC=d\"]\n"),
            None,
        ),
        (
            "a build argument without a name",
            text("build-args: [\"=b\"]\n"),
            Some(2),
        ),
        (
            "platforms that are none",
            text("platforms: [\"../..\", \"linux/\\e\"]\n"),
            Some(2),
        ),
        ("a target that is none", text("target: \"a b\\e\"\n"), Some(2)),
        (
            "a key that only the workflow sets",
            text("docker-host: tcp://127.0.0.1:1\n"),
            None,
        ),
    ]
}

/// Event payloads.
fn events() -> Vec<(&'static str, Vec<u8>)> {
    let text = |text: &str| text.as_bytes().to_vec();
    vec![
        ("nothing", vec![]),
        ("noise", vec![0xff; 10_000]),
        ("a number", text("7")),
        ("null", text("null")),
        ("a list", text("[[[]]]")),
        ("deep", text(&"{\"a\":".repeat(50_000))),
        (
            "long",
            [b"{\"a\":\"".to_vec(), vec![b'a'; 40 << 20], b"\"}".to_vec()].concat(),
        ),
        ("a lone surrogate", text("{\"ref\":\"\\ud800\"}")),
        (
            "numbers for texts",
            text("{\"ref\":1,\"after\":2,\"repository\":3,\"release\":4,\"pull_request\":5}"),
        ),
        (
            "lists for objects",
            text("{\"repository\":[],\"release\":[],\"head_commit\":[]}"),
        ),
        (
            "a ref with an escape",
            text(
                "{\"ref\":\"refs/heads/\\u001b[31m\\u202e::error::\",\"repository\":{\"default_branch\":\"\\u001b]0;x\\u0007\"}}",
            ),
        ),
        (
            "a tag that leads out",
            text("{\"release\":{\"tag_name\":\"../../etc\",\"target_commitish\":\"$(id)\"}}"),
        ),
        (
            "a long tag",
            text(&format!(
                "{{\"release\":{{\"tag_name\":\"{}\"}}}}",
                "9".repeat(100_000)
            )),
        ),
        (
            "a date that is none",
            text("{\"head_commit\":{\"timestamp\":\"yesterday\",\"id\":\"zz\"}}"),
        ),
        (
            "a date at the end of time",
            text("{\"head_commit\":{\"timestamp\":\"99999-99-99T99:99:99Z\"}}"),
        ),
        (
            "a repository that is another",
            text("{\"repository\":{\"full_name\":\"evil/evil\",\"html_url\":\"javascript:alert(1)\"}}"),
        ),
        (
            "a pull request of a stranger",
            text(
                "{\"pull_request\":{\"head\":{\"repo\":{\"full_name\":\"evil/app\"},\"sha\":\"\\u0000\"},\"number\":-1}}",
            ),
        ),
        (
            "a key twice",
            text("{\"ref\":\"refs/tags/v1.0.0\",\"ref\":\"refs/tags/v2.0.0\"}"),
        ),
    ]
}

fn checkout() -> Checkout {
    let checkout = Checkout::with(&[
        ("Dockerfile", "FROM scratch\nCOPY Dockerfile /\n"),
        (".dockerignore", "*\n!Dockerfile\n"),
    ]);
    checkout.tag("v1.0.0");
    checkout
}

fn plan(what: &str, checkout: &Checkout, variables: &[(&str, &str)]) -> Finished {
    let home = tempfile::tempdir().unwrap();
    let mut command = tagship(home.path());
    command
        .current_dir(checkout.path())
        .args(["plan", "--local"])
        .env("TAGSHIP_LOCAL_DATA", home.path().join("data"))
        .envs(variables.iter().copied());
    survive(what, &mut command)
}

#[test]
fn no_settings_file_harms_a_plan() {
    let checkout = checkout();
    let settings = settings();
    let mut wrong = Vec::new();
    for (what, text, code) in &settings {
        fs::write(checkout.path().join("tagship.yaml"), text).unwrap();
        for in_job in [false, true] {
            let mut variables = vec![("TAGSHIP_VERSION", "1.0.0")];
            if in_job {
                variables.push(("GITHUB_ACTIONS", "true"));
            }
            // The file's own repository counts where it names one.
            if !text.contains("repository") {
                variables.push(("TAGSHIP_REPOSITORY", "team/app"));
            }
            let finished = plan(what, &checkout, &variables);
            if code.is_some() && finished.code != *code {
                wrong.push(format!("{what}: {:?} {}", finished.code, finished.stderr));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(settings.len() >= 42, "{}", settings.len());
}

#[test]
fn no_event_harms_a_plan() {
    let checkout = checkout();
    let head = checkout.head();
    let events = events();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("event.json");
    for (what, bytes) in &events {
        fs::write(&file, bytes).unwrap();
        for name in ["push", "release", "pull_request"] {
            let finished = plan(
                what,
                &checkout,
                &[
                    ("GITHUB_ACTIONS", "true"),
                    ("GITHUB_EVENT_NAME", name),
                    ("GITHUB_EVENT_PATH", file.to_str().unwrap()),
                    ("GITHUB_REF", "refs/heads/main"),
                    ("GITHUB_SHA", &head),
                    ("TAGSHIP_REPOSITORY", "team/app"),
                ],
            );
            assert!(!finished.stdout.contains("evil"), "{what}: {}", finished.stdout);
        }
    }
    assert!(events.len() * 3 >= 54, "{}", events.len());
}

#[test]
fn no_variable_harms_a_plan() {
    let checkout = checkout();
    let hostile = [
        "",
        " ",
        "\u{1b}[31m\u{202e}",
        "\n::error::x",
        "-",
        "../../..",
        "9".repeat(5_000).leak(),
        "%",
        "\u{7f}",
        "null",
    ];
    let mut tried = 0;
    for name in [
        "GITHUB_REF",
        "GITHUB_SHA",
        "GITHUB_REPOSITORY",
        "GITHUB_EVENT_NAME",
        "GITHUB_EVENT_PATH",
        "GITHUB_WORKSPACE",
        "GITHUB_HEAD_REF",
        "TAGSHIP_TAGS",
        "TAGSHIP_PLATFORMS",
        "TAGSHIP_VERSION",
        "DOCKER_HOST",
    ] {
        for value in hostile {
            plan(
                &format!("{name}={value:?}"),
                &checkout,
                &[
                    ("GITHUB_ACTIONS", "true"),
                    ("TAGSHIP_REPOSITORY", "team/app"),
                    (name, value),
                ],
            );
            tried += 1;
        }
    }
    assert!(tried >= 100, "{tried}");
}
