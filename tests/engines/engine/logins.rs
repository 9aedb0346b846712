//! Base images in registries that want a login.

use std::process::Stdio;

use http::header::{AUTHORIZATION, CONTENT_TYPE, WWW_AUTHENTICATE};
use tagship::ports::BuildError;
use tagship::settings::{LoginSettings, RegistryLoginSettings};
use tagship_domain::error::Diagnose as _;
use tagship_domain::reference::Digest;
use tempfile::TempDir;
use test_support::fake::{Fake, answer, serve};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use super::image::Image;
use super::support::{Bench, Engine, engines, folder, request};

/// Made with `perl -e 'print crypt("pull-secret", ...)'`: bcrypt, which is all that the registry takes.
const HTPASSWD: &str = "reader:$2y$05$abcdefghijklmnopqrstuuiuhH7Ikupt0NZBlrLOsxuBkm7D98a7C\n";
const USER: &str = "reader";
const PASSWORD: &str = "pull-secret";
/// Of `reader:pull-secret`.
const BASIC: &str = "cmVhZGVyOnB1bGwtc2VjcmV0";

/// Debian's registry, behind a password. It ends with this.
struct PrivateRegistry {
    host: String,
    _process: Child,
    _folder: TempDir,
}

impl PrivateRegistry {
    async fn start() -> Self {
        let files = folder(&[("htpasswd", HTPASSWD), ("data/", "")]);
        let path = |name: &str| files.path().join(name).display().to_string();
        let config = format!(
            "version: 0.1\nlog: {{level: info}}\nstorage: {{filesystem: {{rootdirectory: {}}}}}\n\
             http: {{addr: '127.0.0.1:0'}}\nauth: {{htpasswd: {{realm: private, path: {}}}}}\n",
            path("data"),
            path("htpasswd")
        );
        std::fs::write(files.path().join("config.yml"), config).unwrap();
        let mut process = Command::new(test_support::clients::client("docker-registry"))
            .arg("serve")
            .arg(files.path().join("config.yml"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let host = loop {
            let line = lines
                .next_line()
                .await
                .unwrap()
                .expect("the registry says where it listens");
            if let Some((_, rest)) = line.split_once("listening on ") {
                break rest.split(['"', ' ']).next().unwrap().to_owned();
            }
        };
        // What it says later is lost, but it must not wait to say it.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Self {
            host,
            _process: process,
            _folder: files,
        }
    }

    /// Pushes an image of one file with the docker command, and gives its name.
    async fn push(&self, engine: &Engine) -> String {
        let name = format!("{}/team/base:1", self.host);
        let context = folder(&[("Dockerfile", "FROM busybox\nRUN echo private > /private\n")]);
        let home = docker_folder(&self.host);
        engine
            .docker(&[
                "build",
                "--quiet",
                "--tag",
                &name,
                context.path().to_str().unwrap(),
            ])
            .await;
        let pushed = Command::new("docker")
            .args(["--host", &engine.address, "push", "--quiet", &name])
            .env("DOCKER_CONFIG", home.path())
            .output()
            .await
            .unwrap();
        assert!(
            pushed.status.success(),
            "{}",
            String::from_utf8_lossy(&pushed.stderr)
        );
        engine.docker(&["rmi", "--force", &name]).await;
        name
    }
}

/// The docker command's folder after a login.
fn docker_folder(host: &str) -> TempDir {
    let config = format!(r#"{{"auths": {{"{host}": {{"auth": "{BASIC}"}}}}}}"#);
    folder(&[("config.json", &config)])
}

fn line(host: &str, password: &str) -> LoginSettings {
    LoginSettings {
        lines: vec![RegistryLoginSettings {
            host: host.to_owned(),
            username: USER.to_owned(),
            password: password.into(),
        }],
        ..LoginSettings::default()
    }
}

#[tokio::test]
async fn a_private_base_image_is_pulled_with_the_login_that_is_given_or_left_by_docker() {
    for engine in engines() {
        let registry = PrivateRegistry::start().await;
        let base = registry.push(&engine).await;
        let context = folder(&[("Dockerfile", &format!("FROM {base}\nCOPY Dockerfile /\n"))]);
        let mut request = request(context.path());
        request.options.pull = true;
        // Refusals first: an engine that has pulled it once has it.
        for settings in [LoginSettings::default(), line(&registry.host, "wrong")] {
            let bench = Bench::with_logins(&engine, settings).await;
            let error = bench.publish(&request).await.unwrap_err();
            assert!(
                matches!(error, BuildError::BaseImage { .. }),
                "{}: {error:?}",
                engine.name
            );
            assert!(error.hint().unwrap().contains("`registry-auth`"), "{error}");
        }
        let docker = docker_folder(&registry.host);
        let of_docker = LoginSettings {
            docker_config: Some(docker.path().to_owned()),
            ..LoginSettings::default()
        };
        for settings in [line(&registry.host, PASSWORD), of_docker] {
            let bench = Bench::with_logins(&engine, settings).await;
            let digest = bench.publish(&request).await.unwrap();
            let image = Image::read(&bench.registry, digest);
            assert_eq!(
                image.file("private").as_deref(),
                Some("private\n"),
                "{}",
                engine.name
            );
        }
    }
}

/// Serves one image of another registry, to those who bring the token that a login is exchanged for.
async fn bearer_front(of: Fake) -> std::net::SocketAddr {
    serve(move |request| {
        let of = of.clone();
        async move {
            let given = request
                .headers()
                .get(AUTHORIZATION)
                .and_then(|value| value.to_str().ok());
            let host = request.headers()["host"].to_str().unwrap();
            let path = request.uri().path();
            if path == "/token" {
                return if given == Some(&format!("Basic {BASIC}")) {
                    answer(
                        200,
                        &[(CONTENT_TYPE.as_str(), "application/json")],
                        r#"{"token": "ticket"}"#,
                    )
                } else {
                    answer(401, &[], "")
                };
            }
            if given != Some("Bearer ticket") {
                let challenge = format!(
                    r#"Bearer realm="http://{host}/token",service="front",scope="repository:team/app:pull""#
                );
                return answer(401, &[(WWW_AUTHENTICATE.as_str(), &challenge)], "");
            }
            let name = path.rsplit('/').next().unwrap();
            let state = of.state();
            let Ok(digest) = Digest::parse(name) else {
                return answer(200, &[], "");
            };
            match (state.manifests.get(&digest), state.blobs.get(&digest)) {
                (Some((media_type, bytes)), _) => {
                    answer(200, &[(CONTENT_TYPE.as_str(), media_type)], bytes.clone())
                }
                (None, Some(blob)) => answer(200, &[], blob.clone()),
                (None, None) => answer(404, &[], ""),
            }
        }
    })
    .await
}

#[tokio::test]
async fn a_login_is_exchanged_for_a_token_where_the_registry_wants_one() {
    for engine in engines() {
        let nonce = folder(&[]);
        let own = format!("FROM busybox\nRUN echo {} > /private\n", nonce.path().display());
        let context = folder(&[("Dockerfile", &own)]);
        let source = Bench::new(&engine).await;
        let digest = source.publish(&request(context.path())).await.unwrap();
        let host = bearer_front(source.registry.clone()).await.to_string();
        let context = folder(&[(
            "Dockerfile",
            &format!("FROM {host}/team/app@{digest}\nCOPY Dockerfile /\n"),
        )]);
        let request = request(context.path());
        let bench = Bench::with_logins(&engine, line(&host, "wrong")).await;
        bench.publish(&request).await.unwrap_err();
        let bench = Bench::with_logins(&engine, line(&host, PASSWORD)).await;
        let digest = bench.publish(&request).await.unwrap();
        let image = Image::read(&bench.registry, digest);
        assert!(image.file("private").is_some(), "{}", engine.name);
    }
}
