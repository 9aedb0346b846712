//! The client against the embedded ECR, whose behaviour was written down independently of it.

use std::sync::Arc;

use bytes::Bytes;
use ecr_local::{Fault, FaultAction, ImmutableWording, LocalEcr, Options};
use futures_util::StreamExt as _;
use futures_util::stream;
use oci_registry::verify;
use tagship::aws::Ecr;
use tagship::clock::SystemClock;
use tagship::ports::{ReadRepository as _, RegistryError, RegistryLogin, WriteRepository as _};
use tagship::registry::{self, Repository, http_client};
use tagship::settings::{IdentitySettings, OidcRequest, OidcToken};
use tagship_domain::content::{Descriptor, Manifest, OCI_CONFIG, OCI_LAYER_GZIP, OCI_MANIFEST};
use tagship_domain::iam::SessionPolicy;
use tagship_domain::immutability::Mutability;
use tagship_domain::reference::{AccountId, Digest, ImageName, Region, RepositoryName};
use tempfile::TempDir;

use super::client::tag;
use test_support::fake::{IMPATIENT, REPOSITORY, Witness};

struct Embedded {
    ecr: LocalEcr,
    witness: Arc<Witness>,
    _data: TempDir,
}

impl Embedded {
    async fn start(wording: ImmutableWording) -> Self {
        let data = TempDir::new().unwrap();
        let account = AccountId::parse("123456789012").unwrap();
        let region = Region::parse("eu-central-1").unwrap();
        let mut options = Options::new(data.path(), account, region);
        // Tokens are the business of whoever logs in.
        options.auth = false;
        options.quirks.immutable_wording = wording;
        let ecr = LocalEcr::start(options).await.unwrap();
        let name = RepositoryName::parse(REPOSITORY).unwrap();
        ecr.ensure_repository(&name, &Mutability::Immutable)
            .await
            .unwrap();
        Self {
            ecr,
            witness: Arc::default(),
            _data: data,
        }
    }

    fn repository(&self, name: &str) -> Repository {
        let image = ImageName {
            registry: self.ecr.registry_host(),
            repository: RepositoryName::parse(name).unwrap(),
        };
        let (login, reporter) = (self.witness.clone(), self.witness.clone());
        let client = registry::client(image, http_client().unwrap(), login, reporter).unwrap();
        Repository::new(client.with_retry_policy(IMPATIENT), None)
    }

    fn operations(&self) -> Vec<String> {
        let journal = self.ecr.journal();
        self.ecr.reset_journal();
        journal.into_iter().map(|entry| entry.operation).collect()
    }
}

/// Puts the content of an image; gives its manifest, which is not put yet.
async fn put_content(repository: &Repository, layer: &'static str) -> Manifest {
    let config = r#"{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}"#;
    let config_digest = repository.put_blob(config.into()).await.unwrap();
    let chunks = stream::iter([Ok(Bytes::from(layer))]).boxed();
    let layer_digest = Digest::of(layer.as_bytes());
    let layer_size = layer.len() as u64;
    repository
        .upload(&layer_digest, layer_size, chunks)
        .await
        .unwrap();
    let manifest = serde_json::json!({
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": Descriptor::new(OCI_CONFIG, config_digest, config.len() as u64),
        "layers": [Descriptor::new(OCI_LAYER_GZIP, layer_digest, layer_size)],
    });
    Manifest::new(OCI_MANIFEST, manifest.to_string())
}

#[tokio::test]
async fn an_image_is_put_verified_and_tagged_once() {
    for wording in [ImmutableWording::Repository, ImmutableWording::Tag] {
        let embedded = Embedded::start(wording).await;
        let repository = embedded.repository(REPOSITORY);
        let manifest = put_content(&repository, "layer").await;
        let missing = repository.manifest(&manifest.digest()).await.unwrap();
        assert_eq!(missing, None);
        repository
            .put_manifest(&manifest.digest().into(), &manifest)
            .await
            .unwrap();
        assert!(repository.resolve(&[tag("1.2.3")]).await.unwrap().is_empty());

        let verified = verify(&manifest.digest(), &repository).await.unwrap();
        assert_eq!(verified.manifest, manifest);
        repository
            .put_manifest(&tag("1.2.3").into(), &manifest)
            .await
            .unwrap();
        let resolved = repository.resolve(&[tag("1.2.3"), tag("other")]).await.unwrap();
        assert_eq!(
            resolved.into_iter().collect::<Vec<_>>(),
            [(tag("1.2.3"), manifest)]
        );

        assert_eq!(repository.list_tags().await.unwrap(), [tag("1.2.3")]);

        let other = put_content(&repository, "other layer").await;
        let error = repository
            .put_manifest(&tag("1.2.3").into(), &other)
            .await
            .unwrap_err();
        assert!(matches!(error, RegistryError::TagTaken { .. }), "{error:?}");
        assert!(embedded.witness.retries.lock().unwrap().is_empty());
    }
}

#[tokio::test]
async fn what_ecr_refuses_is_understood() {
    let embedded = Embedded::start(ImmutableWording::default()).await;
    let missing = embedded.repository("team/none");
    let errors = [
        missing.put_blob("content".into()).await.unwrap_err(),
        missing.resolve(&[tag("1")]).await.unwrap_err(),
    ];
    for error in errors {
        assert!(
            matches!(error, RegistryError::RepositoryMissing { .. }),
            "{error:?}"
        );
    }

    let repository = embedded.repository(REPOSITORY);
    let absent = Descriptor::new(OCI_CONFIG, Digest::of(b"absent"), 5);
    let manifest =
        serde_json::json!({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": absent, "layers": []});
    let manifest = Manifest::new(OCI_MANIFEST, manifest.to_string());
    let error = repository
        .put_manifest(&manifest.digest().into(), &manifest)
        .await
        .unwrap_err();
    assert!(matches!(error, RegistryError::Refused { .. }), "{error:?}");
    assert!(embedded.witness.retries.lock().unwrap().is_empty());
}

#[tokio::test]
async fn every_request_survives_every_fault() {
    let throttle = FaultAction::Error {
        code: "TOOMANYREQUESTS".to_owned(),
        message: "Rate exceeded".to_owned(),
        status: 429,
    };
    let down = FaultAction::Status {
        status: 503,
        envelope: false,
    };
    let actions = [
        throttle,
        down,
        FaultAction::Reset,
        FaultAction::Truncate,
        FaultAction::ResetMidBody,
    ];
    for action in actions {
        let embedded = Embedded::start(ImmutableWording::default()).await;
        let repository = embedded.repository(REPOSITORY);
        for operation in [
            "HeadBlob",
            "StartUpload",
            "CompleteUpload",
            "PutManifest",
            "GetManifest",
            "GetBlob",
        ] {
            embedded.ecr.add_fault(Fault {
                operation: operation.to_owned(),
                repository: None,
                skip: 0,
                times: 1,
                action: action.clone(),
            });
        }
        let manifest = put_content(&repository, "layer").await;
        repository
            .put_manifest(&manifest.digest().into(), &manifest)
            .await
            .unwrap();
        verify(&manifest.digest(), &repository).await.unwrap();
        let operations = embedded.operations();
        let retries = embedded.witness.retries.lock().unwrap().len();
        assert!(retries >= 3, "{action:?}: {retries} of {operations:?}");
    }
}

#[tokio::test]
async fn a_session_of_one_repository_pushes_to_no_other() {
    let data = TempDir::new().unwrap();
    let region = Region::parse("eu-central-1").unwrap();
    let options = Options::new(
        data.path(),
        AccountId::parse("123456789012").unwrap(),
        region.clone(),
    );
    let ecr = LocalEcr::start(options).await.unwrap();
    let [ours, other] = ["team/ours", "team/other"].map(|name| ImageName {
        registry: ecr.registry_host(),
        repository: RepositoryName::parse(name).unwrap(),
    });
    for image in [&ours, &other] {
        ecr.ensure_repository(&image.repository, &Mutability::Immutable)
            .await
            .unwrap();
    }
    let identity = IdentitySettings {
        role: Some(ecr.role_arn().to_owned()),
        session_name: "tests".to_owned(),
        session_policy: SessionPolicy::of([&ours]),
        audience: "sts.amazonaws.com".to_owned(),
        duration_seconds: 900,
        region: Some(region),
        endpoint_url: Some(format!("http://{}", ecr.registry_host()).parse().unwrap()),
        oidc: Some(OidcToken::Request(OidcRequest {
            url: ecr.oidc_request_url(),
            token: ecr.oidc_request_token(),
        })),
        in_actions: true,
        ..IdentitySettings::default()
    };
    let witness: Arc<Witness> = Arc::default();
    let login = Arc::new(
        Ecr::connect(&identity, &ours.registry, Arc::new(SystemClock), witness.clone())
            .await
            .unwrap(),
    );
    let put = async |image: &ImageName| {
        let login: Arc<dyn RegistryLogin> = login.clone();
        let client = registry::client(image.clone(), http_client().unwrap(), login, witness.clone()).unwrap();
        let repository = Repository::new(client.with_retry_policy(IMPATIENT), None);
        repository.put_blob(Bytes::from_static(b"blob")).await
    };
    put(&ours).await.unwrap();
    let refused = put(&other).await.unwrap_err();
    insta::assert_snapshot!(refused, @"a session policy does not allow `ecr:InitiateLayerUpload` in repository `team/other`, whatever the role allows");
}
