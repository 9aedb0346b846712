//! Small images that are pushed into the embedded ECR without an engine.

use std::process::Command;
use std::sync::Arc;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use oci_registry::{
    Client, LoginError, RegistryCredential, RegistryLogin, WriteRepository as _, http_client,
};
use secrecy::SecretString;
use serde_json::{Value, json};
use tagship_domain::content::{Descriptor, Manifest, OCI_CONFIG, OCI_INDEX, OCI_LAYER_GZIP, OCI_MANIFEST};
use tagship_domain::reference::{Digest, ImageName, Reference, RegistryHost, RepositoryName, Tag};

use super::clients::Registry;
use super::local::{Ecr, REGION};
use super::process::tagship;

struct Password(RegistryCredential);

#[async_trait]
impl RegistryLogin for Password {
    async fn credential(&self, _host: &RegistryHost) -> Result<RegistryCredential, LoginError> {
        Ok(self.0.clone())
    }

    async fn forget(&self, _host: &RegistryHost) {}
}

/// A client of a repository in plain HTTP with a password.
pub fn client_of(registry: &Registry, repository: &str) -> Client {
    let pair = STANDARD.decode(&registry.token).expect("it is base64");
    let pair = String::from_utf8(pair).expect("it is text");
    let (username, password) = pair.split_once(':').expect("it is a pair");
    let login = Password(RegistryCredential {
        username: username.to_owned(),
        password: SecretString::from(password.to_owned()),
    });
    let image = ImageName {
        registry: RegistryHost::parse(&registry.host).expect("it is legal"),
        repository: RepositoryName::parse(repository).expect("it is legal"),
    };
    let http = http_client("tests/1").expect("HTTP can be spoken");
    Client::new(image, http, Arc::new(login)).expect("it has an address")
}

/// A repository that a test pushes to.
pub struct Pusher<'a> {
    ecr: &'a Ecr,
    client: Client,
}

impl<'a> Pusher<'a> {
    /// Pushes to a repository that is there.
    pub fn new(ecr: &'a Ecr, repository: &str) -> Self {
        let client = client_of(&ecr.login(), repository);
        Self { ecr, client }
    }

    /// Pushes a blob.
    pub fn blob(&self, media_type: &str, content: impl Into<bytes::Bytes>) -> Descriptor {
        let content = content.into();
        let size = content.len() as u64;
        let digest = self.ecr.run(self.client.put_blob(content)).expect("it is taken");
        Descriptor::new(media_type, digest, size)
    }

    /// Pushes a manifest under its digest.
    pub fn manifest(&self, media_type: &str, content: &Value) -> Descriptor {
        let manifest = Manifest::new(media_type, content.to_string());
        let by_digest = Reference::Digest(manifest.digest());
        let put = self.client.put_manifest(&by_digest, &manifest);
        self.ecr.run(put).expect("it is taken");
        Descriptor::new(media_type, manifest.digest(), manifest.bytes().len() as u64)
    }

    /// Puts a tag on a manifest that was pushed.
    pub fn tag(&self, tag: &str, digest: &Digest) {
        use oci_registry::ReadRepository as _;
        let manifest = self.ecr.run(self.client.manifest(digest)).expect("it is there");
        let manifest = manifest.expect("it is there");
        let tag = Reference::Tag(Tag::parse(tag).expect("it is legal"));
        self.ecr
            .run(self.client.put_manifest(&tag, &manifest))
            .expect("it is taken");
    }

    /// Pushes an image for `linux/<architecture>` with one layer of this text and these labels.
    pub fn image(&self, architecture: &str, layer: &str, labels: &Value) -> Descriptor {
        let config = json!({
            "architecture": architecture,
            "os": "linux",
            "created": "2026-01-02T03:04:05Z",
            "config": {"Labels": labels, "Entrypoint": ["/app"], "User": "1000"},
            "rootfs": {"type": "layers", "diff_ids": [Digest::of(layer.as_bytes())]},
        });
        let config = self.blob(OCI_CONFIG, config.to_string());
        let layers = [self.blob(OCI_LAYER_GZIP, layer.to_owned())];
        let content =
            json!({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": layers});
        let platform = json!({"architecture": architecture, "os": "linux"});
        Descriptor {
            platform: serde_json::from_value(platform).expect("it is a platform"),
            ..self.manifest(OCI_MANIFEST, &content)
        }
    }

    /// Pushes an index of manifests.
    pub fn index(&self, manifests: &[Descriptor]) -> Descriptor {
        let content = json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": manifests});
        self.manifest(OCI_INDEX, &content)
    }

    /// Pushes an artifact of this type about a manifest, as a signature is.
    pub fn referrer(&self, artifact_type: &str, subject: &Descriptor) -> Descriptor {
        let empty = self.blob("application/vnd.oci.empty.v1+json", "{}");
        let subject = Descriptor::new(&subject.media_type, subject.digest, subject.size);
        let content = json!({
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "artifactType": artifact_type,
            "config": empty,
            "layers": [empty],
            "subject": subject,
        });
        self.manifest(OCI_MANIFEST, &content)
    }
}

impl Ecr {
    /// Runs work that talks to this registry.
    pub fn run<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime().block_on(work)
    }

    /// `tagship` with the administrator's key and with this registry as that of the settings.
    pub fn command(&self, home: &std::path::Path, arguments: &[&str]) -> Command {
        let (id, secret) = self.admin_key();
        let mut program = tagship(home);
        program
            .env("AWS_ACCESS_KEY_ID", id)
            .env("AWS_SECRET_ACCESS_KEY", secret)
            .env("AWS_REGION", REGION)
            .env("TAGSHIP_REGISTRY", self.host())
            .env("TAGSHIP_ENDPOINT_URL", self.url())
            .args(arguments);
        program
    }
}
