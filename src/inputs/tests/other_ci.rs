//! Jobs of CI systems other than GitHub Actions.

use super::*;

const JWT: &str = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln";

/// The token that the role is assumed with.
fn token(case: &Case) -> Option<String> {
    match case.settings().identity.oidc {
        Some(OidcToken::Given(token)) => Some(token.expose_secret().to_owned()),
        Some(other) => panic!("{other:?}"),
        None => None,
    }
}

#[test]
fn a_job_is_about_what_its_variables_say() {
    let settings = Case::complete()
        .variable("GITLAB_CI", "true")
        .variable("CI_PIPELINE_SOURCE", "push")
        .variable("CI_COMMIT_TAG", "v1.2.3")
        .settings();
    let event = settings.event.unwrap();
    assert_eq!(event.git_ref.tag(), Some("v1.2.3"));
    assert_eq!(event.name, "push");
    assert!(!settings.identity.in_actions);
}

#[test]
fn a_token_is_given_or_left_by_the_jobs_system() {
    assert_eq!(token(&Case::complete().variable("GITLAB_CI", "true")), None);
    let given = Case::complete()
        .variable("GITLAB_CI", "true")
        .variable("TAGSHIP_ID_TOKEN", JWT);
    assert_eq!(token(&given).as_deref(), Some(JWT));
    for (mark, name) in [
        ("BITBUCKET_BUILD_NUMBER", "BITBUCKET_STEP_OIDC_TOKEN"),
        ("CIRCLECI", "CIRCLE_OIDC_TOKEN"),
        ("CIRCLECI", "CIRCLE_OIDC_TOKEN_V2"),
    ] {
        let left = Case::complete().variable(mark, "true").variable(name, JWT);
        assert_eq!(token(&left).as_deref(), Some(JWT), "{name}");
        assert_eq!(token(&Case::complete().variable(name, JWT)), None, "{name}");
        let both = left.variable("TAGSHIP_ID_TOKEN", "e30.e30.c2ln");
        assert_eq!(token(&both).as_deref(), Some("e30.e30.c2ln"), "{name}");
    }
}

#[test]
fn what_is_no_token_is_refused_without_being_shown() {
    for text in ["$TOKEN", "not-a.jwt", "a.b.c d", "eyJh\u{e4}.e30.x", "..", "a..c"] {
        let (message, _) = Case::complete().variable("TAGSHIP_ID_TOKEN", text).problem();
        assert!(message.contains("is no JWT"), "{message}");
        assert!(!message.contains(text), "{message}");
    }
    let trimmed = Case::complete().variable("TAGSHIP_ID_TOKEN", &format!(" {JWT}\n"));
    assert_eq!(token(&trimmed).as_deref(), Some(JWT));
}

#[test]
fn the_file_of_a_forks_checkout_has_no_say() {
    let of = |project: &str| {
        Case::complete()
            .file("tagship.yaml", "endpoint-url: https://stranger.example\n")
            .variable("GITLAB_CI", "true")
            .variable("CI_PROJECT_ID", "1")
            .variable("CI_MERGE_REQUEST_IID", "2")
            .variable("CI_MERGE_REQUEST_SOURCE_PROJECT_ID", project)
    };
    let (message, hint) = of("3").problem();
    assert!(
        message.contains("`endpoint-url` counts only when the workflow says so"),
        "{message}"
    );
    assert!(hint.unwrap().contains("another repository"));
    let (_, hint) = of("1").problem();
    assert!(hint.unwrap().contains("config: tagship.yaml"));
}
