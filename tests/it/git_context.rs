//! The build context is a commit of a repository elsewhere: what is fetched, what it is called, and what is refused. No
//! engine is asked.

use std::fs;
use std::net::TcpListener;
use std::path::Path;

use secrecy::SecretString;
use tagship::git::{GixCheckout, WantedCommit};
use tempfile::TempDir;
use test_support::checkout::Checkout;
use test_support::daemon::RecordingDaemon;
use test_support::git_server::GitServer;
use test_support::process::{Process, Signal, finish, tagship};

fn checkout() -> Checkout {
    let mut checkout = Checkout::with(&[("app/Dockerfile", "FROM scratch\nCOPY a /a\n"), ("app/a", "1")]);
    checkout.tag("v1.0.0");
    checkout.commit(&[("app/a", "2")]);
    checkout.annotated_tag("v1.1.0");
    checkout
}

/// The folder that a commit is fetched into.
fn fetched(url: &str, reference: Option<&str>, header: Option<&str>) -> Result<TempDir, String> {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let header = header.map(SecretString::from);
    let wanted = WantedCommit {
        url,
        shown: "URL",
        reference,
        header: header.as_ref(),
    };
    wanted
        .fetch(folder.path(), "tree", &false.into())
        .map(|()| folder)
        .map_err(|error| error.to_string())
}

fn content(folder: &TempDir, path: &str) -> String {
    fs::read_to_string(folder.path().join("tree").join(path)).expect("it is there")
}

#[test]
fn a_branch_a_tag_a_commit_and_any_reference_are_fetched_with_the_tags_of_the_commit() {
    let checkout = checkout();
    let first = checkout.git(&["rev-parse", "v1.0.0"]);
    checkout.git(&["update-ref", "refs/pull/7/merge", &first]);
    let server = GitServer::of(&[("app", checkout.path())], None);
    for (reference, a, tags) in [
        (None, "2", ["v1.1.0"]),
        (Some("main"), "2", ["v1.1.0"]),
        (Some("v1.1.0"), "2", ["v1.1.0"]),
        (Some("v1.0.0"), "1", ["v1.0.0"]),
        (Some("refs/heads/main"), "2", ["v1.1.0"]),
        (Some("refs/pull/7/merge"), "1", ["v1.0.0"]),
        (Some("pull/7/merge"), "1", ["v1.0.0"]),
        (Some(first.as_str()), "1", ["v1.0.0"]),
    ] {
        let folder = fetched(&server.url("app"), reference, None).unwrap();
        assert_eq!(content(&folder, "app/a"), a, "{reference:?}");
        let source = GixCheckout::at(folder.path()).source(folder.path()).unwrap();
        assert_eq!(source.tags, tags, "{reference:?}");
        let commit = checkout.git(&["rev-parse", &format!("{}^{{commit}}", tags[0])]);
        assert_eq!(source.commit.to_string(), commit);
        let time = checkout.git(&["log", "-1", "--format=%ct", &commit]);
        assert_eq!(source.committed_at.as_second().to_string(), time);
        // git's own files are in no context.
        assert!(!folder.path().join("tree/.git").exists());
    }
    let error = fetched(&server.url("app"), Some("none"), None).unwrap_err();
    assert_eq!(error, "git repository `URL` has no branch or tag `none`");
    let absent = fetched(&server.url("other"), None, None).unwrap_err();
    assert!(absent.contains("404"), "{absent}");
}

#[test]
fn submodules_are_fetched_and_the_token_goes_to_their_own_server_alone() {
    let library = Checkout::with(&[("lib", "library")]);
    let foreign = Checkout::with(&[("far", "foreign")]);
    let elsewhere = GitServer::of(&[("far", foreign.path())], None);
    let mut main = checkout();
    let basic = "basic eC1hY2Nlc3MtdG9rZW46dG9rZW4=";
    for (origin, path) in [(&library, "lib"), (&foreign, "far")] {
        let origin = origin.path().display().to_string();
        main.git(&["submodule", "add", "--quiet", &origin, path]);
    }
    main.git(&[
        "config",
        "--file",
        ".gitmodules",
        "submodule.lib.url",
        "../lib.git",
    ]);
    let far = elsewhere.url("far");
    main.git(&["config", "--file", ".gitmodules", "submodule.far.url", &far]);
    main.commit(&[]);
    let server = GitServer::of(&[("app", main.path()), ("lib", library.path())], Some(basic));
    let folder = fetched(&server.url("app"), None, Some(&format!("Authorization: {basic}"))).unwrap();
    assert_eq!(content(&folder, "lib/lib"), "library");
    assert_eq!(content(&folder, "far/far"), "foreign");
    assert!(!folder.path().join("tree/lib/.git").exists());
    let refused = fetched(&server.url("app"), None, None).unwrap_err();
    assert!(
        refused.contains("URL") && !refused.contains(&server.url("app")),
        "{refused}"
    );
}

/// What `tagship build` prints on standard error, and its exit code.
fn build(home: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> (Option<i32>, String) {
    let mut program = tagship(home);
    program
        .args(["build", "--docker-host", "unix:///nonexistent.sock"])
        .args(arguments)
        .envs(variables.iter().copied());
    let finished = finish(&mut program);
    (finished.code, finished.stderr)
}

#[test]
fn a_token_opens_the_repository_and_stands_in_no_message() {
    let checkout = checkout();
    // `x-access-token:hunter22-token`, as BuildKit sends it.
    let server = GitServer::of(
        &[("app", checkout.path())],
        Some("basic eC1hY2Nlc3MtdG9rZW46aHVudGVyMjItdG9rZW4="),
    );
    let home = tempfile::tempdir().expect("a temporary folder can be made");
    let address = format!("{}#main:app", server.url("app"));
    let context = ["--context", &address];
    let secret = ["--secret-envs", "GIT_AUTH_TOKEN=TOKEN"];
    let given = [&context[..], &secret].concat();
    let commit = &checkout.head()[..12];
    let fetched = format!("the context is commit {commit} of `{address}`");
    let opened = |arguments: &[&str], variables: &[(&str, &str)]| {
        let (_, said) = build(home.path(), arguments, variables);
        let shown = said.lines().filter(|line| !line.starts_with("::add-mask::"));
        assert!(!shown.clone().any(|line| line.contains("hunter22")), "{said}");
        said.contains(&fetched)
    };
    assert!(opened(&given, &[("TOKEN", "hunter22-token")]));
    assert!(!opened(&given, &[("TOKEN", "another-token")]));
    assert!(!opened(&context, &[]));
    // The job's own token goes to the job's own GitHub alone.
    let job = |server: &str| {
        [
            ("GITHUB_ACTIONS", "true".to_owned()),
            ("GITHUB_SERVER_URL", server.to_owned()),
            ("TAGSHIP_GITHUB_TOKEN", "hunter22-token".to_owned()),
        ]
    };
    for (origin, is_opened) in [(server.origin(), true), ("https://github.com".to_owned(), false)] {
        let variables = job(&origin);
        let variables = variables.each_ref().map(|(name, value)| (*name, value.as_str()));
        assert_eq!(opened(&context, &variables), is_opened, "{origin}");
    }
    // One in the address is refused and shown nowhere.
    for scheme in ["http", "HTTP"] {
        let with_password = address.replace("http://", &format!("{scheme}://ada:hunter22-token@"));
        let (code, said) = build(home.path(), &["--context", &with_password, "-v"], &[]);
        assert_eq!(code, Some(2), "{said}");
        assert!(said.contains("`secret-envs: GIT_AUTH_TOKEN=TOKEN`"), "{said}");
        assert!(!said.contains("hunter22"), "{said}");
    }
    let (_, said) = build(
        home.path(),
        &[
            "--context",
            &address.replace("http://", "HTTP://"),
            "--secret-envs",
            "GIT_AUTH_TOKEN=TOKEN",
        ],
        &[("TOKEN", "hunter22-token")],
    );
    assert!(said.contains(&fetched), "{said}");
}

#[test]
fn a_fetch_that_is_interrupted_leaves_nothing() {
    // A server that takes the question and never answers.
    let server = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = format!("http://{}/app.git", server.local_addr().expect("it has one"));
    let home = tempfile::tempdir().expect("a temporary folder can be made");
    let scratch = tempfile::tempdir().expect("a temporary folder can be made");
    let mut program = tagship(home.path());
    program
        .args([
            "build",
            "--docker-host",
            "unix:///nonexistent.sock",
            "--context",
            &address,
        ])
        .env("TMPDIR", scratch.path());
    let process = Process::start(&mut program);
    let _asked = server.accept().expect("the program asks");
    let left = || fs::read_dir(scratch.path()).expect("it is there").count();
    assert_eq!(left(), 1, "the folder that is fetched into");
    process.signal(Signal::Int);
    process.wait().expect_code(130);
    assert_eq!(left(), 0);
}

/// The event of a pushed tag, and a context at another commit.
#[test]
fn an_event_about_another_commit_is_mended_at_the_address() {
    let mut checkout = checkout();
    checkout.commit(&[("app/a", "3")]);
    let server = GitServer::of(&[("app", checkout.path())], None);
    let home = tempfile::tempdir().expect("a temporary folder can be made");
    let tagged = checkout.git(&["rev-parse", "v1.1.0^{commit}"]);
    let mut ship = tagship(home.path());
    ship.args(["plan", "--local", "--repository", "app"])
        .args(["--context", &format!("{}#main:app", server.url("app"))])
        .envs([
            ("GITHUB_ACTIONS", "true"),
            ("GITHUB_EVENT_NAME", "push"),
            ("GITHUB_REF", "refs/tags/v1.1.0"),
            ("GITHUB_SHA", tagged.as_str()),
        ]);
    let run = finish(&mut ship);
    assert_eq!(run.code, Some(10), "{}", run.stderr);
    let head = &checkout.head()[..12];
    assert!(
        run.stderr.contains(&format!("commit {head} is the context's")),
        "{}",
        run.stderr
    );
    assert!(
        run.stderr
            .contains("name the tag behind the address of `context`"),
        "{}",
        run.stderr
    );
    assert!(!run.stderr.contains("actions/checkout"), "{}", run.stderr);
}

#[test]
fn a_plan_shows_the_address_and_not_where_it_was_fetched_to() {
    let checkout = checkout();
    let server = GitServer::of(&[("app", checkout.path())], None);
    let home = tempfile::tempdir().expect("a temporary folder can be made");
    let address = format!("{}#main:app", server.url("app"));
    let planned = |more: &[&str]| {
        let mut plan = tagship(home.path());
        plan.args(["plan", "--local", "--repository", "app", "--context", &address])
            .args(["--docker-host", "unix:///nonexistent.sock"])
            .args(more);
        finish(&mut plan)
    };
    let text = planned(&[]);
    let line = format!("  build app/Dockerfile in {address}");
    assert!(
        text.stdout.contains(&line) || text.stderr.contains(&line),
        "{}{}",
        text.stdout,
        text.stderr
    );
    let json = planned(&["--json"]);
    let plan: serde_json::Value = serde_json::from_str(&json.stdout).expect("it is JSON");
    let request = &plan["content"]["request"];
    assert_eq!(request["context"], address.as_str());
    assert_eq!(request["dockerfile"], "app/Dockerfile");
}

#[test]
fn what_is_not_in_the_commit_is_named_before_an_engine_is_asked() {
    let checkout = checkout();
    let server = GitServer::of(&[("app", checkout.path())], None);
    let home = tempfile::tempdir().expect("a temporary folder can be made");
    let url = server.url("app");
    let commit = &checkout.head()[..12];
    for (arguments, error) in [
        (
            vec!["--context", "#main:none"],
            format!("commit {commit} of git repository `{url}` has no folder `none`"),
        ),
        (
            vec!["--context", "#main:app", "--file", "Other"],
            format!("commit {commit} of git repository `{url}` has no file `app/Other`"),
        ),
        (
            vec!["--context", "#main:app", "--file", "../Dockerfile"],
            "`--file`: Dockerfile `../Dockerfile` lies outside of the repository".to_owned(),
        ),
    ] {
        let arguments: Vec<String> = arguments
            .into_iter()
            .map(|argument| match argument.strip_prefix('#') {
                Some(fragment) => format!("{url}#{fragment}"),
                None => argument.to_owned(),
            })
            .collect();
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let (code, said) = build(home.path(), &arguments, &[]);
        assert_eq!(code, Some(2), "{said}");
        assert!(said.contains(&error), "{said}");
    }
    let mut plan = tagship(home.path());
    plan.args(["plan", "--local", "--offline", "--repository", "app"])
        .args(["--context", &format!("{url}#main:app")]);
    let planned = finish(&mut plan);
    assert_eq!(planned.code, Some(2), "{}", planned.stderr);
    let error = format!("context `{url}#main:app` has to be fetched, and `offline` contacts no server");
    assert!(planned.stderr.contains(&error), "{}", planned.stderr);
}

/// An engine keeps what it was sent under a name, and is sent less the next time: of the same address the same name.
#[test]
fn a_builder_keeps_a_fetched_context_under_its_address() {
    let checkout = checkout();
    let server = GitServer::of(&[("app", checkout.path())], None);
    let daemon = RecordingDaemon::start();
    let home = tempfile::tempdir().expect("a temporary folder can be made");
    let key = |reference: &str| {
        let address = format!("{}#{reference}:app", server.url("app"));
        let mut command = tagship(home.path());
        command.current_dir(home.path()).args([
            "build",
            "--builders",
            &daemon.address(),
            "--context",
            &address,
        ]);
        finish(&mut command).expect_code(0);
        let keys = daemon.take_shared_keys();
        assert_eq!(keys.len(), 1, "{keys:?}");
        keys[0].clone()
    };
    let main = key("main");
    assert_eq!(key("main"), main);
    assert_ne!(key("v1.0.0"), main);
}
