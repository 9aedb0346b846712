use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt as _;
use std::path::Path;

use secrecy::ExposeSecret as _;
use tempfile::TempDir;

use super::*;
use crate::domain::build::SecretSource;
use crate::settings::Destination;

const REGISTRY: &str = "123456789012.dkr.ecr.eu-central-1.amazonaws.com";

/// A workspace with a Dockerfile, and what is said around it.
struct Case {
    folder: TempDir,
    flags: BTreeMap<&'static str, Vec<String>>,
    variables: Vec<(OsString, OsString)>,
}

impl Case {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("Dockerfile"), "FROM scratch\n").unwrap();
        Self {
            folder,
            flags: BTreeMap::new(),
            variables: Vec::new(),
        }
    }

    /// With what every run needs.
    fn complete() -> Self {
        Self::new()
            .flag("repository", "team/app")
            .flag("registry", REGISTRY)
    }

    fn flag(mut self, name: &'static str, value: &str) -> Self {
        self.flags.entry(name).or_default().push(value.to_owned());
        self
    }

    fn without(mut self, name: &str) -> Self {
        self.flags.remove(name);
        self
    }

    fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.into(), value.into()));
        self
    }

    fn file(self, name: &str, content: &str) -> Self {
        let path = self.folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
        self
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn environment(&self) -> Environment {
        Environment::new(self.variables.clone(), self.path().canonicalize().unwrap())
    }

    fn resolve(&self) -> Result<Resolved, SettingsError> {
        let environment = self.environment();
        resolve(
            RawInputs::gather(Given::by_flags(self.flags.clone()), &environment),
            &environment,
        )
    }

    fn resolve_action(&self) -> Result<Resolved, SettingsError> {
        let environment = self.environment();
        resolve(
            RawInputs::gather(Given::by_action(&environment), &environment),
            &environment,
        )
    }

    fn settings(&self) -> Settings {
        self.resolve().unwrap_or_else(|error| panic!("{error}")).settings
    }

    /// The one problem, as `origin: message` and hint.
    fn problem(&self) -> (String, Option<String>) {
        let error = self.resolve().unwrap_err();
        let [problem] = error.problems() else {
            panic!("{error}")
        };
        (
            format!("{}: {}", problem.origin, problem.message),
            problem.hint.clone(),
        )
    }
}

#[test]
fn flag_then_variable_then_file_then_standard_variable_then_default() {
    let case = Case::complete()
        .file(
            "tagship.yaml",
            "role-session-name: of-file\naudience: of-file\ndocker-host: unix:///of/file\n",
        )
        .variable("TAGSHIP_ROLE_SESSION_NAME", "of-variable")
        .variable("TAGSHIP_AUDIENCE", "")
        .variable("DOCKER_HOST", "unix:///of/standard")
        .flag("role-session-name", "of-flag");
    let settings = case.settings();
    assert_eq!(settings.identity.session_name, "of-flag");
    assert_eq!(
        settings.identity.audience, "of-file",
        "an empty variable is unset"
    );
    assert_eq!(settings.build.docker_host.as_deref(), Some("unix:///of/file"));
    let plain = Case::complete()
        .variable("DOCKER_HOST", "unix:///of/standard")
        .settings();
    assert_eq!(plain.build.docker_host.as_deref(), Some("unix:///of/standard"));
    assert_eq!(plain.identity.session_name, "Tagship");
    assert_eq!(plain.identity.duration_seconds, 3600);
    assert_eq!(plain.tags, crate::domain::tags::TagRule::defaults());
    assert!(!plain.rebuild && !plain.allow_dirty && !plain.dry_run && !plain.build.no_cache);
}

#[test]
fn the_runner_gives_inputs_with_their_dashes_and_empty_ones_are_unset() {
    let case = Case::new()
        .variable("INPUT_REPOSITORY", "team/app\n")
        .variable("INPUT_REGISTRY", REGISTRY)
        .variable("INPUT_ROLE-TO-ASSUME", "publish")
        .variable("INPUT_TARGET", "")
        .variable("INPUT_DRY-RUN", "True")
        .variable("INPUT_GITHUB-TOKEN", "a-token")
        .variable("INPUT_NOT-OURS", "anything");
    let settings = case.resolve_action().unwrap().settings;
    assert_eq!(
        settings.identity.role.as_deref(),
        Some("arn:aws:iam::123456789012:role/publish")
    );
    assert_eq!(settings.build.target, None);
    assert!(settings.dry_run);
    assert_eq!(settings.github.token.unwrap().expose_secret(), "a-token");
    // A command does not read the action's variables.
    assert!(case.resolve().is_err());
}

#[test]
fn every_problem_is_reported_at_once_with_its_origin() {
    let case = Case::new()
        .file(
            "tagship.yaml",
            "repository: Team/App\ntags:\n  - type=semver,pattern=x\n  - \"1.2.3+b\"\n",
        )
        .flag(
            "registry",
            "https://123456789012.dkr.ecr.eu-central-1.amazonaws.com/team",
        )
        .flag("role-duration-seconds", "60")
        .flag("no-cache", "yes")
        .flag("context", "missing")
        .flag("version", "1.2")
        .variable("TAGSHIP_PLATFORM", "linux")
        .variable(
            "TAGSHIP_ROLE_TO_ASSUME",
            "arn:aws:sts::123456789012:assumed-role/publish/x",
        )
        .flag("github-token", "do-not-print");
    let error = case.resolve().unwrap_err();
    let text = error.to_string().replace(
        &case.path().canonicalize().unwrap().display().to_string(),
        "/workspace",
    );
    insta::assert_snapshot!(text);
    assert!(!text.contains("do-not-print"));
    assert_eq!(crate::error::Diagnose::kind(&error).exit_code(), 2);
}

#[test]
fn a_repository_that_is_more_than_a_name_is_refused_with_what_was_meant() {
    for (given, hint) in [
        ("Team/App", Some("write `team/app`")),
        (
            "registry.example.com/team/app:1.0",
            Some("give the host as `registry: registry.example.com` and the rest as `repository: team/app`"),
        ),
        (
            "team/app:1.0",
            Some("write `team/app`; tags are given with `tags` and `version`"),
        ),
        ("team//app", None),
        ("téam", None),
    ] {
        let (message, found) = Case::complete()
            .without("repository")
            .flag("repository", given)
            .problem();
        assert!(
            message.starts_with("`--repository`: repository name `"),
            "{message}"
        );
        assert_eq!(found.as_deref(), hint, "{given}");
    }
}

#[test]
fn the_registry_comes_from_its_host_or_from_account_and_region() {
    let of = |case: Case| match case.settings().destination {
        Destination::Registry(name) => name.to_string(),
        Destination::Local { .. } => panic!("local"),
    };
    assert_eq!(of(Case::complete()), format!("{REGISTRY}/team/app"));
    let split = Case::new()
        .flag("repository", "team/app")
        .flag("account-id", "012345678901")
        .variable("AWS_REGION", "cn-north-1");
    assert_eq!(
        of(split),
        "012345678901.dkr.ecr.cn-north-1.amazonaws.com.cn/team/app"
    );
    // The machine's region says nothing against the host's; an explicit one does.
    assert_eq!(
        of(Case::complete().variable("AWS_REGION", "us-east-1")),
        format!("{REGISTRY}/team/app")
    );
    let (message, _) = Case::complete().flag("aws-region", "us-east-1").problem();
    assert!(message.contains("is not the region of registry"), "{message}");
    let (message, _) = Case::complete().flag("account-id", "000000000001").problem();
    assert!(message.contains("is not the account of registry"), "{message}");
    let (message, hint) = Case::new().flag("repository", "team/app").problem();
    assert_eq!(message, "inputs: it is not said which registry the image goes to");
    assert!(hint.unwrap().contains("`local: true`"));
    let (message, _) = Case::complete()
        .without("registry")
        .flag("registry", "localhost:5510")
        .problem();
    assert!(message.contains("is none of ECR's"), "{message}");
    let emulator = Case::complete()
        .without("registry")
        .flag("registry", "localhost:5510")
        .flag("endpoint-url", "http://localhost:5510");
    assert_eq!(of(emulator), "localhost:5510/team/app");
}

#[test]
fn local_goes_without_a_registry() {
    let case = Case::new().flag("repository", "team/app").flag("local", "true");
    match case.settings().destination {
        Destination::Local { data, .. } => assert!(data.is_absolute() && data.ends_with("tagship/local")),
        Destination::Registry(_) => panic!("not local"),
    }
    let (message, _) = case.flag("registry", REGISTRY).problem();
    assert_eq!(
        message,
        "`--registry`: `registry` does not go together with `local`"
    );
}

#[test]
fn an_endpoint_is_http_without_credentials() {
    for bad in [
        "ftp://localhost",
        "localhost:5510",
        "http://user:s3cret@localhost",
        "http://localhost/?x",
        "file:///etc",
    ] {
        let (message, _) = Case::complete().flag("endpoint-url", bad).problem();
        assert!(message.starts_with("`--endpoint-url`: "), "{message}");
        assert!(!message.contains("s3cret"), "{message}");
    }
}

#[test]
fn a_role_is_an_arn_of_any_partition_or_a_name_with_a_known_account() {
    let role = |registry: &str, given: &str| {
        let case = Case::complete()
            .without("registry")
            .flag("registry", registry)
            .flag("role-to-assume", given);
        case.settings().identity.role.unwrap()
    };
    let china = "123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn";
    assert_eq!(
        role(china, "ci/publish"),
        "arn:aws-cn:iam::123456789012:role/ci/publish"
    );
    let gov = "123456789012.dkr.ecr.us-gov-west-1.amazonaws.com";
    assert_eq!(
        role(gov, "publish"),
        "arn:aws-us-gov:iam::123456789012:role/publish"
    );
    for arn in [
        "arn:aws:iam::999999999999:role/x",
        "arn:aws-eusc:iam::999999999999:role/a/b/c",
        "arn:aws-iso-b:iam::999999999999:role/x",
    ] {
        assert_eq!(role(REGISTRY, arn), arn);
    }
    for bad in [
        "arn:aws:iam::999999999999:user/x",
        "arn:aws:sts::999999999999:assumed-role/x/y",
        "arn:aws:iam::999999999999:oidc-provider/token.actions.githubusercontent.com",
        "arn:aws:iam::99:role/x",
        "arn:AWS:iam::999999999999:role/x",
        "arn:aws:iam::999999999999:role/",
        "a role",
    ] {
        let (message, hint) = Case::complete().flag("role-to-assume", bad).problem();
        assert!(message.starts_with("`--role-to-assume`: "), "{message}");
        assert!(hint.is_some(), "{bad}");
    }
}

#[test]
fn the_registry_must_belong_to_an_allowed_account() {
    let case = Case::complete().flag("allowed-account-ids", "111111111111, 123456789012");
    assert_eq!(case.settings().identity.allowed_accounts.len(), 2);
    let (message, _) = Case::complete()
        .flag("allowed-account-ids", "111111111111")
        .problem();
    assert!(message.contains("is not among the allowed accounts"), "{message}");
}

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
fn versions_and_tags_keep_to_their_rules() {
    let case = Case::complete()
        .flag("version", "v1.2.3-rc.1")
        .flag("tags", "edge, stable\ntype=sha,format=long");
    let settings = case.settings();
    assert_eq!(settings.version.unwrap().to_string(), "1.2.3-rc.1");
    assert_eq!(settings.tags.len(), 3);
    for bad in ["1.2", "01.2.3", "latest", &format!("1.2.3-{}", "a".repeat(130))] {
        assert!(
            Case::complete()
                .flag("version", bad)
                .problem()
                .0
                .starts_with("`--version`: ")
        );
    }
    for bad in ["team/app:1", "-x", "a+b", "type=what", &"a".repeat(129)] {
        assert!(
            Case::complete()
                .flag("tags", bad)
                .problem()
                .0
                .starts_with("`--tags`: "),
            "{bad}"
        );
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
fn labels_are_pairs() {
    let labels = Case::complete()
        .flag("labels", "a.b/c=d=e\nempty=")
        .settings()
        .build
        .labels;
    assert_eq!(labels["a.b/c"], "d=e");
    assert_eq!(labels["empty"], "");
    for bad in [
        "no-value",
        "=x",
        "a b=c",
        "a=1\na=2",
        "org.opencontainers.image.revision=1",
    ] {
        assert!(
            Case::complete()
                .flag("labels", bad)
                .problem()
                .0
                .starts_with("`--labels`: "),
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
fn a_fork_is_known_by_the_event() {
    let event = |head: &str| {
        format!(r#"{{"pull_request":{{"head":{{"repo":{head}}},"base":{{"repo":{{"full_name":"a/b"}}}}}}}}"#)
    };
    for (name, content, expected) in [
        ("pull_request", event(r#"{"full_name":"fork/b"}"#), true),
        ("pull_request", event("null"), true),
        ("pull_request", event(r#"{"full_name":"a/b"}"#), false),
        ("pull_request_target", event(r#"{"full_name":"fork/b"}"#), false),
        ("push", event(r#"{"full_name":"fork/b"}"#), false),
        ("pull_request", "[".repeat(100_000), false),
        ("pull_request", r#"{"pull_request": 7}"#.to_owned(), false),
        ("pull_request", String::new(), false),
    ] {
        let case = Case::complete().file("event.json", &content);
        let path = case.path().join("event.json").display().to_string();
        let case = case
            .variable("GITHUB_ACTIONS", "true")
            .variable("GITHUB_EVENT_NAME", name)
            .variable("GITHUB_EVENT_PATH", &path);
        assert_eq!(case.settings().identity.from_fork, expected, "{name}");
    }
}

#[test]
fn github_is_known_by_its_variables_in_a_job_only() {
    let case = Case::complete()
        .variable("GITHUB_REPOSITORY", "acme/shop")
        .variable("GITHUB_API_URL", "https://ghe.example/api/v3")
        .variable("GITHUB_REF_TYPE", "tag")
        .variable("GITHUB_REF_NAME", "v1.2.3");
    assert_eq!(case.settings().github.repository, None);
    let github = case
        .variable("GITHUB_ACTIONS", "true")
        .variable("ACTIONS_ID_TOKEN_REQUEST_URL", "https://token.example/?x=1")
        .variable("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "jwt-request")
        .settings();
    assert_eq!(github.github.repository.as_deref(), Some("acme/shop"));
    assert_eq!(
        github.github.api_url.unwrap().as_str(),
        "https://ghe.example/api/v3"
    );
    assert_eq!(github.github.ref_tag.as_deref(), Some("v1.2.3"));
    assert_eq!(github.identity.oidc.unwrap().token.expose_secret(), "jwt-request");
}

#[test]
fn hostile_values_are_refused_and_shown_without_control_characters() {
    let (message, _) = Case::complete().flag("target", "a\u{1b}[31m").problem();
    assert!(!message.contains('\u{1b}'), "{message:?}");
    let (message, _) = Case::complete().flag("labels", &"a=b\n".repeat(1001)).problem();
    assert!(message.contains("more than 1000 entries"), "{message}");
    let (message, _) = Case::complete()
        .flag("build-args", &"a".repeat(1024 * 1024 + 1))
        .problem();
    assert!(message.contains("longer than 1 MiB"), "{message}");
    let mut case = Case::complete();
    case.variables
        .push(("TAGSHIP_TARGET".into(), OsString::from_vec(vec![0xff])));
    assert_eq!(case.problem().0, "`TAGSHIP_TARGET`: is not UTF-8");
    let (message, _) = Case::complete().flag("config", "missing.yaml").problem();
    assert_eq!(message, "`--config`: there is no file `missing.yaml`");
}

#[test]
fn no_debug_output_shows_a_value() {
    let case = Case::complete()
        .variable("TAGSHIP_GITHUB_TOKEN", "s3cret-token")
        .variable("TAGSHIP_SECRETS", "npm=s3cret-value")
        .flag("build-args", "A=s3cret-arg");
    let environment = case.environment();
    let given = Given::by_flags(case.flags.clone());
    let text = format!("{environment:?} {given:?}");
    let raw = RawInputs::gather(given, &environment);
    let text = format!("{text} {raw:?}");
    let text = format!("{text} {:?}", resolve(raw, &environment).unwrap());
    assert!(!text.contains("s3cret"), "{text}");
}
