//! Inputs of the build.

use secrecy::ExposeSecret as _;

use super::*;

/// The folder of docker's context `builder`: the SHA-256 of its name.
const ID: &str = "df6b07176a9b17cc4c9afc257bd404732e7d09b76436c7890f7b7be14e579794";

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
        ("context", "ext::sh -c x"),
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
fn changed_base_images_are_built_on_where_the_whole_build_is_in_one_run() {
    let changed = |text: &str| Case::complete().flag("base-changed", text);
    assert_eq!(Case::complete().settings().base_changed, BaseChanged::Ignore);
    assert_eq!(changed("ignore").settings().base_changed, BaseChanged::Ignore);
    assert_eq!(changed("rebuild").settings().base_changed, BaseChanged::Rebuild);
    let (message, _) = changed("always").problem();
    assert_eq!(
        message,
        "`--base-changed`: `always` is neither `rebuild` nor `ignore`"
    );
    for (input, why) in [
        ("by-digest", "needs the whole build in one run"),
        ("from-cache", "reads copies that may be a day older"),
    ] {
        let (message, hint) = changed("rebuild").flag(input, "true").problem();
        assert!(message.contains(why), "{message}");
        assert!(hint.is_some(), "{message}");
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
    let unpublished = Case::complete()
        .flag("rebuild", "true")
        .flag("reproducible", "true")
        .flag("push", "false");
    let (message, _) = unpublished.problem();
    assert!(message.contains("this run publishes nothing"), "{message}");
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
fn variables_that_do_not_lead_to_the_engine_do_no_harm() {
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

/// A context as the docker command writes it. Its folder is the SHA-256 of its name.
fn with_context(case: Case, host: &str) -> Case {
    // printf builder | sha256sum
    let meta = format!(
        r#"{{"Name":"builder","Metadata":{{}},"Endpoints":{{"docker":{{"Host":"{host}","SkipTLSVerify":false}}}}}}"#
    );
    let home = case.path().join("home").display().to_string();
    case.file(&format!("home/.docker/contexts/meta/{ID}/meta.json"), &meta)
        .variable("HOME", &home)
}

#[test]
fn the_engine_is_that_of_the_docker_commands_context() {
    let current = r#"{"auths":{},"currentContext":"builder"}"#;
    let case = || with_context(Case::complete(), "ssh://deploy@builder");
    let chosen = |case: Case| case.settings().build.engine.address;
    let builder = Some("ssh://deploy@builder".to_owned());
    assert_eq!(chosen(case()), None, "none is in use");
    assert_eq!(chosen(case().file("home/.docker/config.json", current)), builder);
    assert_eq!(chosen(case().variable("DOCKER_CONTEXT", "builder")), builder);
    // What is said more nearly counts more.
    let near = Some("unix:///run/near.sock".to_owned());
    let nearer = case().variable("DOCKER_CONTEXT", "builder");
    assert_eq!(
        chosen(nearer.variable("DOCKER_HOST", "unix:///run/near.sock")),
        near
    );
    let nearer = case().file("home/.docker/config.json", current);
    assert_eq!(chosen(nearer.flag("docker-host", "unix:///run/near.sock")), near);
    let nearer = case().file("home/.docker/config.json", current);
    assert_eq!(chosen(nearer.variable("DOCKER_CONTEXT", "default")), None);
    // What is no configuration is named where logins are read.
    assert_eq!(chosen(case().file("home/.docker/config.json", "{")), None);
}

#[test]
fn an_engine_behind_tls_has_the_certificates_of_the_context_or_the_variables() {
    let with = |case: Case, folder: &str| {
        ["ca", "cert", "key"].into_iter().fold(case, |case, name| {
            case.file(&format!("{folder}/{name}.pem"), &format!("the {name}"))
        })
    };
    let tls = |case: Case| {
        let tls = case.settings().build.engine.tls?;
        let (certificate, key) = tls.identity?;
        Some((tls.authority, certificate, key.expose_secret().to_owned()))
    };
    let expected = || Some(("the ca".to_owned(), "the cert".to_owned(), "the key".to_owned()));
    let context = with_context(Case::complete(), "tcp://builder:2376").variable("DOCKER_CONTEXT", "builder");
    let context = with(context, &format!("home/.docker/contexts/tls/{ID}/docker"));
    assert_eq!(tls(context), expected());
    // The address of a variable has the certificates of a variable, and they are at no other address.
    let variables = || {
        let case = with(Case::complete(), "certificates");
        let folder = case.path().join("certificates").display().to_string();
        case.variable("DOCKER_TLS_VERIFY", "1")
            .variable("DOCKER_CERT_PATH", &folder)
    };
    assert_eq!(
        tls(variables().variable("DOCKER_HOST", "tcp://docker:2376")),
        expected()
    );
    assert_eq!(
        tls(variables().flag("docker-host", "tcp://docker:2376")),
        expected()
    );
    assert_eq!(
        tls(variables().variable("DOCKER_HOST", "unix:///run/x.sock")),
        None
    );
    // An engine may want no certificate of a client.
    let alone = Case::complete().file("certificates/ca.pem", "the ca");
    let folder = alone.path().join("certificates").display().to_string();
    let alone = alone
        .variable("DOCKER_HOST", "tcp://docker:2376")
        .variable("DOCKER_TLS_VERIFY", "1")
        .variable("DOCKER_CERT_PATH", &folder);
    let found = alone.settings().build.engine.tls.unwrap();
    assert_eq!(
        (found.authority.as_str(), found.identity.is_none()),
        ("the ca", true)
    );
}

#[test]
fn an_engine_that_would_not_be_checked_is_refused() {
    let unchecked =
        with_context(Case::complete(), "tcp://builder:2376").variable("DOCKER_CONTEXT", "builder");
    let meta =
        r#"{"Name":"builder","Endpoints":{"docker":{"Host":"tcp://builder:2376","SkipTLSVerify":true}}}"#;
    let unchecked = unchecked.file(&format!("home/.docker/contexts/meta/{ID}/meta.json"), meta);
    let variable = Case::complete()
        .variable("DOCKER_HOST", "tcp://docker:2376")
        .variable("DOCKER_TLS", "1");
    let missing = Case::complete()
        .variable("DOCKER_HOST", "tcp://docker:2376")
        .variable("DOCKER_TLS_VERIFY", "1")
        .variable("DOCKER_CERT_PATH", "/nonexistent");
    // A certificate without its key proves nothing, and would not be shown.
    let half = |names: [&str; 2]| {
        let case = names.into_iter().fold(Case::complete(), |case, name| {
            case.file(&format!("certificates/{name}"), "x")
        });
        let folder = case.path().join("certificates").display().to_string();
        case.variable("DOCKER_HOST", "tcp://docker:2376")
            .variable("DOCKER_TLS_VERIFY", "1")
            .variable("DOCKER_CERT_PATH", &folder)
    };
    let in_context = |names: &[&str]| {
        let case = with_context(Case::complete(), "tcp://builder:2376").variable("DOCKER_CONTEXT", "builder");
        names.iter().fold(case, |case, name| {
            case.file(&format!("home/.docker/contexts/tls/{ID}/docker/{name}"), "x")
        })
    };
    let (of_variables, of_context) = ("set `DOCKER_CERT_PATH`", "docker context update builder");
    for (case, message, cure) in [
        (
            unchecked,
            "does not check its engine's certificate",
            "skip-tls-verify",
        ),
        (variable, "whose certificate is not checked", "DOCKER_TLS_VERIFY"),
        (missing, "`/nonexistent/ca.pem` cannot be read", of_variables),
        (half(["ca.pem", "cert.pem"]), "/key.pem` is not", of_variables),
        (half(["ca.pem", "key.pem"]), "/cert.pem` is not", of_variables),
        (in_context(&["cert.pem"]), "/ca.pem` cannot be read", of_context),
        (
            in_context(&["ca.pem", "cert.pem"]),
            "/key.pem` is not",
            of_context,
        ),
        (in_context(&[]), "its certificates are gone", of_context),
    ] {
        let (found, hint) = case.problem();
        assert!(found.contains(message), "{found}");
        let hint = hint.unwrap_or_default();
        assert!(hint.contains(cure), "{found}: {hint}");
        assert_eq!(hint.contains("DOCKER_CERT_PATH"), cure == of_variables, "{hint}");
    }
    // In the clear where nothing speaks of TLS.
    let clear = with_context(Case::complete(), "tcp://builder:2375").variable("DOCKER_CONTEXT", "builder");
    assert!(clear.settings().build.engine.tls.is_none());
}

#[test]
fn a_context_that_cannot_be_used_is_refused_and_not_passed_over() {
    let refused = |case: Case, message: &str| {
        let (found, hint) = case.problem();
        assert!(found.starts_with(message), "{found}");
        assert!(hint.is_some(), "{found}");
    };
    refused(
        Case::complete()
            .variable("HOME", "/nonexistent")
            .variable("DOCKER_CONTEXT", "../x"),
        "`DOCKER_CONTEXT`: `../x` is no context",
    );
    let current = r#"{"currentContext":"gone"}"#;
    let case = with_context(Case::complete(), "unix:///run/x.sock").file("home/.docker/config.json", current);
    refused(case, "default of `docker-host`: `gone` is no context");
    let tls = with_context(Case::complete(), "tcp://builder:2376").variable("DOCKER_CONTEXT", "builder");
    refused(
        tls.file(&format!("home/.docker/contexts/tls/{ID}/docker/key.pem"), "x"),
        "`DOCKER_CONTEXT`: asks for TLS, and `",
    );
    let pipe = with_context(Case::complete(), "npipe:////./pipe/docker_engine");
    refused(
        pipe.variable("DOCKER_CONTEXT", "builder"),
        "`DOCKER_CONTEXT`: `npipe:////./pipe/docker_engine` is not the address",
    );
    // The action's container has no contexts, and takes the engine that the runner gives it.
    let job = with_context(Case::new(), "unix:///run/x.sock")
        .variable("INPUT_REPOSITORY", "team/app")
        .variable("INPUT_REGISTRY", REGISTRY)
        .file("home/.docker/config.json", r#"{"currentContext":"builder"}"#);
    assert_eq!(job.resolve_action().unwrap().settings.build.engine.address, None);
    let error = job
        .variable("DOCKER_CONTEXT", "builder")
        .resolve_action()
        .unwrap_err();
    assert!(
        error.to_string().contains("`DOCKER_CONTEXT`: names a context"),
        "{error}"
    );
}

#[test]
fn the_platform_may_be_dockers_own_variables() {
    let case = Case::complete().variable("DOCKER_DEFAULT_PLATFORM", "linux/arm64");
    let shown = |case: &Case| {
        let platforms = case.settings().build.platforms;
        platforms.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(shown(&case), ["linux/arm64"]);
    assert_eq!(shown(&case.flag("platforms", "linux/amd64")), ["linux/amd64"]);
}
