//! The docker command's configuration as that command writes it, and the order in which logins count.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use secrecy::ExposeSecret as _;
use tempfile::TempDir;

use super::config::ConfigError;
use super::*;
use crate::ports::{RegistryError, RunEvent};
use crate::settings::RegistryLoginSettings;

fn folder(config: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("config.json"), config).unwrap();
    folder
}

fn found(config: &str, host: &str) -> Result<Option<(String, String)>, ConfigError> {
    let folder = folder(config);
    let config = DockerConfig::read(folder.path())?.unwrap();
    Ok(match config.find(host)? {
        Found::Nothing => None,
        Found::Credential(credential) => Some((
            credential.username,
            credential.password.expose_secret().to_owned(),
        )),
        Found::Helper { name, server } => Some((format!("helper {name}"), server)),
    })
}

/// `auth` is base64 of `user:pass:word`, as `docker login` writes it.
#[test]
fn the_file_of_the_docker_command_is_read_as_that_command_reads_it() {
    let file = r#"{
        "auths": {
            "ghcr.io": {"auth": "dXNlcjpwYXNzOndvcmQ="},
            "https://index.docker.io/v1/": {"auth": "dXNlcjpwYXNzOndvcmQ="},
            "https://old.example/v2/": {"username": "u", "password": "p"},
            "token.example": {"auth": "dXNlcjp4", "identitytoken": "id-token"},
            "empty.example": {},
            "damaged.example": {"auth": "%%"}
        },
        "credHelpers": {"helped.example": "pass", "other.example": "../evil"},
        "HttpHeaders": {"X": "y"}
    }"#;
    let pair = |user: &str, password: &str| Some((user.to_owned(), password.to_owned()));
    for (host, expected) in [
        ("ghcr.io", pair("user", "pass:word")),
        ("registry-1.docker.io", pair("user", "pass:word")),
        ("old.example", pair("u", "p")),
        ("token.example", pair("", "id-token")),
        ("empty.example", None),
        ("unknown.example", None),
        ("helped.example", pair("helper pass", "helped.example")),
    ] {
        assert_eq!(found(file, host).unwrap(), expected, "{host}");
    }
    assert!(matches!(
        found(file, "damaged.example"),
        Err(ConfigError::Login { .. })
    ));
    assert!(matches!(
        found(file, "other.example"),
        Err(ConfigError::HelperName)
    ));
    let store = r#"{"auths": {"ghcr.io": {}}, "credsStore": "desktop"}"#;
    assert_eq!(
        found(store, "ghcr.io").unwrap(),
        pair("helper desktop", "ghcr.io")
    );
    let hub = pair("helper desktop", "https://index.docker.io/v1/");
    assert_eq!(found(store, "registry-1.docker.io").unwrap(), hub);
}

#[test]
fn a_damaged_file_is_named_and_not_shown() {
    let error = found(r#"{"auths": {"a": {"auth": hidden"#, "a").unwrap_err();
    assert!(matches!(error, ConfigError::Damaged { .. }));
    assert!(!error.to_string().contains("hidden"), "{error}");
    let none = tempfile::tempdir().unwrap();
    assert!(DockerConfig::read(none.path()).unwrap().is_none());
}

struct Ecr;

#[async_trait]
impl RegistryLogin for Ecr {
    async fn credential(&self, host: &RegistryHost) -> Result<RegistryCredential, LoginError> {
        if host.as_str().starts_with('9') {
            return Err(LoginError::new(RegistryError::Unavailable {
                host: host.clone(),
                operation: "logging in".into(),
                message: "refused".to_owned(),
                was_repeated: true,
            }));
        }
        Ok(RegistryCredential {
            username: "AWS".to_owned(),
            password: "of-ecr".into(),
        })
    }

    async fn forget(&self, _: &RegistryHost) {}
}

/// An identity that may not log in at ECR Public.
struct Refused(std::sync::atomic::AtomicU8);

#[async_trait]
impl RegistryLogin for Refused {
    async fn credential(&self, host: &RegistryHost) -> Result<RegistryCredential, LoginError> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Err(LoginError::new(RegistryError::Unavailable {
            host: host.clone(),
            operation: "logging in".into(),
            message: "denied".to_owned(),
            was_repeated: false,
        }))
    }

    async fn forget(&self, _: &RegistryHost) {}
}

#[tokio::test]
async fn ecr_public_is_used_with_the_runs_identity_or_without_a_login() {
    assert_eq!(
        password(&logins(None, true), "public.ecr.aws").await.as_deref(),
        Some("of-ecr")
    );
    let identity = Arc::new(Refused(0.into()));
    let refused = Logins::new(LoginSettings::default(), Some(identity.clone()), Arc::new(Silent));
    for _ in 0..2 {
        assert_eq!(password(&refused, "public.ecr.aws").await, None);
    }
    assert_eq!(identity.0.load(Ordering::Relaxed), 1, "it is asked once");
    let anonymous = Logins::new(LoginSettings::default(), None, Arc::new(Silent));
    assert_eq!(password(&anonymous, "public.ecr.aws").await, None);
}

struct Silent;

impl Reporter for Silent {
    fn mask(&self, _: &secrecy::SecretString) {}

    fn event(&self, _: RunEvent<'_>) {}
}

fn logins(folder: Option<&Path>, may_run_helpers: bool) -> Logins {
    let settings = LoginSettings {
        lines: vec![RegistryLoginSettings {
            host: "ghcr.io".to_owned(),
            username: "bot".to_owned(),
            password: "of-line".into(),
        }],
        docker_config: folder.map(Path::to_owned),
        may_run_helpers,
    };
    Logins::new(settings, Some(Arc::new(Ecr)), Arc::new(Silent))
}

async fn password(logins: &Logins, host: &str) -> Option<String> {
    let found = logins.find(host).await.unwrap();
    found.map(|credential| credential.password.expose_secret().to_owned())
}

#[tokio::test]
async fn lines_count_before_the_docker_command_and_that_before_the_runs_identity() {
    const ECR: &str = "123456789012.dkr.ecr.eu-central-1.amazonaws.com";
    let config = format!(
        r#"{{"auths": {{"ghcr.io": {{"auth": "dXNlcjp4"}}, "quay.io": {{"auth": "dXNlcjp4"}},
            "{ECR}": {{"auth": "dXNlcjp4"}}}}}}"#
    );
    let folder = folder(&config);
    let with = logins(Some(folder.path()), true);
    let without = logins(None, true);
    assert_eq!(password(&with, "ghcr.io").await.as_deref(), Some("of-line"));
    assert_eq!(password(&with, "quay.io").await.as_deref(), Some("x"));
    assert_eq!(password(&without, "quay.io").await, None);
    assert_eq!(password(&with, ECR).await.as_deref(), Some("x"));
    assert_eq!(password(&without, ECR).await.as_deref(), Some("of-ecr"));
    let other = "999999999999.dkr.ecr.us-east-1.amazonaws.com";
    assert!(without.find(other).await.is_err());
}

#[tokio::test]
async fn a_helper_program_is_run_where_it_may_be() {
    let folder = folder(r#"{"credHelpers": {"a.example": "tagship-test-none"}}"#);
    let error = logins(Some(folder.path()), true)
        .find("a.example")
        .await
        .unwrap_err();
    assert!(
        error
            .to_string()
            .contains("`docker-credential-tagship-test-none` cannot be run"),
        "{error}"
    );
    let error = logins(Some(folder.path()), false)
        .find("a.example")
        .await
        .unwrap_err();
    assert!(
        error
            .to_string()
            .contains("which a container action does not have"),
        "{error}"
    );

    // The name is a path only here: the search path of this process is everybody's.
    let program = folder.path().join("docker-credential-x");
    let name = program.display().to_string();
    let name = name.strip_suffix("docker-credential-x").unwrap();
    for (script, expected) in [
        (
            r#"read host; echo "{\"Username\":\"u\",\"Secret\":\"for $host\"}""#,
            Ok(Some("for a.example")),
        ),
        (
            "echo 'credentials not found in native keychain'; exit 1",
            Ok(None),
        ),
        (
            "echo 'the keychain is locked'; exit 1",
            Err("fails: the keychain is locked"),
        ),
        ("echo hidden", Err("answers with no login")),
    ] {
        std::fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        let answer = helper::ask_program(&format!("{name}docker-credential-x"), "x", "a.example").await;
        match (answer, expected) {
            (Ok(found), Ok(expected)) => {
                let found = found.map(|credential| credential.password.expose_secret().to_owned());
                assert_eq!(found.as_deref(), expected, "{script}");
            }
            (Err(error), Err(expected)) => assert!(error.to_string().contains(expected), "{error}"),
            (found, _) => panic!("{script}: {}", found.is_ok()),
        }
    }
}
