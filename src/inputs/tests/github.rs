//! What the event of a job allows.

use super::*;

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
        .variable("GITHUB_REF", "refs/tags/v1.2.3");
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
    assert_eq!(github.event.unwrap().git_ref.tag(), Some("v1.2.3"));
    let Some(OidcToken::Request(request)) = github.identity.oidc else {
        panic!("no token is asked for");
    };
    assert_eq!(request.token.expose_secret(), "jwt-request");
}

/// GitHub's client would answer such a token with a panic.
#[test]
fn a_token_that_cannot_be_sent_is_named_and_not_shown() {
    for wrong in ["s3crét", "s3 cret", "s3\u{a0}cret"] {
        let (message, hint) = Case::complete().variable("TAGSHIP_GITHUB_TOKEN", wrong).problem();
        assert_eq!(
            message,
            "`TAGSHIP_GITHUB_TOKEN`: has a character that no token has"
        );
        assert!(hint.unwrap().contains("copied from"));
    }
    let (message, _) = Case::complete()
        .variable("TAGSHIP_GITHUB_TOKEN", "s3cret\n# of the bot")
        .problem();
    assert!(!message.contains("s3cret"), "{message}");
    // What surrounds it is left out, also by commands that read no settings.
    let case = Case::complete().variable("TAGSHIP_GITHUB_TOKEN", " s3cret\n");
    let (of_settings, of_command) = (case.settings().github, forge(&case.environment()));
    for token in [of_settings.token, of_command.token] {
        assert_eq!(token.unwrap().expose_secret(), "s3cret");
    }
    let wrong = Case::complete().variable("TAGSHIP_GITHUB_TOKEN", "s3crét");
    assert!(forge(&wrong.environment()).token.is_none());
}

#[test]
fn hostile_values_are_refused_and_shown_without_control_characters() {
    let (message, _) = Case::complete().flag("target", "a\u{1b}[31m").problem();
    assert!(!message.contains('\u{1b}'), "{message:?}");
    let (message, _) = Case::complete()
        .flag("build-args", &"a=b\n".repeat(1001))
        .problem();
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
    let given = RawArguments::by_flags(case.flags.clone());
    let text = format!("{environment:?} {given:?}");
    let raw = RawInputs::gather(given, &environment);
    let text = format!("{text} {raw:?}");
    let text = format!("{text} {:?}", resolve(raw, &environment).unwrap());
    assert!(!text.contains("s3cret"), "{text}");
}

#[test]
fn a_fork_without_credentials_builds_alone_and_one_with_credentials_publishes() {
    let fork = r#"{"number":7,"repository":{"full_name":"a/b"},"pull_request":{"head":{"repo":{"full_name":"fork/b"}}}}"#;
    let case = || {
        let case = Case::complete().file("event.json", fork);
        let event = case.path().join("event.json").display().to_string();
        case.flag("role-to-assume", "publish")
            .flag("sign", "managed")
            .flag("release", "git-tag")
            .variable("GITHUB_ACTIONS", "true")
            .variable("GITHUB_EVENT_NAME", "pull_request")
            .variable("GITHUB_REF", "refs/pull/7/merge")
            .variable("GITHUB_EVENT_PATH", &event)
    };
    let resolved = case().resolve().unwrap();
    let settings = &resolved.settings;
    assert!(!settings.is_published() && settings.sign.is_none() && settings.release.is_none());
    assert!(
        resolved
            .notes
            .iter()
            .any(|note| note.contains("from a fork") && note.contains("neither published")),
        "{:?}",
        resolved.notes
    );
    let own = case()
        .variable("TAGSHIP_AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
        .variable("TAGSHIP_AWS_SECRET_ACCESS_KEY", "secret");
    assert!(own.settings().is_published());
}
