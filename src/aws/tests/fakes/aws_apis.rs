//! Fakes of GitHub's OIDC endpoint, STS and ECR on one port.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::SignedDuration;
use serde_json::{Value, json};
use wiremock::{Request, ResponseTemplate};

use super::sts::FakeSts;
use super::{ECR_PASSWORD, FakeReporter, REQUEST_TOKEN, SUBJECT, jwt};
use crate::clock::SystemClock;
use crate::ports::Clock as _;
use tagship_domain::reference::Digest;

/// What the fakes are like, and what they were asked.
pub(in crate::aws) struct FakeApis {
    pub(in crate::aws) oidc: Mutex<FakeOidc>,
    pub(in crate::aws) sts: Mutex<FakeSts>,
    pub(in crate::aws) ecr: Mutex<FakeEcr>,
    reporter: Arc<FakeReporter>,
}

/// GitHub's token endpoint.
pub(in crate::aws) struct FakeOidc {
    pub(in crate::aws) subject: String,
    /// Answers that come before the right one: status and body.
    pub(in crate::aws) failures: Vec<(u16, String)>,
    pub(in crate::aws) requests: usize,
}

/// ECR's API.
#[derive(Default)]
pub(in crate::aws) struct FakeEcr {
    /// What `DescribeRepositories` says of `team/app`, beside the name.
    pub(in crate::aws) repository: Value,
    /// Tags of `team/app` and their manifests.
    pub(in crate::aws) images: BTreeMap<String, String>,
    /// Layers of `team/app` and their sizes in bytes.
    pub(in crate::aws) layers: BTreeMap<String, u64>,
    /// Refusals that come before any rule is looked at: status, code.
    pub(in crate::aws) refusals: Vec<(u16, &'static str)>,
    /// Keys whose session has ended.
    pub(in crate::aws) ended: Vec<String>,
    /// What is done to the answer of `BatchGetImage`.
    pub(in crate::aws) answer_change: Option<fn(&mut Value)>,
    /// The operations, the regions that they were signed for, and the requests.
    pub(in crate::aws) requests: Vec<(String, String, Value)>,
}

impl FakeApis {
    pub(super) fn new(reporter: Arc<FakeReporter>) -> Self {
        Self {
            oidc: Mutex::new(FakeOidc {
                subject: SUBJECT.to_owned(),
                failures: Vec::new(),
                requests: 0,
            }),
            sts: Mutex::default(),
            ecr: Mutex::new(FakeEcr {
                repository: json!({"imageTagMutability": "MUTABLE"}),
                ..FakeEcr::default()
            }),
            reporter,
        }
    }

    pub(in crate::aws) fn oidc(&self) -> MutexGuard<'_, FakeOidc> {
        self.oidc.lock().unwrap()
    }

    pub(in crate::aws) fn sts(&self) -> MutexGuard<'_, FakeSts> {
        self.sts.lock().unwrap()
    }

    pub(in crate::aws) fn ecr(&self) -> MutexGuard<'_, FakeEcr> {
        self.ecr.lock().unwrap()
    }

    /// How many requests came: to GitHub, STS and ECR.
    pub(in crate::aws) fn counts(&self) -> (usize, usize, usize) {
        (
            self.oidc().requests,
            self.sts().requests.len(),
            self.ecr().requests.len(),
        )
    }

    pub(super) fn answer(&self, request: &Request) -> ResponseTemplate {
        if request.url.path() == "/_gha/token" {
            return self.oidc().answer(request);
        }
        assert_eq!(
            (request.method.as_str(), request.url.path()),
            ("POST", "/"),
            "no API of AWS"
        );
        let Some(target) = request.headers.get("x-amz-target") else {
            return self.sts().answer(request, &self.reporter.masks());
        };
        let target = target.to_str().unwrap();
        let operation = target
            .strip_prefix("AmazonEC2ContainerRegistry_V20150921.")
            .unwrap();
        assert_eq!(request.headers["content-type"], "application/x-amz-json-1.1");
        let keys = self.sts().keys.clone();
        self.ecr().answer(operation, request, &keys)
    }
}

impl FakeOidc {
    fn answer(&mut self, request: &Request) -> ResponseTemplate {
        self.requests += 1;
        if !self.failures.is_empty() {
            let (status, body) = self.failures.remove(0);
            return ResponseTemplate::new(status).set_body_string(body);
        }
        let query: BTreeMap<_, _> = request.url.query_pairs().into_owned().collect();
        if request
            .headers
            .get("authorization")
            .is_none_or(|value| value != format!("bearer {REQUEST_TOKEN}").as_str())
            || query.get("api-version").map(String::as_str) != Some("2.0")
        {
            return ResponseTemplate::new(401).set_body_string("{\"message\":\"unauthorized\"}");
        }
        let token = jwt(&self.subject, &query["audience"], self.requests);
        ResponseTemplate::new(200).set_body_json(json!({"count": token.len(), "value": token}))
    }
}

impl FakeEcr {
    fn answer(&mut self, operation: &str, request: &Request, keys: &[String]) -> ResponseTemplate {
        let (key, region) = scope(request);
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        self.requests.push((operation.to_owned(), region, body.clone()));
        if !self.refusals.is_empty() {
            let (status, code) = self.refusals.remove(0);
            return error(status, code, "as the test wants it");
        }
        if !keys.contains(&key) {
            return error(
                400,
                "UnrecognizedClientException",
                "The security token included in the request is invalid.",
            );
        }
        if self.ended.contains(&key) {
            return error(
                400,
                "ExpiredTokenException",
                "The security token included in the request is expired",
            );
        }
        match operation {
            "GetAuthorizationToken" => {
                let ends = SystemClock.now() + SignedDuration::from_hours(12);
                ok(&json!({"authorizationData": [{
                    "authorizationToken": STANDARD.encode(format!("AWS:{ECR_PASSWORD}")),
                    "expiresAt": ends.as_second(),
                    "proxyEndpoint": format!("https://{}", super::HOST),
                }]}))
            }
            "DescribeRepositories" if body["repositoryNames"] == json!(["team/app"]) => {
                let mut repository = self.repository.clone();
                repository["repositoryName"] = json!("team/app");
                ok(&json!({"repositories": [repository]}))
            }
            "BatchGetImage" if body["repositoryName"] == "team/app" => self.batch_get_image(&body),
            "BatchCheckLayerAvailability" if body["repositoryName"] == "team/app" => self.check_layers(&body),
            _ => error(
                400,
                "RepositoryNotFoundException",
                "The repository does not exist in the registry",
            ),
        }
    }

    fn check_layers(&self, body: &Value) -> ResponseTemplate {
        let digests = body["layerDigests"].as_array().unwrap();
        if digests.len() > 100 {
            return error(400, "InvalidParameterException", "at most 100 layerDigests");
        }
        let layers: Vec<Value> = digests
            .iter()
            .map(|digest| match self.layers.get(digest.as_str().unwrap()) {
                Some(size) => {
                    json!({"layerDigest": digest, "layerAvailability": "AVAILABLE", "layerSize": size})
                }
                None => json!({"layerDigest": digest, "layerAvailability": "UNAVAILABLE"}),
            })
            .collect();
        ok(&json!({"layers": layers, "failures": []}))
    }

    fn batch_get_image(&self, body: &Value) -> ResponseTemplate {
        let ids = body["imageIds"].as_array().unwrap();
        if ids.len() > 100 {
            return error(400, "InvalidParameterException", "at most 100 imageIds");
        }
        let (mut images, mut failures) = (Vec::new(), Vec::new());
        for id in ids {
            let key = if id["imageTag"].is_null() {
                "imageDigest"
            } else {
                "imageTag"
            };
            let asked = id[key].as_str().unwrap();
            match self.images.get(asked) {
                Some(manifest) => {
                    let mut image = json!({
                        "registryId": body["registryId"],
                        "repositoryName": "team/app",
                        "imageId": {"imageDigest": Digest::of(manifest.as_bytes())},
                        "imageManifest": manifest,
                        "imageManifestMediaType": "application/vnd.oci.image.manifest.v1+json",
                    });
                    image["imageId"][key] = json!(asked);
                    images.push(image);
                }
                None => failures.push(json!({
                    "imageId": {key: asked},
                    "failureCode": "ImageNotFound",
                    "failureReason": "Requested image not found",
                })),
            }
        }
        let mut answer = json!({"images": images, "failures": failures});
        if let Some(answer_change) = self.answer_change {
            answer_change(&mut answer);
        }
        ok(&answer)
    }
}

/// The access key and the region that a request was signed with.
/// Source: IAM user guide, "Signing AWS API requests": `Credential=<key>/<date>/<region>/<service>/aws4_request`.
fn scope(request: &Request) -> (String, String) {
    let header = request.headers["authorization"].to_str().unwrap();
    let (_, credential) = header.split_once("Credential=").unwrap();
    let parts: Vec<&str> = credential.split(',').next().unwrap().split('/').collect();
    assert_eq!(&parts[3..], ["ecr", "aws4_request"]);
    assert!(request.headers.contains_key("x-amz-security-token"));
    (parts[0].to_owned(), parts[2].to_owned())
}

fn ok(body: &Value) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_raw(body.to_string(), "application/x-amz-json-1.1")
}

fn error(status: u16, code: &str, message: &str) -> ResponseTemplate {
    let body = json!({"__type": code, "message": message}).to_string();
    ResponseTemplate::new(status).set_body_raw(body, "application/x-amz-json-1.1")
}
