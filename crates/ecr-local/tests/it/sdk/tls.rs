//! TLS under the names of AWS.

use std::os::unix::fs::PermissionsExt as _;

use ecr_local::SecureAccess;
use reqwest::{Certificate, Client, Method, StatusCode, header};
use serde_json::Value;
use tagship_domain::immutability::Mutability;
use tagship_domain::reference::Digest;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::bench::{ACCOUNT, Bench, REGION, REPOSITORY, location, oci_error, text};

const OTHER_ACCOUNT: &str = "999988887777";

async fn with_tls() -> (Bench, SecureAccess) {
    let bench = Bench::start_with(|options| options.tls = Some(0)).await;
    let tls = bench.local.access().tls.clone().unwrap();
    (bench, tls)
}

/// A client that trusts the emulator's authority alone, and finds these hosts at it.
fn trusting(tls: &SecureAccess, hosts: &[&str]) -> Client {
    let authority = std::fs::read(&tls.authority).unwrap();
    let mut client = Client::builder()
        .no_proxy()
        .tls_certs_only([Certificate::from_pem(&authority).unwrap()]);
    for host in hosts {
        client = client.resolve(host, tls.address);
    }
    client.build().unwrap()
}

fn registry_of(account: &str, region: &str) -> String {
    format!("{account}.dkr.ecr.{region}.amazonaws.com")
}

#[tokio::test]
async fn the_host_name_tells_which_registry_is_meant() {
    let (bench, tls) = with_tls().await;
    let (own, other) = (registry_of(ACCOUNT, REGION), registry_of(OTHER_ACCOUNT, REGION));
    let client = trusting(&tls, &[&own, &other]);
    let port = tls.address.port();
    let login = bench.registry().await.login;
    let start = async |host: &str| {
        let url = format!("https://{host}:{port}/v2/{REPOSITORY}/blobs/uploads/");
        let request = client.post(url).header(header::AUTHORIZATION, &login);
        request.send().await.unwrap()
    };
    let answer = start(&own).await;
    assert_eq!(answer.status(), StatusCode::ACCEPTED);
    let upload = location(&answer);
    assert!(
        upload.starts_with(&format!("https://{own}:{port}/v2/{REPOSITORY}/")),
        "{upload}"
    );
    let digest = Digest::of(b"content");
    let put = client.put(format!("{upload}?digest={digest}")).body("content");
    let answer = put.header(header::AUTHORIZATION, &login).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::CREATED);
    // The plain port shows the same registry, and another account's has no such repository.
    let blob = bench
        .registry()
        .await
        .get(&format!("{REPOSITORY}/blobs/{digest}"))
        .await;
    assert_eq!(blob.text().await.unwrap(), "content");
    assert_eq!(
        oci_error(start(&other).await).await,
        (
            404,
            "NAME_UNKNOWN".to_owned(),
            format!(
                "The repository with name '{REPOSITORY}' does not exist in the registry with id '{OTHER_ACCOUNT}'"
            )
        )
    );
}

// Source: ECR user guide, "Private registry authentication": a token is good in its region.
#[tokio::test]
async fn a_login_is_good_in_its_region_only() {
    let (bench, tls) = with_tls().await;
    let elsewhere = registry_of(ACCOUNT, "ap-south-1");
    let client = trusting(&tls, &[&elsewhere]);
    let request = client.get(format!("https://{elsewhere}:{}/v2/", tls.address.port()));
    let login = bench.registry().await.login;
    let answer = request.header(header::AUTHORIZATION, login).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(
        text(&answer, "www-authenticate"),
        format!(
            "Basic realm=\"https://{elsewhere}:{}/\",service=\"ecr.amazonaws.com\"",
            tls.address.port()
        )
    );
}

#[tokio::test]
async fn certificates_are_for_emulated_names_alone() {
    let (_bench, tls) = with_tls().await;
    let port = tls.address.port();
    let issuer = "token.actions.githubusercontent.com";
    let hosts = [issuer, "localhost", "github.com", "s3.eu-central-1.amazonaws.com"];
    let client = trusting(&tls, &hosts);
    let configuration = |host: &str| {
        let url = format!("https://{host}:{port}/.well-known/openid-configuration");
        client.get(url).send()
    };
    let answer: Value = configuration(issuer).await.unwrap().json().await.unwrap();
    assert_eq!(answer["issuer"], format!("https://{issuer}"));
    assert_eq!(
        answer["jwks_uri"],
        format!("https://{issuer}:{port}/.well-known/jwks")
    );
    assert!(configuration("localhost").await.is_ok());
    assert!(configuration("127.0.0.1").await.is_ok());
    assert!(configuration("github.com").await.is_err());
    assert!(configuration("s3.eu-central-1.amazonaws.com").await.is_err());
    // Who does not trust the authority gets nothing.
    let wary = Client::builder().no_proxy().build().unwrap();
    assert!(wary.get(tls.endpoint()).send().await.is_err());
}

// RFC 9110, section 15.5.20.
#[tokio::test]
async fn a_request_for_another_host_than_its_connections_is_misdirected() {
    let (_bench, tls) = with_tls().await;
    let own = registry_of(ACCOUNT, REGION);
    let client = trusting(&tls, &[&own]);
    let request = client
        .request(Method::GET, format!("https://{own}:{}/v2/", tls.address.port()))
        .header(header::HOST, registry_of(OTHER_ACCOUNT, REGION));
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::MISDIRECTED_REQUEST);
}

#[tokio::test]
async fn the_authority_stays_and_its_key_is_the_owners() {
    let (bench, tls) = with_tls().await;
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let folder = tls.authority.parent().unwrap();
    assert_eq!(mode(&folder.join("ca.key")), 0o600);
    assert_eq!(mode(folder), 0o700);
    let before = std::fs::read(&tls.authority).unwrap();
    let options = ecr_local::Options {
        tls: Some(0),
        ..crate::bench::options(bench.folder.path())
    };
    bench.local.stop().await;
    let again = ecr_local::LocalEcr::start(options).await.unwrap();
    let now = again.access().tls.clone().unwrap();
    assert_eq!(std::fs::read(&now.authority).unwrap(), before);
    again.stop().await;
}

#[tokio::test]
async fn each_port_lets_the_others_clients_go() {
    let (bench, tls) = with_tls().await;
    let mut plain = TcpStream::connect(tls.address).await.unwrap();
    plain
        .write_all(b"GET /v2/ HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .unwrap();
    let mut answer = Vec::new();
    // A TLS alert (RFC 8446, section 6: record type 21), and the end of the connection.
    plain.read_to_end(&mut answer).await.unwrap();
    assert_eq!(answer.first(), Some(&21), "{answer:?}");
    let mut secure = TcpStream::connect(bench.local.address()).await.unwrap();
    // The head of a TLS handshake record.
    secure
        .write_all(&[22, 3, 1, 0, 4, 1, 0, 0, 0, 13, 10, 13, 10])
        .await
        .unwrap();
    let mut answer = String::new();
    secure.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    bench.make("team/after", Mutability::Mutable).await;
}

#[tokio::test]
async fn the_public_registries_have_a_name_of_their_own() {
    let (bench, tls) = with_tls().await;
    let port = tls.address.port();
    let host = "public.ecr.aws";
    let own = registry_of(ACCOUNT, REGION);
    let client = trusting(&tls, &[host, &own]);
    let get = async |url: String, login: Option<&str>| {
        let mut request = client.get(url);
        if let Some(login) = login {
            request = request.header(header::AUTHORIZATION, login);
        }
        request.send().await.unwrap()
    };
    let unknown = get(format!("https://{host}:{port}/v2/"), None).await;
    assert_eq!(unknown.status(), StatusCode::UNAUTHORIZED);
    let realm = format!("https://{host}:{port}/token/");
    assert_eq!(
        text(&unknown, "www-authenticate"),
        format!("Bearer realm=\"{realm}\",service=\"public.ecr.aws\",scope=\"aws\"")
    );
    let token: Value = get(realm, None).await.json().await.unwrap();
    let bearer = format!("Bearer {}", token["token"].as_str().unwrap());
    let there = get(format!("https://{host}:{port}/v2/"), Some(&bearer)).await;
    assert_eq!(there.status(), StatusCode::OK);
    // The account's private registry knows neither.
    let private = get(format!("https://{own}:{port}/v2/"), Some(&bearer)).await;
    assert_eq!(private.status(), StatusCode::UNAUTHORIZED);
    let no_token = get(format!("https://{own}:{port}/token/"), None).await;
    assert_eq!(no_token.status(), StatusCode::NOT_FOUND);
    drop(bench);
}
