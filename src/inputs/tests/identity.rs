//! How AWS is convinced, what a session is like, and what later steps are given.

use super::*;
use crate::settings::ExportSettings;

const ROLE: &str = "arn:aws:iam::123456789012:role/publish";
/// A token of three parts, none of which says anything.
const JWT: &str = "e30.e30.c2ln";

impl Case {
    /// A job of GitHub Actions that may ask for OIDC tokens.
    fn with_oidc() -> Self {
        Self::complete()
            .variable("GITHUB_ACTIONS", "true")
            .variable("GITHUB_RUN_ID", "77")
            .variable("ACTIONS_ID_TOKEN_REQUEST_URL", "https://token.example/x")
            .variable("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "request-token")
            .flag("role-to-assume", ROLE)
    }

    fn with_key(self) -> Self {
        self.variable("TAGSHIP_AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
            .variable("TAGSHIP_AWS_SECRET_ACCESS_KEY", "key-secret")
    }
}

#[test]
fn oidc_gives_way_to_keys_and_to_the_chain() {
    let oidc = Case::with_oidc().settings().identity;
    assert!(matches!(oidc.oidc, Some(OidcToken::Request(_))));
    assert!(!oidc.chains_roles && !oidc.uses_existing);
    for name in ["role-chaining", "force-skip-oidc"] {
        let chained = Case::with_oidc().flag(name, "true").settings().identity;
        assert!(chained.oidc.is_none() && chained.chains_roles, "{name}");
    }
    let keyed = Case::with_oidc()
        .with_key()
        .variable("TAGSHIP_AWS_SESSION_TOKEN", "session-token")
        .settings();
    let key = keyed.identity.access_key.as_ref().unwrap();
    assert!(keyed.identity.oidc.is_none());
    assert_eq!(key.id, "AKIAEXAMPLE");
    let secrets: Vec<&str> = keyed
        .secrets()
        .map(secrecy::ExposeSecret::expose_secret)
        .collect();
    assert_eq!(secrets, ["key-secret", "session-token"]);
    let existing = Case::with_oidc()
        .flag("use-existing-credentials", "true")
        .settings();
    assert!(existing.identity.uses_existing && existing.identity.oidc.is_some());
}

#[test]
fn a_key_is_whole_and_has_no_blanks() {
    let half = Case::complete().variable("TAGSHIP_AWS_ACCESS_KEY_ID", "AKIA");
    let (message, _) = half.problem();
    assert_eq!(
        message,
        "`TAGSHIP_AWS_ACCESS_KEY_ID`: is given without `aws-secret-access-key`"
    );
    let (message, _) = Case::complete()
        .variable("TAGSHIP_AWS_ACCESS_KEY_ID", "AKIA")
        .variable("TAGSHIP_AWS_SECRET_ACCESS_KEY", "a b")
        .problem();
    assert!(message.contains("has a character in it"), "{message}");
    assert!(!message.contains("a b"), "{message}");
    let (message, hint) = Case::complete().flag("aws-secret-access-key", "s3cret").problem();
    assert!(message.contains("is not taken from a flag"), "{message}");
    assert_eq!(
        hint.as_deref(),
        Some("set the variable `TAGSHIP_AWS_SECRET_ACCESS_KEY`")
    );
}

#[test]
fn a_token_file_is_looked_at_before_it_is_used() {
    let case = Case::complete().flag("role-to-assume", ROLE).file("token", JWT);
    let path = case.path().join("token");
    let named = case.flag("web-identity-token-file", "token").settings().identity;
    assert!(matches!(named.oidc, Some(OidcToken::File(file)) if file == path));
    for (content, expected) in [("s3cret\n", "holds no JWT"), ("", "holds no JWT")] {
        let case = Case::complete()
            .flag("role-to-assume", ROLE)
            .file("token", content);
        let (message, _) = case.flag("web-identity-token-file", "token").problem();
        assert!(
            message.ends_with(expected) && !message.contains("s3cret"),
            "{message}"
        );
    }
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("token"), JWT).unwrap();
    let case = Case::complete().flag("role-to-assume", ROLE);
    std::os::unix::fs::symlink(outside.path().join("token"), case.path().join("token")).unwrap();
    let (message, _) = case.flag("web-identity-token-file", "token").problem();
    assert!(message.contains("is a link that leads out"), "{message}");
}

#[test]
fn two_proofs_are_one_too_many() {
    let both = Case::complete()
        .flag("role-to-assume", ROLE)
        .file("token", JWT)
        .flag("web-identity-token-file", "token");
    for (case, other) in [
        (both.with_key(), "aws-access-key-id"),
        (
            Case::with_oidc()
                .variable("TAGSHIP_ID_TOKEN", JWT)
                .flag("role-chaining", "true"),
            "role-chaining",
        ),
    ] {
        let (message, _) = case.problem();
        assert!(
            message.ends_with(&format!("does not go together with `{other}`")),
            "{message}"
        );
    }
}

#[test]
fn a_sessions_name_leads_to_its_run() {
    let name = |case: Case| case.settings().identity.session_name;
    assert_eq!(name(Case::complete()), "tagship");
    assert_eq!(name(Case::with_oidc()), "tagship-77");
    let gitlab = Case::complete()
        .variable("GITLAB_CI", "true")
        .variable("CI_PIPELINE_ID", "123");
    assert_eq!(name(gitlab), "tagship-123");
    // Source: AWS CodeBuild user guide, "Environment variables in build environments".
    let codebuild = Case::complete()
        .variable("CODEBUILD_BUILD_ARN", "arn:aws:codebuild:…")
        .variable("CODEBUILD_BUILD_ID", "demo:b1e6661e-e4f2-4156-9ab9-82a19EXAMPLE");
    assert_eq!(
        name(codebuild),
        "tagship-demob1e6661e-e4f2-4156-9ab9-82a19EXAMPLE"
    );
    let hostile = Case::with_oidc().variable("CIRCLECI", "true");
    assert_eq!(name(hostile), "tagship-77", "GitHub's word counts in its jobs");
}

#[test]
fn china_has_an_audience_of_its_own() {
    let audience = |case: Case| case.settings().identity.audience;
    assert_eq!(audience(Case::with_oidc()), "sts.amazonaws.com");
    let china = Case::new()
        .flag("repository", "team/app")
        .flag("registry", "123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn");
    assert_eq!(
        audience(china.flag("role-to-assume", "publish")),
        "sts.amazonaws.com.cn"
    );
}

#[test]
fn with_keys_a_session_takes_tags_and_an_external_id() {
    let case = Case::with_oidc()
        .with_key()
        .variable("GITHUB_REPOSITORY", "octo/app")
        .variable("GITHUB_WORKFLOW", "Build & ship")
        .flag("role-external-id", "acme:1")
        .flag("session-tags", "auto\nTeam=web")
        .flag("transitive-tag-keys", "Team");
    let session = case.settings().identity.session;
    assert_eq!(session.external_id.as_deref(), Some("acme:1"));
    let tags: Vec<String> = session
        .tags
        .iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    assert_eq!(
        tags,
        [
            "GitHub=Actions",
            "Repository=octo/app",
            "Workflow=Build _ ship",
            "Team=web"
        ]
    );
    assert_eq!(session.transitive_tags, ["Team"]);
    assert!(!session.has_policy());
}

#[test]
fn what_sts_does_not_take_is_refused_before_it_is_sent() {
    let policy =
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ecr:*","Resource":"*"}]}"#;
    let long = policy.replace("ecr:*", &"x".repeat(2048));
    let arn = "arn:aws:iam::aws:policy/ReadOnlyAccess";
    let eleven = [arn; 11].join("\n");
    let by_key = |name: &'static str, value: &str| Case::with_oidc().with_key().flag(name, value);
    for (case, expected) in [
        (
            Case::with_oidc().flag("session-tags", "a=b"),
            "AWS takes tags from the token's own claims alone",
        ),
        (
            Case::with_oidc().flag("role-external-id", "acme"),
            "AWS takes none beside a token",
        ),
        (
            Case::complete().flag("inline-session-policy", policy),
            "no role is assumed",
        ),
        (by_key("inline-session-policy", "[]"), "it has no `Statement`"),
        (by_key("inline-session-policy", "{"), "is no JSON"),
        (
            by_key("inline-session-policy", &long),
            "a session policy has at most 2048",
        ),
        (
            by_key("managed-session-policies", "ReadOnlyAccess"),
            "is not the ARN of a managed policy",
        ),
        (
            by_key("managed-session-policies", &eleven),
            "names 11 policies; a session takes 10",
        ),
        (by_key("role-external-id", "a b"), "is not 2 to 1224 letters"),
        (by_key("session-tags", "Team"), "is no tag"),
        (by_key("session-tags", "aws:x=1"), "begins with `aws:`"),
        (
            by_key("session-tags", "Team=a\nteam=b"),
            "tag `team` is given twice",
        ),
        (by_key("session-tags", "Team=a,b"), "is not a key of 1 to 128"),
        (
            by_key("transitive-tag-keys", "Team"),
            "is no key of `session-tags`",
        ),
    ] {
        let (message, _) = case.problem();
        assert!(message.contains(expected), "{message}");
    }
    let spaced = policy.replace(',', ",\n  ");
    let session = by_key("inline-session-policy", &spaced)
        .settings()
        .identity
        .session;
    let kept: serde_json::Value = serde_json::from_str(&session.inline_policy.unwrap()).unwrap();
    assert_eq!(kept, serde_json::from_str::<serde_json::Value>(policy).unwrap());
}

#[test]
fn what_later_steps_are_given_needs_a_job_and_a_publication() {
    let exports = |case: &Case| case.settings().exports;
    let wanted = Case::with_oidc().flag("export-credentials", "true");
    let (message, _) = wanted.problem();
    assert!(message.contains("is for jobs of GitHub Actions"), "{message}");
    let wanted = wanted.variable("GITHUB_ENV", "/runner/env");
    let given = ExportSettings {
        credentials: true,
        docker_login: false,
    };
    assert_eq!(exports(&wanted), given);
    let (message, _) = Case::complete().flag("export-docker-login", "true").problem();
    assert!(message.contains("is for jobs of GitHub Actions"), "{message}");
    for (name, why) in [
        ("local", "the embedded ECR ends with the run"),
        ("dry-run", "the run ends with its plan"),
    ] {
        let case = Case::with_oidc()
            .without("registry")
            .flag("aws-region", "eu-central-1")
            .flag("account-id", "123456789012")
            .variable("GITHUB_ENV", "/runner/env")
            .flag("export-credentials", "true")
            .flag(name, "true");
        let resolved = case.resolve().unwrap();
        assert_eq!(resolved.settings.exports, ExportSettings::default(), "{name}");
        let note = format!("`export-credentials` is left out: {why}");
        assert!(resolved.notes.contains(&note), "{:?}", resolved.notes);
    }
}

#[test]
fn accounts_are_hidden_where_that_is_asked_for() {
    let masked = |case: Case| -> Vec<String> {
        let masked = case.settings().masked_accounts();
        masked
            .iter()
            .map(|account| account.expose_secret().to_owned())
            .collect()
    };
    assert_eq!(masked(Case::with_oidc()), [""; 0]);
    let case = Case::with_oidc()
        .flag("mask-aws-account-id", "true")
        .flag("targets", "210987654321.dkr.ecr.us-east-1.amazonaws.com/team/app");
    assert_eq!(masked(case), ["123456789012", "210987654321"]);
}
