//! `-v` on a whole run: what a support case needs is there, and nothing that opens anything.

use std::collections::BTreeSet;

use regex::Regex;
use test_support::engines;
use test_support::process::finish;
use test_support::recorder::Recorder;
use test_support::shipping::Shipyard;

const BUILD_ARGUMENT: &str = "v4lue-of-an-argument";
const SECRET: &str = "v4lue-of-a-secret";

/// Everything in what passed between the program and its servers that opens something.
///
/// Sources: AWS STS API reference, `Credentials`; ECR API reference, `AuthorizationData`; GitHub documentation, "OpenID Connect
/// reference"; RFC 9110, `Authorization`.
fn secrets(passed: &str) -> BTreeSet<String> {
    let forms = [
        r"(?i)authorization: *(?:bearer|basic) +([^\r\n]+)",
        r"(?i)authorization: *AWS4-HMAC-SHA256[^\r\n]*Signature=([0-9a-f]+)",
        r"(?i)x-amz-security-token: *([^\r\n]+)",
        r"<SecretAccessKey>([^<]+)<",
        r"<SessionToken>([^<]+)<",
        r#""authorizationToken" *: *"([^"]+)""#,
        r#""value" *: *"(eyJ[^"]+)""#,
    ];
    let mut found = BTreeSet::new();
    for form in forms {
        let of_form: BTreeSet<String> = Regex::new(form)
            .unwrap()
            .captures_iter(passed)
            .map(|captures| captures[1].to_owned())
            .collect();
        assert!(!of_form.is_empty(), "nothing passed in the form {form}");
        found.extend(of_form);
    }
    found
}

#[test]
fn the_log_of_a_run_has_every_call_and_no_secret() {
    for engine in engines::all() {
        let dockerfile = "FROM busybox:1\nARG A\nCOPY hello /hello\n\
                          RUN --mount=type=secret,id=s test -n \"$A\" && test -s /run/secrets/s\n";
        let yard = Shipyard::with(test_support::local::Ecr::start(), &[("Dockerfile", dockerfile)]);
        let recorder = Recorder::before(yard.ecr.host().parse().unwrap());
        let host = recorder.address().to_string();
        let more = [
            "-v",
            "--build-args",
            &format!("A={BUILD_ARGUMENT}"),
            "--secret-envs",
            "s=OF_STEP",
        ];
        let mut command = yard.command_at(&host, "ship", &engine.host(), &more);
        // The job's tokens come from the same server.
        let (url, token) = yard.ecr.oidc_request();
        command
            .env(
                "ACTIONS_ID_TOKEN_REQUEST_URL",
                url.replace(&yard.ecr.host(), &host),
            )
            .env("OF_STEP", SECRET);
        let run = finish(&mut command);
        run.expect_code(0);
        let log = &run.stderr;
        let image = format!("{host}/v2/{}", yard.repository);
        for form in [
            format!("`registry` is `{host}`, from `--registry`"),
            "`context` is `.` by default".to_owned(),
            "`build-args` is given, from `--build-args`".to_owned(),
            r"a token for the job at 127\.0\.0\.1: 200 in \d+ ms".to_owned(),
            format!(r"AssumeRoleWithWebIdentity at {host}: 200 in \d+ ms"),
            format!(r"GetAuthorizationToken at {host}: 200 in \d+ ms, request id [0-9a-f-]+"),
            format!(r"BatchGetImage at {host}: 200 in \d+ ms, request id [0-9a-f-]+"),
            format!(r"BatchCheckLayerAvailability at {host}: 200 in \d+ ms, request id [0-9a-f-]+"),
            format!(r"(HEAD|GET|PUT|POST) {image}/(blobs|manifests)/\S+: 20\d in \d+ ms"),
            r"engine: GET /(v[0-9.]+/)?version: 200 in \d+ ms".to_owned(),
            r"engine: POST /grpc: 101 in \d+ ms".to_owned(),
            r"BuildKit: Solve: OK in \d+ ms".to_owned(),
            r"BuildKit asks for /moby\.filesync\.v1\.FileSync/DiffCopy".to_owned(),
            r"BuildKit asks for /moby\.buildkit\.secrets\.v1\.Secrets/GetSecret".to_owned(),
        ] {
            let found = Regex::new(&form).unwrap().is_match(log);
            assert!(found, "{}: nothing is like {form} in\n{log}", engine.name);
        }
        let mut secrets = secrets(&recorder.passed());
        secrets.extend([BUILD_ARGUMENT, SECRET, &token].map(str::to_owned));
        for secret in secrets {
            let output = format!("{}{}", run.stdout, run.stderr);
            assert!(
                !output.contains(&secret),
                "{}: {secret} is in\n{output}",
                engine.name
            );
        }
    }
}
