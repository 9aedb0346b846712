//! By which proxy each kind of server is reached, and which hosts of AWS are asked: the program beside a proxy that writes
//! down what it is asked for.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use tagship_domain::immutability::Mutability;
use test_support::checkout::Checkout;
use test_support::git_server::GitServer;
use test_support::github::Github;
use test_support::images::Pusher;
use test_support::local::{ACCOUNT, Ecr, ROLE_ARN};
use test_support::process::{Finished, finish, repository_root, tagship};
use test_support::proxy::Proxy;

const REGISTRY: &str = "123456789012.dkr.ecr.eu-central-1.amazonaws.com";

/// `user:pass@word` in Base64. Source: RFC 7617; the text is coreutils' `base64`.
const BASIC: &str = "Basic dXNlcjpwYXNzQHdvcmQ=";

/// An embedded ECR under its own names behind a proxy, and a checkout.
struct World {
    ecr: Ecr,
    proxy: Proxy,
    checkout: Checkout,
    home: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        let ecr = Ecr::start_with_tls(None);
        ecr.create_repository("team/app", &Mutability::Immutable);
        let checkout = Checkout::with(&[("Dockerfile", "FROM scratch\nCOPY Dockerfile /\n")]);
        let plain = ecr.host().parse().unwrap();
        Self {
            proxy: Proxy::to(ecr.tls_address(), plain),
            checkout,
            home: tempfile::tempdir().unwrap(),
            ecr,
        }
    }

    /// The program, which knows nothing but the proxy and the registry.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = tagship(self.home.path());
        let (_, authority) = self.ecr.own_names();
        let proxy = format!("http://user:pass%40word@{}", self.proxy.address());
        command
            .current_dir(self.checkout.path())
            .env("HTTPS_PROXY", &proxy)
            .env("HTTP_PROXY", &proxy)
            .env("SSL_CERT_FILE", authority)
            .env("TAGSHIP_REGISTRY", REGISTRY)
            .env("TAGSHIP_REPOSITORY", "team/app")
            .env("DOCKER_HOST", "unix:///nonexistent/docker.sock")
            .args(arguments);
        command
    }

    fn with_key(&self, arguments: &[&str]) -> Command {
        let (id, secret) = self.ecr.admin_key();
        let mut command = self.command(arguments);
        command
            .env("AWS_ACCESS_KEY_ID", id)
            .env("AWS_SECRET_ACCESS_KEY", secret);
        command
    }

    /// The hosts that the proxy was asked for, each with the credentials, of which nothing is shown.
    #[track_caller]
    fn asked(&self, run: &Finished) -> BTreeSet<String> {
        let asked = self.proxy.take();
        for one in &asked {
            assert_eq!(one.authorization.as_deref(), Some(BASIC), "{one:?}");
        }
        let shown = format!("{}{}", run.stdout, run.stderr);
        assert!(
            !shown.contains("pass%40word") && !shown.contains("pass@word"),
            "{shown}"
        );
        asked.into_iter().map(|one| one.host).collect()
    }
}

fn hosts(hosts: &[&str]) -> BTreeSet<String> {
    hosts.iter().map(|host| (*host).to_owned()).collect()
}

#[test]
fn every_kind_of_server_is_reached_by_the_proxy() {
    let world = World::new();
    // STS and the issuer of the job's token, ECR and the registry.
    let (request, token) = world.ecr.oidc_request_from("10.0.0.1");
    let mut doctor = world.command(&["doctor", "--role-to-assume", ROLE_ARN]);
    doctor
        .env("ACTIONS_ID_TOKEN_REQUEST_URL", &request)
        .env("ACTIONS_ID_TOKEN_REQUEST_TOKEN", token);
    let run = finish(&mut doctor);
    let asked = world.asked(&run);
    let expected = [
        "10.0.0.1",
        "sts.eu-central-1.amazonaws.com",
        "api.ecr.eu-central-1.amazonaws.com",
        REGISTRY,
    ];
    assert_eq!(asked, hosts(&expected), "{}", run.stderr);

    // Another registry, whose images are copied.
    let copy = ["copy", "registry.example/app:1", "team/app:1"];
    let run = finish(&mut world.with_key(&copy));
    assert!(world.asked(&run).contains("registry.example"), "{}", run.stderr);

    // GitHub, the webhook that hears of the end, and the repository that the context lies in.
    let mut plan = world.with_key(&["doctor"]);
    plan.env("GITHUB_ACTIONS", "true")
        .env("GITHUB_API_URL", "http://10.0.0.2/api/v3")
        .env("GITHUB_REPOSITORY", "octo/app")
        .env("TAGSHIP_GITHUB_TOKEN", "ghs_token");
    let run = finish(&mut plan);
    assert!(world.asked(&run).contains("10.0.0.2"), "{}", run.stderr);

    let mut ship = world.with_key(&["ship"]);
    ship.env("TAGSHIP_NOTIFY", "webhook=https://hooks.example/secret");
    let run = finish(&mut ship);
    assert!(world.asked(&run).contains("hooks.example"), "{}", run.stderr);

    let run = finish(&mut world.with_key(&["build", "--context", "https://git.example/a.git"]));
    assert!(world.asked(&run).contains("git.example"), "{}", run.stderr);
}

#[test]
fn this_machine_is_reached_without_the_proxy() {
    let world = World::new();
    let github = Github::of(world.checkout.path());
    let git = GitServer::of(&[("app", world.checkout.path())], None);
    let pusher = Pusher::new(&world.ecr, "team/app");
    let digest = pusher.image("amd64", "content", &serde_json::json!({})).digest;
    pusher.tag("1", &digest);
    let (request, token) = world.ecr.oidc_request();
    let lead = |command: &mut Command| {
        command
            .env("TAGSHIP_REGISTRY", world.ecr.host())
            .env("TAGSHIP_ENDPOINT_URL", world.ecr.url())
            .env("AWS_REGION", "eu-central-1");
        finish(command)
    };
    let mut doctor = world.command(&["doctor", "--json", "--role-to-assume", ROLE_ARN]);
    doctor
        .env("ACTIONS_ID_TOKEN_REQUEST_URL", request)
        .env("ACTIONS_ID_TOKEN_REQUEST_TOKEN", token)
        .envs(github.job());
    let run = lead(&mut doctor);
    assert!(run.stdout.contains("answers"), "{}", run.stdout);
    lead(&mut world.with_key(&["promote", "team/app:1", "--tag", "2"]));
    let context = git.url("app");
    lead(&mut world.with_key(&["build", "--context", &context]));
    assert_ne!(git.requests(), [] as [String; 0]);
    assert_eq!(world.proxy.take(), []);
}

#[test]
fn a_proxy_that_cannot_be_used_is_named_before_anything_is_sent() {
    let world = World::new();
    // Source: WebAssembly core specification, "Modules", "Binary Format": the smallest one.
    let module = world.checkout.path().join("module.wasm");
    std::fs::write(module, b"\0asm\x01\0\0\0").unwrap();
    for arguments in [
        &["plan"][..],
        &["ship"],
        &["doctor"],
        &["ls"],
        &["inspect", "team/app:1"],
        &["repo", "plan"],
        &["promote", "team/app", "--from", "1", "--to", "2"],
        &["push", "module.wasm", "team/app:1"],
        &["push", "module.wasm", "ghcr.io/team/app:1"],
        &["copy", "team/app:1", "ghcr.io/team/app"],
        &["copy", "ghcr.io/team/app:1", "ghcr.io/team/other"],
        &["copy", "ghcr.io/team/app:1", "oci:image"],
    ] {
        let mut command = world.with_key(arguments);
        let run = finish(command.env("HTTPS_PROXY", "socks5://user:pass@word@10.0.0.1:1080"));
        let said = "`HTTPS_PROXY`: `socks5://***@10.0.0.1:1080` is a proxy of another protocol than HTTP";
        assert!(
            format!("{}{}", run.stdout, run.stderr).contains(said),
            "{arguments:?}: {}{}",
            run.stdout,
            run.stderr
        );
        let hint = "name a proxy as `http://host:port`, or unset the variable";
        let shown = format!("{}{}", run.stdout, run.stderr);
        assert!(shown.contains(hint), "{arguments:?}: {shown}");
        run.expect_code(2);
        assert_eq!(world.proxy.take(), []);
        assert!(!run.stderr.contains("pass@word"), "{}", run.stderr);
    }
}

#[test]
fn a_bundle_of_aws_counts_for_registries_too_and_a_broken_one_is_named() {
    let world = World::new();
    let (_, authority) = world.ecr.own_names();
    let with = |bundle: &Path| {
        let mut doctor = world.with_key(&["doctor", "--json"]);
        doctor.env_remove("SSL_CERT_FILE").env("AWS_CA_BUNDLE", bundle);
        finish(&mut doctor)
    };
    let run = with(&authority);
    assert!(run.stdout.contains("answers"), "{}", run.stdout);
    let gone = world.home.path().join("gone.pem");
    let run = with(&gone);
    let said = format!("`AWS_CA_BUNDLE`: `{}` does not exist", gone.display());
    assert!(
        format!("{}{}", run.stdout, run.stderr).contains(&said),
        "{}",
        run.stderr
    );
    run.expect_code(2);
}

/// The texts between back ticks of a cell.
fn quoted(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

#[test]
fn the_hosts_of_aws_are_those_of_the_page() {
    let page = std::fs::read_to_string(repository_root().join("docs/networks.md")).unwrap();
    let heading = "| The environment has | The registry | Hosts that are asked |\n";
    let table = page.split_once(heading).unwrap().1;
    let rows = table.lines().skip(1).take_while(|line| line.starts_with('|'));
    let world = World::new();
    let mut count = 0;
    for row in rows {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let mut doctor = world.with_key(&["doctor", "--allowed-account-ids", ACCOUNT]);
        doctor.env("TAGSHIP_REGISTRY", quoted(cells[1])[0]);
        for variable in quoted(cells[0]) {
            let (name, value) = variable.split_once('=').unwrap();
            doctor.env(name, value);
        }
        let run = finish(&mut doctor);
        assert_eq!(
            world.asked(&run),
            hosts(&quoted(cells[2])),
            "{row}\n{}",
            run.stderr
        );
        count += 1;
    }
    assert!(count > 15, "{count}");
}
