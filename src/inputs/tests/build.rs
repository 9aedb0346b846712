//! Inputs of the build.

use super::*;

#[test]
fn flags_and_numbers_are_strict() {
    for (text, value) in [("true", true), ("TRUE", true), ("False", false), ("false", false)] {
        assert_eq!(
            Case::complete().flag("dry-run", text).settings().dry_run,
            value,
            "{text}"
        );
    }
    for bad in ["yes", "1", "on", "tRUE", "null"] {
        let (message, _) = Case::complete().flag("dry-run", bad).problem();
        assert_eq!(
            message,
            format!("`--dry-run`: `{bad}` is neither `true` nor `false`")
        );
    }
    for (text, good) in [
        ("900", true),
        ("43200", true),
        ("899", false),
        ("43201", false),
        ("1e3", false),
        ("-1", false),
    ] {
        let result = Case::complete().flag("role-duration-seconds", text).resolve();
        assert_eq!(result.is_ok(), good, "{text}");
    }
}

#[test]
fn build_arguments_come_by_value_or_from_the_environment() {
    let case = Case::complete()
        .flag("build-args", "A=1\nB=x=y z")
        .flag("build-args", "FROM_ENV")
        .variable("FROM_ENV", "two\nlines");
    let args = case.settings().build.args;
    let pairs: Vec<_> = args.iter().collect();
    assert_eq!(pairs, [("A", "1"), ("B", "x=y z"), ("FROM_ENV", "two\nlines")]);
    let (message, _) = Case::complete().flag("build-args", "MISSING").problem();
    assert!(message.contains("there is no variable `MISSING`"), "{message}");
    let (message, _) = Case::complete().flag("build-args", "A=1\nA=2").problem();
    assert!(message.contains("given twice"), "{message}");
    // A line that a value was broken into must not be shown.
    let (message, _) = Case::complete().flag("build-args", "A=1\nsecret text").problem();
    assert!(!message.contains("secret text"), "{message}");
}

#[test]
fn secrets_come_from_variables_and_files_but_never_by_value_where_others_read() {
    let case = Case::complete()
        .file("npmrc", "token")
        .flag("secrets", "id=npm,src=npmrc\nid=pip,env=PIP_TOKEN")
        .variable("PIP_TOKEN", "p1p");
    let settings = case.settings();
    assert!(matches!(&settings.build.secrets[0].source, SecretSource::File(path) if path.ends_with("npmrc")));
    assert_eq!(
        settings
            .secrets()
            .map(|secret| secret.expose_secret().to_owned())
            .collect::<Vec<_>>(),
        ["p1p"]
    );
    let by_value = Case::complete().flag("secrets", "npm=s3cret").problem();
    assert!(
        by_value.0.contains("where others can read it") && !by_value.0.contains("s3cret"),
        "{by_value:?}"
    );
    let in_file = Case::complete()
        .file("tagship.yaml", "secrets:\n  npm: s3cret\n")
        .problem();
    assert!(in_file.0.starts_with("tagship.yaml:1:1: secret 1"), "{in_file:?}");
    let settings = Case::complete()
        .variable("TAGSHIP_SECRETS", "npm=s3cret\nk=a,b=c")
        .settings();
    let values: Vec<_> = settings
        .secrets()
        .map(|secret| secret.expose_secret().to_owned())
        .collect();
    assert_eq!(values, ["s3cret", "a,b=c"]);
    for bad in [
        "id=npm",
        "id=npm,env=UNSET",
        "id=npm,src=missing",
        "id=npm,src=.",
        "id=npm,mode=0400,src=x",
        "id=a b,src=Dockerfile",
        "id=npm,env=",
    ] {
        assert!(
            Case::complete()
                .flag("secrets", bad)
                .problem()
                .0
                .starts_with("`--secrets`: "),
            "{bad}"
        );
    }
}

#[test]
fn the_context_is_a_folder_and_may_be_a_link() {
    let case = Case::complete()
        .file("real/Dockerfile", "FROM scratch")
        .file("other.Dockerfile", "FROM scratch");
    std::os::unix::fs::symlink(case.path().join("real"), case.path().join("link")).unwrap();
    let case = case.flag("context", "link");
    let root = case.path().canonicalize().unwrap();
    let build = case.settings().build;
    assert_eq!(build.context, root.join("real"));
    assert_eq!(build.dockerfile, root.join("real/Dockerfile"));
    let build = case.flag("file", "./other.Dockerfile").settings().build;
    assert_eq!(build.dockerfile, root.join("other.Dockerfile"));
    for (name, value) in [
        ("context", "missing"),
        ("context", "Dockerfile"),
        ("context", "https://github.com/a/b.git"),
        ("file", "missing"),
        ("file", "."),
    ] {
        let (message, hint) = Case::complete().flag(name, value).problem();
        assert!(message.starts_with(&format!("`--{name}`: ")), "{message}");
        assert!(hint.is_some(), "{value}");
    }
}

#[test]
fn paths_of_the_host_and_of_job_containers_are_mapped_in_the_action() {
    for (given, expected) in [
        ("app", "app"),
        ("/github/workspace/app", "app"),
        ("/home/runner/work/shop/shop/app", "app"),
        ("/__w/shop/shop/app", "app"),
        ("/home/runner/work/shop/shop", ""),
    ] {
        let case = Case::new().file("app/Dockerfile", "FROM scratch");
        let workspace = case.path().canonicalize().unwrap();
        let case = case
            .variable("GITHUB_WORKSPACE", &workspace.display().to_string())
            .variable("GITHUB_REPOSITORY", "acme/shop")
            .variable("RUNNER_WORKSPACE", "/home/runner/work/shop")
            .variable("INPUT_REPOSITORY", "team/app")
            .variable("INPUT_REGISTRY", REGISTRY)
            .variable("INPUT_CONTEXT", given);
        let resolved = case
            .resolve_action()
            .unwrap_or_else(|error| panic!("{given}: {error}"));
        let context = resolved.settings.build.context;
        assert_eq!(
            context,
            workspace.join(expected).components().collect::<PathBuf>(),
            "{given}"
        );
        assert_eq!(resolved.notes.is_empty(), given == "app", "{given}");
    }
}

#[test]
fn a_rebuild_needs_what_makes_digests_equal() {
    let (message, hint) = Case::complete().flag("rebuild", "true").problem();
    assert_eq!(
        message,
        "`--rebuild`: compares digests, which differ from build to build without `reproducible`"
    );
    assert!(hint.unwrap().contains("`reproducible: true`"));
    let both = Case::complete()
        .flag("rebuild", "true")
        .flag("reproducible", "true");
    assert!(both.settings().rebuild && both.settings().build.reproducible);
    assert!(!Case::complete().flag("rebuild", "false").settings().rebuild);
}

#[test]
fn values_keep_their_blanks_and_may_be_in_quotes() {
    let case = Case::complete()
        .flag("build-args", "A= one \n\"B=two, three\nand four\"")
        .variable("TAGSHIP_SECRETS", "key= s3cret \n\"pem=BEGIN\nEND\n\"");
    let settings = case.settings();
    let pairs: Vec<_> = settings.build.args.iter().collect();
    assert_eq!(pairs, [("A", " one "), ("B", "two, three\nand four")]);
    let secrets: Vec<_> = settings
        .secrets()
        .map(|secret| secret.expose_secret().to_owned())
        .collect();
    assert_eq!(secrets, [" s3cret ", "BEGIN\nEND\n"]);
}

#[test]
fn a_way_to_an_engine_that_is_not_taken_is_refused() {
    let (message, hint) = Case::complete()
        .variable("DOCKER_HOST", "tcp://builder:2376")
        .variable("DOCKER_TLS_VERIFY", "1")
        .problem();
    assert!(
        message.starts_with("`DOCKER_TLS_VERIFY`: asks for TLS"),
        "{message}"
    );
    assert!(hint.unwrap().contains("ssh://"));
    let (message, _) = Case::complete().variable("DOCKER_CONTEXT", "builder").problem();
    assert!(
        message.starts_with("`DOCKER_CONTEXT`: names a context"),
        "{message}"
    );
    for fine in [
        Case::complete().variable("DOCKER_TLS_VERIFY", "1"),
        Case::complete().variable("DOCKER_CONTEXT", "default"),
        Case::complete()
            .variable("DOCKER_CONTEXT", "builder")
            .flag("docker-host", "unix:///run/docker.sock"),
    ] {
        fine.settings();
    }
}
