//! ECR Public: its API, and the registry that everybody pulls from.

use aws_credential_types::Credentials;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::{Method, StatusCode, header};
use serde_json::{Value, json};
use tagship_domain::reference::Digest;

use crate::bench::{Bench, REPOSITORY, Registry, Scope, digest_of, oci_error, text};

/// The alias of account 123456789012: `a`, and its number in base 36.
const ALIAS: &str = "a1kpqzg2c";

async fn bench() -> Bench {
    Bench::start_with(|options| options.public_port = Some(0)).await
}

/// Who calls the API, and where.
struct Api<'a> {
    bench: &'a Bench,
    scope: Scope<'a>,
}

impl<'a> Api<'a> {
    fn of(bench: &'a Bench) -> Self {
        Self::of_as(bench, bench.administrator())
    }

    fn of_as(bench: &'a Bench, credentials: Credentials) -> Self {
        let scope = Scope {
            credentials,
            region: "us-east-1",
            service: "ecr-public",
            shift: 0,
        };
        Self { bench, scope }
    }

    /// The answer, or code and message of the refusal.
    async fn call(&self, operation: &str, input: Value) -> Result<Value, (String, String)> {
        let (target, input) = (format!("SpencerFrontendService.{operation}"), input.to_string());
        let (status, answer) = self.bench.signed(&self.scope, &target, &input, &input).await;
        if status == 200 {
            return Ok(answer);
        }
        let field = |name: &str| answer[name].as_str().unwrap().to_owned();
        Err((field("__type"), field("message")))
    }

    async fn make(&self, name: &str) {
        let made = self
            .call("CreateRepository", json!({"repositoryName": name}))
            .await;
        made.unwrap();
    }

    /// The password of the registry, with its user, in base64.
    async fn password(&self) -> String {
        let answer = self.call("GetAuthorizationToken", json!({})).await.unwrap();
        answer["authorizationData"]["authorizationToken"]
            .as_str()
            .unwrap()
            .to_owned()
    }
}

fn host(bench: &Bench) -> String {
    let registry = bench.local.public_registry().unwrap();
    registry.split_once('/').unwrap().0.to_owned()
}

/// The bearer token that the login buys; anybody's without one.
async fn bearer(bench: &Bench, login: Option<&str>) -> reqwest::Response {
    let url = format!("http://{}/token/?service=public.ecr.aws&scope=aws", host(bench));
    let mut request = bench.http.get(url);
    if let Some(login) = login {
        request = request.header(header::AUTHORIZATION, format!("Basic {login}"));
    }
    request.send().await.unwrap()
}

async fn registry(bench: &Bench, login: Option<&str>) -> Registry {
    let answer: Value = bearer(bench, login).await.json().await.unwrap();
    Registry {
        http: bench.http.clone(),
        host: host(bench),
        login: format!("Bearer {}", answer["token"].as_str().unwrap()),
    }
}

fn members(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

#[tokio::test]
async fn a_repository_has_catalog_data_and_is_apart_from_the_private_ones() {
    let bench = bench().await;
    let api = Api::of(&bench);
    let made = api
        .call(
            "CreateRepository",
            json!({
                "repositoryName": REPOSITORY,
                "catalogData": {"description": "one", "architectures": ["x86-64"], "logoImageBlob": "aGk="},
                // ECR's own, which ECR Public does not know.
                "imageTagMutability": "IMMUTABLE",
            }),
        )
        .await
        .unwrap();
    let repository = &made["repository"];
    assert_eq!(
        members(repository),
        [
            "createdAt",
            "registryId",
            "repositoryArn",
            "repositoryName",
            "repositoryUri"
        ]
    );
    assert_eq!(
        repository["repositoryArn"],
        "arn:aws:ecr-public::123456789012:repository/team/app"
    );
    assert_eq!(
        repository["repositoryUri"],
        format!("{}/{ALIAS}/{REPOSITORY}", host(&bench))
    );
    let catalog = json!({"description": "one", "architectures": ["x86-64"]});
    assert_eq!(made["catalogData"], catalog);
    let named = json!({"repositoryName": REPOSITORY});
    let read = api.call("GetRepositoryCatalogData", named.clone()).await.unwrap();
    assert_eq!(read["catalogData"], catalog);
    let other = json!({"aboutText": "# Two"});
    let put = json!({"repositoryName": REPOSITORY, "catalogData": other});
    let put = api.call("PutRepositoryCatalogData", put).await.unwrap();
    assert_eq!(put["catalogData"], other);
    let listed = api.call("DescribeRepositories", json!({})).await.unwrap();
    assert_eq!(listed["repositories"][0], *repository);
    assert_eq!(listed["repositories"].as_array().unwrap().len(), 1);
    let taken = api.call("CreateRepository", named.clone()).await.unwrap_err();
    assert_eq!(taken.0, "RepositoryAlreadyExistsException");
    api.call("DeleteRepository", named.clone()).await.unwrap();
    let gone = api.call("GetRepositoryCatalogData", named).await.unwrap_err();
    assert_eq!(gone.0, "RepositoryNotFoundException");
    // The private one of that name is still there.
    let private = bench.ecr().describe_repositories().repository_names(REPOSITORY);
    assert!(private.send().await.is_ok());
    api.make("bare").await;
    let bare = api.call("GetRepositoryCatalogData", json!({"repositoryName": "bare"}));
    assert_eq!(
        bare.await.unwrap_err().0,
        "RepositoryCatalogDataNotFoundException"
    );
}

#[tokio::test]
async fn names_are_stricter_than_those_of_private_repositories() {
    let bench = bench().await;
    let api = Api::of(&bench);
    let long = "a".repeat(206);
    for name in ["team__app", "team--app", "team/", "Team", "a", &long] {
        let refused = api
            .call("CreateRepository", json!({"repositoryName": name}))
            .await;
        assert_eq!(refused.unwrap_err().0, "InvalidParameterException", "{name}");
    }
    api.make(&long[..205]).await;
}

#[tokio::test]
async fn the_api_is_in_one_region() {
    let bench = bench().await;
    for region in ["us-west-2", "eu-central-1"] {
        let mut api = Api::of(&bench);
        api.scope.region = region;
        let refused = api.call("GetAuthorizationToken", json!({})).await.unwrap_err();
        assert_eq!(
            refused,
            (
                "UnsupportedCommandException".to_owned(),
                "GetAuthorizationToken command is only supported in us-east-1.".to_owned()
            )
        );
    }
}

#[tokio::test]
async fn the_registry_has_an_alias_and_a_name_to_show() {
    let bench = bench().await;
    let api = Api::of(&bench);
    let described = api.call("DescribeRegistries", json!({})).await.unwrap();
    assert_eq!(
        described,
        json!({"registries": [{
            "registryId": "123456789012",
            "registryArn": "arn:aws:ecr-public::123456789012:registry/123456789012",
            "registryUri": format!("{}/{ALIAS}", host(&bench)),
            "verified": false,
            "aliases": [{
                "name": ALIAS,
                "status": "ACTIVE",
                "primaryRegistryAlias": true,
                "defaultRegistryAlias": true,
            }],
        }]})
    );
    let nothing = api.call("GetRegistryCatalogData", json!({})).await.unwrap();
    assert_eq!(nothing, json!({"registryCatalogData": {}}));
    let named = json!({"displayName": "Example"});
    api.call("PutRegistryCatalogData", named.clone()).await.unwrap();
    let shown = api.call("GetRegistryCatalogData", json!({})).await.unwrap();
    assert_eq!(shown, json!({"registryCatalogData": named}));
}

#[tokio::test]
async fn everybody_pulls_what_a_login_pushed() {
    let bench = bench().await;
    let api = Api::of(&bench);
    api.make(REPOSITORY).await;
    let named = format!("{ALIAS}/{REPOSITORY}");
    let unknown = bench.http.get(format!("http://{}/v2/", host(&bench)));
    let unknown = unknown.send().await.unwrap();
    assert_eq!(unknown.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(
        text(&unknown, "www-authenticate"),
        format!(
            "Bearer realm=\"http://{}/token/\",service=\"public.ecr.aws\",scope=\"aws\"",
            host(&bench)
        )
    );
    let anybody = registry(&bench, None).await;
    let upload = anybody.request(Method::POST, &format!("{named}/blobs/uploads/"));
    let refused = oci_error(upload.send().await.unwrap()).await;
    assert_eq!(refused, (403, "DENIED".to_owned(), "Not Authorized".to_owned()));
    let pusher = registry(&bench, Some(&api.password().await)).await;
    let first = pusher.image(&named, "latest", "one").await;
    // No tag is immutable.
    let second = pusher.image(&named, "latest", "two").await;
    let pulled = anybody.get(&format!("{named}/manifests/latest")).await;
    assert_eq!(pulled.text().await.unwrap(), second);
    let by_digest = anybody
        .get(&format!("{named}/manifests/{}", digest_of(&first)))
        .await;
    assert_eq!(by_digest.text().await.unwrap(), first);
    let blob = format!("{named}/blobs/{}", Digest::of(b"two"));
    assert_eq!(anybody.get(&blob).await.text().await.unwrap(), "two");
    let tags: Value = anybody
        .get(&format!("{named}/tags/list"))
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(tags, json!({"name": named, "tags": ["latest"]}));
    // The private registry of the account has nothing of it.
    let private = bench.registry().await;
    let missing = private.get(&format!("{REPOSITORY}/manifests/latest")).await;
    assert_eq!(missing.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_missing_repository_is_told_with_the_alias() {
    let bench = bench().await;
    let anybody = registry(&bench, None).await;
    for (named, message) in [
        (
            format!("{ALIAS}/team/none"),
            format!("The repository with name 'team/none' does not exist in the registry with id '{ALIAS}'"),
        ),
        (
            "docker/library/busybox".to_owned(),
            "The repository with name 'library/busybox' does not exist in the registry with id 'docker'"
                .to_owned(),
        ),
    ] {
        let answer = anybody.get(&format!("{named}/manifests/latest")).await;
        assert_eq!(oci_error(answer).await, (404, "NAME_UNKNOWN".to_owned(), message));
    }
}

#[tokio::test]
async fn a_login_is_good_for_its_own_kind_of_registry_until_it_expires() {
    let bench = bench().await;
    let api = Api::of(&bench);
    let password = api.password().await;
    let private = bench.registry().await;
    let private_login = private.login.strip_prefix("Basic ").unwrap();
    for login in [private_login, &STANDARD.encode("AWS:wrong"), "***"] {
        assert_eq!(
            oci_error(bearer(&bench, Some(login)).await).await,
            (
                400,
                "DENIED".to_owned(),
                "Your Authorization Token is invalid.".to_owned()
            )
        );
    }
    let there = bench.http.get(bench.url("/v2/"));
    let there = there.header(header::AUTHORIZATION, format!("Basic {password}"));
    assert_eq!(there.send().await.unwrap().status(), StatusCode::UNAUTHORIZED);
    let pusher = registry(&bench, Some(&password)).await;
    assert_eq!(pusher.get("").await.status(), StatusCode::OK);
    bench.local.set_clock_offset(12 * 3600 + 1);
    assert_eq!(pusher.get("").await.status(), StatusCode::UNAUTHORIZED);
    let (status, code, message) = oci_error(bearer(&bench, Some(&password)).await).await;
    assert_eq!((status, code.as_str()), (403, "DENIED"));
    assert_eq!(
        message,
        "Your authorization token has expired. Reauthenticate and try again."
    );
}

const ROLES: &str = r#"
Roles:
  - RoleName: publisher
    AssumeRolePolicyDocument:
      Statement: {Effect: Allow, Principal: {AWS: "123456789012"}, Action: "sts:AssumeRole"}
    PolicyDocuments:
      - Statement:
          - {Effect: Allow, Action: ["ecr-public:*", "sts:GetServiceBearerToken"], Resource: "*"}
          - {Effect: Deny, Action: "ecr-public:PutImage", Resource: "arn:aws:ecr-public::123456789012:repository/kept"}
  - RoleName: no-bearer
    AssumeRolePolicyDocument:
      Statement: {Effect: Allow, Principal: {AWS: "123456789012"}, Action: "sts:AssumeRole"}
    PolicyDocuments:
      - Statement: {Effect: Allow, Action: "ecr-public:*", Resource: "*"}
"#;

#[tokio::test]
async fn a_push_needs_ecr_publics_permissions_and_a_login_one_of_stss() {
    let bench = Bench::start_with(|options| {
        std::fs::create_dir_all(&options.data).unwrap();
        std::fs::write(options.data.join("roles.yaml"), ROLES).unwrap();
        options.public_port = Some(0);
    })
    .await;
    let without = Api::of_as(
        &bench,
        bench.in_role("arn:aws:iam::123456789012:role/no-bearer").await,
    );
    let refused = without
        .call("GetAuthorizationToken", json!({}))
        .await
        .unwrap_err();
    assert_eq!(refused.0, "AccessDeniedException");
    assert!(
        refused.1.contains("sts:GetServiceBearerToken on resource: *"),
        "{}",
        refused.1
    );
    let api = Api::of_as(
        &bench,
        bench.in_role("arn:aws:iam::123456789012:role/publisher").await,
    );
    api.make("open").await;
    api.make("kept").await;
    let pusher = registry(&bench, Some(&api.password().await)).await;
    pusher.image(&format!("{ALIAS}/open"), "1.0.0", "one").await;
    let kept = format!("{ALIAS}/kept");
    let manifest = pusher.content(&kept, "one").await;
    let (status, code, message) = oci_error(pusher.put(&kept, "1.0.0", &manifest).await).await;
    assert_eq!((status, code.as_str()), (403, "DENIED"));
    assert!(
        message.contains(
            "ecr-public:PutImage on resource: arn:aws:ecr-public::123456789012:repository/kept with an explicit deny"
        ),
        "{message}"
    );
    // A login ends with the session that asked for it.
    bench.local.set_clock_offset(3601);
    assert_eq!(pusher.get("").await.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn an_image_goes_through_the_api_alone() {
    let bench = bench().await;
    let api = Api::of(&bench);
    api.make(REPOSITORY).await;
    // The alias names the registry as well as the account does.
    let named = |more: Value| {
        let mut input = json!({"registryId": ALIAS, "repositoryName": REPOSITORY});
        input
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        input
    };
    let config = "{}";
    let digest = Digest::of(config.as_bytes());
    let check = named(json!({"layerDigests": [digest]}));
    let availability = async || {
        let answer = api
            .call("BatchCheckLayerAvailability", check.clone())
            .await
            .unwrap();
        answer["layers"][0]["layerAvailability"].clone()
    };
    assert_eq!(availability().await, "UNAVAILABLE");
    let upload = api.call("InitiateLayerUpload", named(json!({}))).await.unwrap();
    let id = &upload["uploadId"];
    let part = json!({
        "uploadId": id, "partFirstByte": 0, "partLastByte": 1, "layerPartBlob": STANDARD.encode(config),
    });
    api.call("UploadLayerPart", named(part)).await.unwrap();
    let complete = json!({"uploadId": id, "layerDigests": [digest]});
    api.call("CompleteLayerUpload", named(complete)).await.unwrap();
    assert_eq!(availability().await, "AVAILABLE");
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest, "size": 2},
        "layers": [],
    })
    .to_string();
    let put = |tag: &str| named(json!({"imageManifest": manifest, "imageTag": tag}));
    api.call("PutImage", put("1.0.0")).await.unwrap();
    let again = api.call("PutImage", put("1.0.0")).await.unwrap_err();
    assert_eq!(again.0, "ImageAlreadyExistsException");
    let missing = api.call(
        "PutImage",
        json!({"registryId": "no-registry", "repositoryName": REPOSITORY, "imageManifest": manifest}),
    );
    assert_eq!(missing.await.unwrap_err().0, "RegistryNotFoundException");
    let repository = json!({"repositoryName": REPOSITORY});
    let described = api.call("DescribeImages", repository.clone()).await.unwrap();
    let image = &described["imageDetails"][0];
    assert_eq!(
        members(image),
        [
            "artifactMediaType",
            "imageDigest",
            "imageManifestMediaType",
            "imagePushedAt",
            "imageSizeInBytes",
            "imageTags",
            "registryId",
            "repositoryName"
        ]
    );
    assert_eq!(image["imageDigest"], digest_of(&manifest));
    bench.local.set_clock_offset(60);
    api.call("PutImage", put("1.0")).await.unwrap();
    let first = json!({"repositoryName": REPOSITORY, "maxResults": 1});
    let first = api.call("DescribeImageTags", first).await.unwrap();
    let next = json!({"repositoryName": REPOSITORY, "nextToken": first["nextToken"]});
    let next = api.call("DescribeImageTags", next).await.unwrap();
    let (newer, older) = (&first["imageTagDetails"][0], &next["imageTagDetails"][0]);
    assert_eq!(
        (&newer["imageTag"], &older["imageTag"]),
        (&json!("1.0"), &json!("1.0.0"))
    );
    let created = |tag: &Value| tag["createdAt"].as_f64().unwrap();
    assert!(created(newer) - created(older) >= 60.0, "{newer} {older}");
    assert_eq!(newer["imageDetail"], older["imageDetail"]);
    let delete = named(json!({"imageIds": [{"imageDigest": digest_of(&manifest)}, {"imageTag": "none"}]}));
    let deleted = api.call("BatchDeleteImage", delete).await.unwrap();
    assert_eq!(deleted["imageIds"].as_array().unwrap().len(), 2);
    assert_eq!(deleted["failures"][0]["failureCode"], "ImageNotFound");
    let left = api.call("DescribeImageTags", repository).await.unwrap();
    assert_eq!(left, json!({"imageTagDetails": []}));
}

#[tokio::test]
async fn what_the_api_does_not_have_is_unknown() {
    let bench = bench().await;
    let refused = Api::of(&bench)
        .call("BatchGetImage", json!({}))
        .await
        .unwrap_err();
    assert_eq!(refused.0, "UnknownOperationException");
}
