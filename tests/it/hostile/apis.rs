//! What calls itself AWS: ECR's API, STS and GitHub's issuer, all of which give JSON or XML.

use test_support::checkout::Checkout;
use test_support::process::tagship;

use super::{answer, broken, peer, survive, unfitting};

/// Well-formed answers that are no right ones.
fn attacks() -> Vec<(&'static str, Vec<u8>)> {
    let ok = |body: &str| answer("200 OK", "Content-Type: application/x-amz-json-1.1\r\n", body);
    let refused = |body: &str| {
        answer(
            "400 Bad Request",
            "Content-Type: application/x-amz-json-1.1\r\n",
            body,
        )
    };
    let token = |token: &str| {
        ok(&format!(
            "{{\"authorizationData\":[{{\"authorizationToken\":{token},\"expiresAt\":4e9}}]}}"
        ))
    };
    let mut all = unfitting();
    all.extend([
        ("a token that is no Base64", token("\"?\"")),
        ("a token without a name", token("\"cGFzc3dvcmQ=\"")),
        ("a token with line breaks", token("\"QVdTOmEKYjogYw==\"")),
        ("a token that is too long", token(&format!("\"{}\"", "QQ".repeat(100_000)))),
        ("a token that is a list", token("[]")),
        ("a token that ended", ok("{\"authorizationData\":[{\"authorizationToken\":\"QVdTOmE=\",\"expiresAt\":-1e300}]}")),
        ("repositories without one", ok("{\"repositories\":[]}")),
        ("a mutability that there is not", ok("{\"repositories\":[{\"repositoryName\":\"team/app\",\"imageTagMutability\":\"PERHAPS\\u001b[31m\"}]}")),
        ("filters that are too long", ok(&format!("{{\"repositories\":[{{\"repositoryName\":\"team/app\",\"imageTagMutability\":\"IMMUTABLE_WITH_EXCLUSION\",\"imageTagMutabilityExclusionFilters\":[{{\"filterType\":\"WILDCARD\",\"filter\":\"{}\"}}]}}]}}", "*".repeat(10_000)))),
        ("an image that was not asked for", ok("{\"repositories\":[{\"imageTagMutability\":\"MUTABLE\"}],\"images\":[{\"imageId\":{\"imageTag\":\"other\",\"imageDigest\":\"sha256:00\"},\"imageManifest\":\"{}\"}]}")),
        ("a manifest under another digest", ok("{\"repositories\":[{\"imageTagMutability\":\"MUTABLE\"}],\"images\":[{\"imageId\":{\"imageTag\":\"1.0.0\",\"imageDigest\":\"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\"},\"imageManifest\":\"{}\",\"imageManifestMediaType\":\"x\"}]}")),
        ("an error with controls", refused("{\"__type\":\"Evil\\u001b[31mException\",\"message\":\"::set-output name=x::y\\r\\n\\u202e\"}")),
        ("an error without a type", refused("{\"message\":1}")),
        ("an error in XML", answer("400 Bad Request", "Content-Type: text/xml\r\n", "<ErrorResponse><Error><Code>&lol;</Code></Error></ErrorResponse>")),
        ("XML that grows", answer("200 OK", "Content-Type: text/xml\r\n", "<!DOCTYPE l [<!ENTITY a \"aaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;\">]><l>&b;</l>")),
        ("denied", refused("{\"__type\":\"AccessDeniedException\",\"message\":\"\\u001b]8;;http://evil\\u0007\"}")),
        ("credentials without a key", answer("200 OK", "", "<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials/></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>")),
        ("an OIDC token that is none", ok("{\"value\":\"a.b.c\"}")),
        ("an OIDC token with line breaks", ok("{\"value\":\"a\\nb: c\"}")),
    ]);
    all
}

#[test]
fn no_answer_of_ecrs_api_harms_a_plan() {
    let checkout = Checkout::with(&[("Dockerfile", "FROM scratch\nCOPY . /\n")]);
    checkout.tag("v1.0.0");
    let home = tempfile::tempdir().unwrap();
    let mut attacks = attacks();
    attacks.extend(broken());
    for (what, bytes) in &attacks {
        let address = peer(bytes.clone());
        let mut command = tagship(home.path());
        command
            .current_dir(checkout.path())
            .args([
                "plan",
                "--repository",
                "team/app",
                "--registry",
                &address.to_string(),
            ])
            .args(["--endpoint-url", &format!("http://{address}")])
            .env("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
            .env(
                "AWS_SECRET_ACCESS_KEY",
                "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            )
            .env("AWS_MAX_ATTEMPTS", "1");
        let finished = survive(what, &mut command);
        assert!(
            !finished.stdout.contains("already published"),
            "{what}: {}",
            finished.stdout
        );
    }
    assert!(attacks.len() >= 50, "{}", attacks.len());
}

// What is no HTTP counts as trouble that passes, and is waited for longer than a test does.
#[test]
fn no_answer_of_an_issuer_or_of_sts_harms_a_step() {
    let checkout = Checkout::with(&[("Dockerfile", "FROM scratch\nCOPY . /\n")]);
    let home = tempfile::tempdir().unwrap();
    for (what, bytes) in &attacks() {
        let address = peer(bytes.clone());
        let mut command = tagship(home.path());
        command
            .current_dir(checkout.path())
            .args(["plan", "--repository", "team/app", "--aws-region", "eu-central-1"])
            .args(["--registry", "123456789012.dkr.ecr.eu-central-1.amazonaws.com"])
            .args(["--role-to-assume", "arn:aws:iam::123456789012:role/publish"])
            .env(
                "ACTIONS_ID_TOKEN_REQUEST_URL",
                format!("http://{address}/token?a=b"),
            )
            .env("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "t0ken-of-the-job")
            .env("AWS_ENDPOINT_URL_STS", format!("http://{address}"))
            .env("AWS_ENDPOINT_URL_ECR", format!("http://{address}"));
        let finished = survive(what, &mut command);
        assert!(
            !finished.stderr.contains("t0ken-of-the-job"),
            "{what}: {}",
            finished.stderr
        );
    }
}
