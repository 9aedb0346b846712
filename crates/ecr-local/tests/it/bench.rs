//! An embedded ECR in a folder of its own, and clients for it.

use std::fmt::Debug;

use aws_credential_types::Credentials;
use aws_sdk_ecr::config::{BehaviorVersion, Region as SdkRegion, retry::RetryConfig};
use aws_sdk_ecr::error::{ProvideErrorMetadata, SdkError};
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use ecr_local::{Access, AccessKey, LocalEcr, Options};
use jiff::{SignedDuration, Timestamp};
use reqwest::{Method, RequestBuilder, Response, StatusCode, header};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use tagship_domain::content::{OCI_CONFIG, OCI_INDEX, OCI_LAYER_GZIP, OCI_MANIFEST};
use tagship_domain::immutability::Mutability;
use tagship_domain::reference::{AccountId, Digest, Region, RepositoryName};

pub(crate) const ACCOUNT: &str = "123456789012";
pub(crate) const REGION: &str = "eu-central-1";
pub(crate) const REPOSITORY: &str = "team/app";

pub(crate) struct Bench {
    pub(crate) local: LocalEcr,
    pub(crate) folder: tempfile::TempDir,
    pub(crate) http: reqwest::Client,
}

pub(crate) fn options(folder: &std::path::Path) -> Options {
    Options::new(
        folder.join("data"),
        AccountId::parse(ACCOUNT).unwrap(),
        Region::parse(REGION).unwrap(),
    )
}

impl Bench {
    /// With an immutable repository.
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| ()).await
    }

    pub(crate) async fn start_with(change: impl FnOnce(&mut Options)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut options = options(folder.path());
        change(&mut options);
        let local = LocalEcr::start(options).await.unwrap();
        let bench = Self {
            local,
            folder,
            http: reqwest::Client::builder().no_proxy().build().unwrap(),
        };
        bench.make(REPOSITORY, Mutability::Immutable).await;
        bench
    }

    /// With these roles, as the roles file has them.
    pub(crate) async fn with_roles(roles: &str) -> Self {
        Self::start_with(|options| {
            std::fs::create_dir_all(&options.data).unwrap();
            std::fs::write(options.data.join("roles.yaml"), roles).unwrap();
        })
        .await
    }

    pub(crate) async fn make(&self, name: &str, mutability: Mutability) {
        let name = RepositoryName::parse(name).unwrap();
        assert!(self.local.ensure_repository(&name, &mutability).await.unwrap());
    }

    pub(crate) fn administrator(&self) -> Credentials {
        credentials(self.local.admin())
    }

    pub(crate) fn ecr(&self) -> aws_sdk_ecr::Client {
        self.ecr_as(self.administrator())
    }

    pub(crate) fn ecr_as(&self, credentials: Credentials) -> aws_sdk_ecr::Client {
        self.ecr_in(credentials, REGION)
    }

    pub(crate) fn ecr_in(&self, credentials: Credentials, region: &'static str) -> aws_sdk_ecr::Client {
        ecr_at(&self.local.endpoint(), credentials, region)
    }

    pub(crate) fn sts_as(&self, credentials: Credentials) -> aws_sdk_sts::Client {
        aws_sdk_sts::Client::from_conf(
            aws_sdk_sts::Config::builder()
                .behavior_version(aws_sdk_sts::config::BehaviorVersion::latest())
                .region(aws_sdk_sts::config::Region::new(REGION))
                .credentials_provider(credentials)
                .endpoint_url(self.local.endpoint())
                .retry_config(aws_sdk_sts::config::retry::RetryConfig::disabled())
                .build(),
        )
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.local.registry_host())
    }

    /// A call of a JSON API, signed with AWS's own signer: `sent` goes out with the signature of `signed`.
    #[expect(clippy::disallowed_methods, reason = "signatures carry the time")]
    pub(crate) async fn signed(
        &self,
        scope: &Scope<'_>,
        target: &str,
        signed: &str,
        sent: &str,
    ) -> (u16, Value) {
        let url = self.url("/");
        let headers = [
            ("x-amz-target", target),
            ("content-type", "application/x-amz-json-1.1"),
        ];
        let identity = scope.credentials.clone().into();
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(scope.region)
            .name(scope.service)
            .time((Timestamp::now() + SignedDuration::from_secs(scope.shift)).into())
            .settings(SigningSettings::default())
            .build()
            .unwrap()
            .into();
        let body = SignableBody::Bytes(signed.as_bytes());
        let signable = SignableRequest::new("POST", &url, headers.into_iter(), body).unwrap();
        let (instructions, _) = sign(signable, &parameters).unwrap().into_parts();
        let mut request = http::Request::post(&url);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let mut request = request.body(sent.to_owned()).unwrap();
        instructions.apply_to_request_http1x(&mut request);
        let request = reqwest::Request::try_from(request).unwrap();
        let answer = self.http.execute(request).await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    /// The administrator in a role.
    pub(crate) async fn in_role(&self, role_arn: &str) -> Credentials {
        let request = self.sts_as(self.administrator()).assume_role();
        let request = request.role_arn(role_arn).role_session_name("test");
        session_of(request.send().await.unwrap().credentials())
    }

    /// The data plane, as the administrator sees it.
    pub(crate) async fn registry(&self) -> Registry {
        self.registry_as(self.administrator()).await
    }

    pub(crate) async fn registry_as(&self, credentials: Credentials) -> Registry {
        Registry {
            http: self.http.clone(),
            host: self.local.registry_host().to_string(),
            login: login(&self.ecr_as(credentials)).await,
        }
    }
}

/// Who signs a call, and for where.
pub(crate) struct Scope<'a> {
    pub(crate) credentials: Credentials,
    pub(crate) region: &'a str,
    pub(crate) service: &'a str,
    /// Seconds that the signature's time is ahead.
    pub(crate) shift: i64,
}

/// The credentials of a session that STS gave.
pub(crate) fn session_of(credentials: Option<&aws_sdk_sts::types::Credentials>) -> Credentials {
    let credentials = credentials.unwrap();
    Credentials::new(
        credentials.access_key_id(),
        credentials.secret_access_key(),
        Some(credentials.session_token().to_owned()),
        None,
        "test",
    )
}

fn credentials(key: &AccessKey) -> Credentials {
    Credentials::new(&key.id, key.secret.expose_secret(), None, None, "test")
}

fn ecr_at(endpoint: &url::Url, credentials: Credentials, region: &'static str) -> aws_sdk_ecr::Client {
    aws_sdk_ecr::Client::from_conf(
        aws_sdk_ecr::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(SdkRegion::new(region))
            .credentials_provider(credentials)
            .endpoint_url(endpoint.as_str())
            .retry_config(RetryConfig::disabled())
            .build(),
    )
}

/// The `Authorization` header of who has `client`'s credentials.
async fn login(client: &aws_sdk_ecr::Client) -> String {
    let answer = client.get_authorization_token().send().await.unwrap();
    let token = answer.authorization_data()[0].authorization_token().unwrap();
    format!("Basic {token}")
}

/// A client of the data plane.
#[derive(Clone)]
pub(crate) struct Registry {
    pub(crate) http: reqwest::Client,
    pub(crate) host: String,
    pub(crate) login: String,
}

impl Registry {
    /// As the administrator, of a server that may be another process.
    pub(crate) async fn of(access: &Access, http: &reqwest::Client) -> Self {
        Self {
            http: http.clone(),
            host: access.registry.to_string(),
            login: login(&ecr_at(
                &access.endpoint,
                credentials(&access.administrator),
                REGION,
            ))
            .await,
        }
    }

    /// A small image; `None` as soon as the server is gone.
    pub(crate) async fn try_image(&self, repository: &str, tag: &str) -> Option<String> {
        let content = format!("{{\"config\":\"{tag}\"}}");
        let digest = Digest::of(content.as_bytes());
        let uploads = self.request(Method::POST, &format!("{repository}/blobs/uploads/"));
        let upload = location(&uploads.send().await.ok()?);
        self.complete(&upload, digest, content.clone())
            .send()
            .await
            .ok()?;
        let manifest = manifest(&content, &[]);
        let put = self.request(Method::PUT, &format!("{repository}/manifests/{tag}"));
        let answer = put.body(manifest.clone()).send().await.ok()?;
        assert_eq!(answer.status(), StatusCode::CREATED);
        Some(manifest)
    }

    /// A request under `/v2/`.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.at(method, &format!("http://{}/v2/{path}", self.host))
    }

    pub(crate) fn at(&self, method: Method, url: &str) -> RequestBuilder {
        self.http
            .request(method, url)
            .header(header::AUTHORIZATION, &self.login)
    }

    pub(crate) async fn get(&self, path: &str) -> Response {
        self.request(Method::GET, path).send().await.unwrap()
    }

    /// A new upload's address.
    pub(crate) async fn upload(&self, repository: &str) -> String {
        let answer = self
            .request(Method::POST, &format!("{repository}/blobs/uploads/"))
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), StatusCode::ACCEPTED);
        location(&answer)
    }

    /// The end of an upload.
    pub(crate) fn complete(
        &self,
        upload: &str,
        digest: Digest,
        body: impl Into<reqwest::Body>,
    ) -> RequestBuilder {
        self.at(Method::PUT, &format!("{upload}?digest={digest}"))
            .body(body)
    }

    /// A blob, by POST and PUT.
    pub(crate) async fn blob(&self, repository: &str, content: &[u8]) -> Digest {
        let digest = Digest::of(content);
        let upload = self.upload(repository).await;
        let answer = self
            .complete(&upload, digest, content.to_vec())
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), StatusCode::CREATED);
        digest
    }

    /// Config and layer of an image that `content` distinguishes from others; gives its manifest.
    pub(crate) async fn content(&self, repository: &str, content: &str) -> String {
        let config = format!("{{\"config\":\"{content}\"}}");
        self.blob(repository, config.as_bytes()).await;
        self.blob(repository, content.as_bytes()).await;
        manifest(&config, &[content])
    }

    pub(crate) async fn put(&self, repository: &str, reference: &str, manifest: &str) -> Response {
        let document: Value = serde_json::from_str(manifest).unwrap();
        let media_type = document["mediaType"].as_str().unwrap().to_owned();
        self.request(Method::PUT, &format!("{repository}/manifests/{reference}"))
            .header(header::CONTENT_TYPE, media_type)
            .body(manifest.to_owned())
            .send()
            .await
            .unwrap()
    }

    /// A whole image under a tag; gives its manifest.
    pub(crate) async fn image(&self, repository: &str, tag: &str, content: &str) -> String {
        let manifest = self.content(repository, content).await;
        let answer = self.put(repository, tag, &manifest).await;
        assert_eq!(answer.status(), StatusCode::CREATED);
        manifest
    }
}

/// A manifest; its spaces and its order are part of what must come back.
fn manifest(config: &str, layers: &[&str]) -> String {
    let layers: Vec<String> = layers
        .iter()
        .map(|layer| {
            format!(
                "{{\"mediaType\":\"{OCI_LAYER_GZIP}\",\"digest\":\"{}\",\"size\":{}}}",
                digest_of(layer),
                layer.len()
            )
        })
        .collect();
    format!(
        "{{ \"schemaVersion\":2,\n \"mediaType\":\"{OCI_MANIFEST}\",\"config\":{{\"mediaType\":\"{OCI_CONFIG}\",\
         \"digest\":\"{}\",\"size\":{}}},\"layers\":[{}]}}",
        digest_of(config),
        config.len(),
        layers.join(",")
    )
}

/// An index of manifests.
pub(crate) fn index(manifests: &[&str]) -> String {
    let entries: Vec<Value> = manifests
        .iter()
        .map(|manifest| {
            json!({
                "mediaType": OCI_MANIFEST,
                "digest": Digest::of(manifest.as_bytes()),
                "size": manifest.len(),
                "platform": {"os": "linux", "architecture": "amd64"},
            })
        })
        .collect();
    json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}).to_string()
}

pub(crate) fn digest_of(manifest: &str) -> String {
    Digest::of(manifest.as_bytes()).to_string()
}

pub(crate) fn location(answer: &Response) -> String {
    text(answer, header::LOCATION.as_str())
}

pub(crate) fn text(answer: &Response, header: &str) -> String {
    answer
        .headers()
        .get(header)
        .map(|value| value.to_str().unwrap().to_owned())
        .unwrap_or_default()
}

/// Status, code and message of an error of the data plane.
pub(crate) async fn oci_error(answer: Response) -> (u16, String, String) {
    let status = answer.status().as_u16();
    let body: Value = answer.json().await.unwrap();
    let field = |name: &str| body["errors"][0][name].as_str().unwrap().to_owned();
    (status, field("code"), field("message"))
}

/// Code and message of an error of an API.
pub(crate) fn api_error<T: Debug, E: ProvideErrorMetadata + Debug, R: Debug>(
    result: Result<T, SdkError<E, R>>,
) -> (String, String) {
    let error = result.unwrap_err();
    (
        error.code().unwrap_or_default().to_owned(),
        error.message().unwrap_or_default().to_owned(),
    )
}
