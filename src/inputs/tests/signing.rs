//! Who signs the image.

use super::*;
use crate::settings::SignKey;
use tagship_domain::signing::Signer;

#[test]
fn a_key_is_a_path_in_the_workspace_or_a_reference() {
    let case = || Case::complete().flag("sign", "cosign");
    let of_file = case().flag("sign-key", "keys/cosign.key");
    let expected = of_file.path().canonicalize().unwrap().join("keys/cosign.key");
    let sign = of_file.settings().sign.unwrap();
    assert_eq!(sign.signer, Signer::Cosign);
    assert_eq!(sign.key, SignKey::Private(expected.display().to_string()));
    let reference = case().flag("sign-key", "awskms:///alias/release").settings();
    let key = reference.sign.unwrap().key;
    assert_eq!(key, SignKey::Private("awskms:///alias/release".to_owned()));
    assert_eq!(
        Case::complete()
            .flag("sign", "notation")
            .settings()
            .sign
            .unwrap()
            .key,
        SignKey::Configured
    );
    assert!(Case::complete().settings().sign.is_none());
}

#[test]
fn a_program_gets_what_it_needs_and_no_token_of_the_job() {
    let settings = Case::complete()
        .flag("sign", "cosign")
        .flag("sign-key", "env://COSIGN_PRIVATE_KEY")
        .variable("COSIGN_PRIVATE_KEY", "of cosign")
        .variable("COSIGN_PASSWORD", "very-secret")
        .variable("PATH", "/usr/bin")
        .variable("AWS_REGION", "eu-central-1")
        .variable("GITHUB_TOKEN", "of the job")
        .variable("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "of the job")
        .variable("TAGSHIP_GITHUB_TOKEN", "of-the-job")
        .settings();
    let secrets: Vec<_> = settings
        .secrets()
        .map(|one| one.expose_secret().to_owned())
        .collect();
    assert!(secrets.contains(&"very-secret".to_owned()));
    assert!(!format!("{settings:?}").contains("very-secret"));
    let names: Vec<_> = settings.sign.unwrap().variables.into_keys().collect();
    assert_eq!(
        names,
        ["AWS_REGION", "COSIGN_PASSWORD", "COSIGN_PRIVATE_KEY", "PATH"]
    );
}

#[test]
fn what_cannot_be_is_said_at_the_start() {
    let cosign = || {
        Case::complete()
            .flag("sign", "cosign")
            .flag("sign-key", "cosign.key")
    };
    for (case, part) in [
        (Case::complete().flag("sign", "gpg"), "is none of"),
        (Case::complete().flag("sign", "cosign"), "needs `sign-key`"),
        (
            Case::complete().flag("sign-key", "cosign.key"),
            "nothing is signed",
        ),
        (
            Case::complete().flag("sign", "managed").flag("sign-key", "x"),
            "the profile of its own rule",
        ),
        (
            cosign().flag("push", "false"),
            "what is not published is not signed",
        ),
        (
            Case::complete()
                .flag("sign", "managed")
                .flag("targets", "registry.example/team/other"),
            "`targets` names `registry.example/team/other`",
        ),
        (
            Case::complete()
                .flag("sign", "managed")
                .flag("targets", "public.ecr.aws/team/other"),
            "`targets` names `public.ecr.aws/team/other`",
        ),
    ] {
        let error = case.resolve().unwrap_err().to_string();
        assert!(error.contains(part), "{part}: {error}");
    }
    for (signing, target) in [
        (cosign(), "registry.example/team/other"),
        (
            Case::complete().flag("sign", "managed"),
            &format!("{REGISTRY}/team/other"),
        ),
    ] {
        assert!(signing.flag("targets", target).resolve().is_ok(), "{target}");
    }
}

#[test]
fn the_container_of_the_action_has_no_programs() {
    let action = |signer: &str| {
        Case::new()
            .variable("GITHUB_ACTIONS", "true")
            .variable("INPUT_REPOSITORY", "team/app")
            .variable("INPUT_REGISTRY", REGISTRY)
            .variable("INPUT_SIGN", signer)
    };
    for program in ["cosign", "notation"] {
        let error = action(program).resolve_action().unwrap_err();
        let [problem] = error.problems() else {
            panic!("{error}")
        };
        assert!(problem.message.contains("programs of the host"), "{error}");
        assert!(
            problem.hint.as_ref().unwrap().contains("tagship/setup"),
            "{error}"
        );
    }
    assert!(action("managed").resolve_action().is_ok());
}
