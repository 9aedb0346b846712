//! What a file in the checkout may say: in a job it may be a stranger's.

use std::os::unix::fs::symlink;

use super::*;
use tagship_domain::reference::AccountId;

const ROLE: &str = "arn:aws:iam::123456789012:role/publish";

impl Case {
    /// A job that an event about a commit of the workflow's own repository started.
    fn in_job() -> Self {
        Self::new().variable("GITHUB_ACTIONS", "true")
    }

    /// A job that a pull request from a fork started, with the rights of the base repository.
    fn of_fork() -> Self {
        let event =
            r#"{"repository":{"full_name":"a/b"},"pull_request":{"head":{"repo":{"full_name":"evil/b"}}}}"#;
        let case = Self::in_job().file("event.json", event);
        let path = case.path().join("event.json").display().to_string();
        case.variable("GITHUB_EVENT_NAME", "pull_request_target")
            .variable("GITHUB_EVENT_PATH", &path)
    }

    /// The inputs that are refused because only the workflow may give them.
    fn refused(&self) -> Vec<String> {
        let Err(error) = self.resolve() else {
            return Vec::new();
        };
        let of_trust = error
            .problems()
            .iter()
            .filter(|problem| problem.message.contains("counts only when the workflow says so"));
        of_trust
            .map(|problem| problem.message.split('`').nth(1).unwrap().to_owned())
            .collect()
    }
}

/// One value for each input that names an address, a credential, a variable or an outside path, or relaxes a check.
const DANGEROUS: [(&str, &str); 34] = [
    ("endpoint-url", "https://evil.example"),
    ("docker-host", "tcp://evil.example:2375"),
    ("builders", "[\"tcp://evil.example:1234,insecure=true\"]"),
    ("audience", "evil.example"),
    ("role-to-assume", "arn:aws:iam::999999999999:role/evil"),
    ("role-session-name", "admin"),
    ("role-duration-seconds", "43200"),
    ("allowed-account-ids", "999999999999"),
    ("secrets", "[\"id=x,env=ACTIONS_ID_TOKEN_REQUEST_TOKEN\"]"),
    ("secrets", "[\"id=x,src=/proc/self/environ\"]"),
    ("build-args", "[ACTIONS_ID_TOKEN_REQUEST_TOKEN]"),
    ("context", "/proc/self"),
    ("file", "../../etc/shadow"),
    ("local-data", "/var/lib"),
    ("allow-dirty", "true"),
    ("revision", "1111111111111111111111111111111111111111"),
    ("revision-time", "1"),
    ("sarif-file", ".git/hooks/pre-commit"),
    ("session-policy", "none"),
    ("sign", "managed"),
    ("notify-on", "success"),
    ("inline-session-policy", "'{\"Statement\":[]}'"),
    (
        "managed-session-policies",
        "[\"arn:aws:iam::aws:policy/AdministratorAccess\"]",
    ),
    ("web-identity-token-file", "Dockerfile"),
    ("role-chaining", "true"),
    ("force-skip-oidc", "true"),
    ("use-existing-credentials", "true"),
    ("role-external-id", "acme"),
    ("session-tags", "[Team=admin]"),
    ("transitive-tag-keys", "[Team]"),
    ("mask-aws-account-id", "true"),
    ("export-credentials", "true"),
    ("export-docker-login", "true"),
    ("use-docker-config", "true"),
];

#[test]
fn in_a_job_the_file_does_not_decide_where_credentials_go() {
    for (name, value) in DANGEROUS {
        let file = format!("repository: team/app\n{name}: {value}\n");
        let job = Case::in_job()
            .flag("registry", REGISTRY)
            .file("tagship.yaml", &file);
        assert_eq!(job.refused(), [name], "{value}");
        let named = Case::in_job()
            .flag("registry", REGISTRY)
            .flag("config", "tagship.yaml")
            .file("tagship.yaml", &file);
        assert!(named.refused().is_empty(), "the workflow vouches for it: {name}");
        let fork = Case::of_fork()
            .flag("registry", REGISTRY)
            .flag("config", "tagship.yaml")
            .file("tagship.yaml", &file);
        assert_eq!(
            fork.refused(),
            [name],
            "no name makes a stranger's file one's own"
        );
        let own = Case::new().flag("registry", REGISTRY).file("tagship.yaml", &file);
        assert!(
            own.refused().is_empty(),
            "on a laptop the file is its user's: {name}"
        );
        let other_ci = own.variable("CI", "true");
        assert_eq!(other_ci.refused(), [name]);
    }
}

#[test]
fn what_the_workflow_gives_needs_no_word_of_the_file() {
    let case = Case::in_job()
        .flag("registry", REGISTRY)
        .flag("audience", "of-the-workflow")
        .file("tagship.yaml", "repository: team/app\naudience: of-the-file\n");
    assert_eq!(case.settings().identity.audience, "of-the-workflow");
}

#[test]
fn of_several_images_none_says_more_than_the_file_may() {
    let case = Case::in_job()
        .flag("registry", REGISTRY)
        .flag("only", "api")
        .file(
            "tagship.yaml",
            "images:\n  api:\n    repository: team/api\n    endpoint-url: https://evil.example\n",
        );
    assert_eq!(case.refused(), ["endpoint-url"]);
}

#[test]
fn what_describes_the_image_may_stand_in_any_file() {
    let case = Case::of_fork()
        .flag("registry", REGISTRY)
        .file("app/Dockerfile", "FROM scratch\n")
        .file(
            "tagship.yaml",
            "repository: team/app\ncontext: app\nfile: app/Dockerfile\nbuild-args:\n  A: b\ntarget: x\n\
             tags: type=sha\nlabels: a=b\nplatforms: linux/arm64\n",
        );
    assert_eq!(case.refused(), [""; 0]);
    case.settings();
}

#[test]
fn a_link_of_a_stranger_leads_nowhere_outside() {
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("Dockerfile"), "FROM scratch\n").unwrap();
    let linked = |case: Case| {
        symlink(outside.path(), case.path().join("linked")).unwrap();
        case.flag("registry", REGISTRY).flag("repository", "team/app")
    };
    for (name, value) in [
        ("context", "linked"),
        ("file", "linked/Dockerfile"),
        ("secrets", "id=x,src=linked/Dockerfile"),
        // Results too, which are not there yet.
        ("digest-file", "linked/digest"),
        ("metadata-file", "linked/new/metadata"),
        ("iidfile", "linked/id"),
    ] {
        let (message, _) = linked(Case::of_fork()).flag(name, value).problem();
        assert!(
            message.contains("is led out of the checkout by a link"),
            "{message}"
        );
        linked(Case::in_job()).flag(name, value).settings();
    }
    let of_file = linked(Case::in_job()).file("tagship.yaml", "context: linked\n");
    assert_eq!(of_file.refused(), ["context"]);
}

#[test]
fn the_files_registry_is_the_roles_own_or_one_that_is_allowed() {
    let file = "registry: 999999999999.dkr.ecr.eu-central-1.amazonaws.com\nrepository: team/app\n";
    let of_file = || Case::in_job().file("tagship.yaml", file);
    let (message, hint) = of_file().flag("role-to-assume", ROLE).problem();
    assert_eq!(
        message,
        "tagship.yaml:1:1: account 999999999999 is not that of the role, 123456789012"
    );
    assert!(hint.unwrap().contains("`allowed-account-ids`"));
    let allowed = "123456789012\n999999999999";
    of_file()
        .flag("role-to-assume", ROLE)
        .flag("allowed-account-ids", allowed)
        .settings();
    let own = "arn:aws:iam::999999999999:role/publish";
    let settings = of_file().flag("role-to-assume", own).settings();
    assert_eq!(settings.identity.allowed_accounts.len(), 1);
    // The ordinary chain is asked whose it is.
    let settings = of_file().settings();
    assert_eq!(
        settings.identity.allowed_accounts,
        [AccountId::parse("999999999999").unwrap()]
    );
    // A role's name alone would be a role of the file's account.
    let (message, _) = of_file().flag("role-to-assume", "publish").problem();
    assert!(message.contains("its account is not known"), "{message}");
    // What the workflow names is not judged.
    let registry = "999999999999.dkr.ecr.eu-central-1.amazonaws.com";
    Case::in_job()
        .flag("registry", registry)
        .flag("repository", "team/app")
        .flag("role-to-assume", ROLE)
        .settings();
}

#[test]
fn the_files_registry_is_one_of_ecr() {
    let case = Case::in_job().flag("endpoint-url", "http://127.0.0.1:5510").file(
        "tagship.yaml",
        "registry: evil.example:443\nrepository: team/app\n",
    );
    assert!(case.problem().0.contains("counts only when the workflow says so"));
}

#[test]
fn the_log_of_a_job_shows_where_decisive_settings_come_from() {
    let case = Case::in_job()
        .flag("role-to-assume", ROLE)
        .flag("docker-host", "tcp://me:secret@builder:2376")
        .variable("TAGSHIP_ENDPOINT_URL", "https://emulator.example")
        .file(
            "tagship.yaml",
            &format!("registry: {REGISTRY}\nrepository: team/app\n"),
        );
    let notes = case.resolve().unwrap().notes;
    assert_eq!(
        notes,
        [
            format!("`registry` is `{REGISTRY}`, from tagship.yaml:1:1"),
            "`endpoint-url` is `https://emulator.example`, from `TAGSHIP_ENDPOINT_URL`".to_owned(),
            "`docker-host` is `tcp://me:***@builder:2376`, from `--docker-host`".to_owned(),
            format!("`role-to-assume` is `{ROLE}`, from `--role-to-assume`"),
        ]
    );
}

#[test]
fn the_file_is_no_link_out_of_the_workspace() {
    let elsewhere = tempfile::tempdir().unwrap();
    std::fs::write(elsewhere.path().join("shadow"), "root:s3cret\n").unwrap();
    for name in ["tagship.yaml", "other.yaml"] {
        let case = Case::new().flag("config", name);
        symlink(elsewhere.path().join("shadow"), case.path().join(name)).unwrap();
        let error = case.resolve().unwrap_err().to_string();
        assert!(
            error.contains("is a link that leads out of the workspace"),
            "{error}"
        );
        assert!(!error.contains("s3cret"), "{error}");
    }
}

#[test]
fn what_is_almost_a_setting_is_refused() {
    let (message, hint) = Case::complete().variable("TAGSHIP_REGISTY", "x").problem();
    assert_eq!(message, "`TAGSHIP_REGISTY`: is no variable of Tagship");
    assert_eq!(hint.as_deref(), Some("did you mean `TAGSHIP_REGISTRY`?"));
    for other in [
        "TAGSHIP_PORT",
        "TAGSHIP_SERVICE_HOST",
        "TAGSHIP_TEST_ENGINES",
        "TAGSHIP_INSTALL_DIR",
    ] {
        Case::complete().variable(other, "x").settings();
    }
    let (message, _) = Case::complete().file("tagship.yml", "target: x\n").problem();
    assert_eq!(message, "tagship.yml:1:1: is not read under this name");
    let both = Case::complete()
        .file("tagship.yml", "target: x\n")
        .file("tagship.yaml", "target: y\n");
    let (message, _) = both.problem();
    assert_eq!(
        message,
        "tagship.yml:1:1: lies beside `tagship.yaml`, and is not read"
    );
    let (message, _) = Case::complete()
        .without("registry")
        .flag("aws-region", "us-east-1a")
        .problem();
    assert!(
        message.starts_with("`--aws-region`: ") && message.contains("us-east-1a"),
        "{message}"
    );
}
