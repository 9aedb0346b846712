//! `tagship inspect`: one image's whole tree. Nothing is written.

use std::collections::BTreeMap;
use std::sync::Arc;

use oci_registry::{ImageTree, READ_BLOB, TreeNode, cosign_tags};
use serde::Deserialize;

use super::connection::RegistryConnection;
use super::target::Target;
use super::{Outcome, RunError};
use crate::clock::SystemClock;
use crate::ports::{
    Clock as _, ReadInventory, ReadRepository, ReadWhole as _, RegistryError, Reporter, RunEvent,
};
use crate::report::{ConfigReport, Inspection, ManifestReport, inspection_text};
use crate::settings::RepositorySettings;
use tagship_domain::content::{Content, Descriptor, Manifest, Platform};
use tagship_domain::facts::{ImageFacts, Unknown};
use tagship_domain::inventory::{Inventory, ListedImage, is_signature};
use tagship_domain::reference::{Digest, ImageName, Reference};

/// Which image is looked at.
#[derive(Debug, Clone)]
pub struct InspectRequest {
    /// The repository.
    pub settings: RepositorySettings,
    /// The image in it.
    pub reference: Reference,
}

/// Reads an image with everything that it names and that refers to it, and shows it.
pub async fn inspect(request: &InspectRequest, reporter: Arc<dyn Reporter>) -> Result<Outcome, RunError> {
    let settings = &request.settings;
    let place = Target::of(&settings.destination, &settings.identity).await?;
    let inspection = inspection(request, &place, reporter).await;
    place.close().await;
    let inspection = inspection?;
    Ok(Outcome {
        text: inspection_text(&inspection, SystemClock.now()),
        json: serde_json::json!(inspection),
        ..Outcome::default()
    })
}

async fn inspection(
    request: &InspectRequest,
    place: &Target,
    reporter: Arc<dyn Reporter>,
) -> Result<Inspection, RunError> {
    let connection = RegistryConnection::open(place, Arc::clone(&reporter)).await?;
    let repository = connection.repository()?;
    let missing = || RunError::ImageMissing(place.image.at(request.reference.clone()).to_string());
    let root = named(&repository, &request.reference)
        .await?
        .ok_or_else(missing)?;
    let digest = root.digest();
    let tree = ImageTree::read(root, &repository).await?;
    let listed = match repository.image(&digest).await {
        Err(RegistryError::NotPermitted { action, .. }) => {
            let unknown = Unknown::NotPermitted { action };
            let note = format!("other tags, time of the push and scan are not known: {unknown}");
            reporter.event(RunEvent::Note(&note));
            None
        }
        listed => alone(listed?),
    };
    let referrers = repository.referrers(&digest).await?;
    let signatures = cosign_tags(&digest).into_iter().take(1).collect::<Vec<_>>();
    let is_signed = referrers
        .iter()
        .any(|referrer| referrer.artifact_type.as_deref().is_some_and(is_signature))
        || !repository.resolve(&signatures).await?.is_empty();
    let mut configs = BTreeMap::new();
    let mut unread = None;
    for node in tree.children_first() {
        match config(node, &repository).await {
            Ok(Some(config)) => drop(configs.insert(node.manifest.digest(), config)),
            Ok(None) => {}
            Err(RegistryError::NotPermitted { action, .. }) if action == READ_BLOB => {
                unread = Some(Unknown::NotPermitted { action });
            }
            Err(error) => return Err(error.into()),
        }
    }
    if let Some(unread) = unread {
        reporter.event(RunEvent::Note(&format!("the config is not known: {unread}")));
    }
    let asked = match &request.reference {
        Reference::Tag(tag) => vec![tag.clone()],
        Reference::Digest(_) => Vec::new(),
    };
    let tags = listed
        .as_ref()
        .map(|listed| listed.tags.clone())
        .filter(|tags| !tags.is_empty());
    Ok(Inspection {
        image: place.image.clone(),
        digest,
        tags: tags.unwrap_or(asked),
        pushed_at: listed.as_ref().and_then(|listed| listed.pushed_at),
        scan: listed.and_then(|listed| listed.scan),
        signed: is_signed,
        manifest: report(&tree, &configs, &digest, None).ok_or_else(missing)?,
        referrers,
    })
}

/// The manifest that a tag or digest names.
pub(super) async fn named(
    repository: &dyn ReadRepository,
    reference: &Reference,
) -> Result<Option<Manifest>, RegistryError> {
    match reference {
        Reference::Digest(digest) => repository.manifest(digest).await,
        Reference::Tag(tag) => {
            let mut found = repository.resolve(std::slice::from_ref(tag)).await?;
            Ok(found.remove(tag))
        }
    }
}

/// What the registry lists of the image; whoever may not list them sees the rest all the same.
async fn listed(
    repository: &dyn ReadInventory,
    digest: &Digest,
) -> Result<Option<ListedImage>, RegistryError> {
    match repository.image(digest).await {
        Err(RegistryError::NotPermitted { .. }) => Ok(None),
        listed => Ok(alone(listed?)),
    }
}

/// An image without what is no tag of its own.
fn alone(listed: Option<ListedImage>) -> Option<ListedImage> {
    Inventory::new(vec![listed?], true).images.pop()
}

/// The error where a command needs what an image says of itself, and the role may not read it.
pub(super) fn unread_error(unread: &Unknown, image: &ImageName) -> RunError {
    let action = match unread {
        Unknown::NotPermitted { action } => action.clone(),
        _ => READ_BLOB.to_owned(),
    };
    let repository = image.repository.clone();
    RegistryError::NotPermitted { action, repository }.into()
}

/// Adds the version that an image's tags name where it names none itself: a commit that got its version after it was
/// published. Where the role may not list images it stays unknown.
pub(super) async fn add_version(
    facts: &mut ImageFacts,
    digest: &Digest,
    repository: &dyn ReadInventory,
) -> Result<(), RegistryError> {
    if facts.version.is_none() {
        facts.version = listed(repository, digest)
            .await?
            .and_then(|image| image.version());
        facts.is_version_of_tags = facts.version.is_some();
    }
    Ok(())
}

/// The parts of an image config that are shown. Source: OCI image spec, "Image Configuration".
#[derive(Deserialize)]
struct ImageConfig {
    #[serde(flatten)]
    platform: Platform,
    created: Option<String>,
    #[serde(default)]
    config: Option<Execution>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Execution {
    user: Option<String>,
    entrypoint: Option<Vec<String>>,
    cmd: Option<Vec<String>>,
    labels: Option<BTreeMap<String, String>>,
}

/// The config of an image that has one, and its platform. An artifact's is not looked into.
async fn config(
    node: &TreeNode,
    repository: &dyn ReadRepository,
) -> Result<Option<(Platform, ConfigReport)>, RegistryError> {
    let Content::Image(image) = &node.content else {
        return Ok(None);
    };
    if node.content.artifact_type().is_some() {
        return Ok(None);
    }
    let content = repository.blob(&image.config).await?;
    let Ok(config) = serde_json::from_slice::<ImageConfig>(&content) else {
        return Ok(None);
    };
    let execution = config.config.unwrap_or_default();
    let report = ConfigReport {
        descriptor: image.config.clone(),
        created: config.created,
        user: execution.user.filter(|user| !user.is_empty()),
        entrypoint: execution.entrypoint.unwrap_or_default(),
        command: execution.cmd.unwrap_or_default(),
        labels: execution.labels.unwrap_or_default(),
    };
    Ok(Some((config.platform, report)))
}

/// What is shown of the manifest `digest`, which `entry` of an index names.
fn report(
    tree: &ImageTree,
    configs: &BTreeMap<Digest, (Platform, ConfigReport)>,
    digest: &Digest,
    entry: Option<&Descriptor>,
) -> Option<ManifestReport> {
    let node = tree.node(digest)?;
    let (platform, config) = configs.get(digest).cloned().unzip();
    let attested = entry.filter(|entry| entry.is_about_another());
    let attested = attested.and_then(|entry| entry.annotations.get("vnd.docker.reference.digest"));
    let (annotations, layers) = match &node.content {
        Content::Image(image) => (image.annotations.clone(), image.layers.clone()),
        Content::Index(index) => (index.annotations.clone(), Vec::new()),
    };
    Some(ManifestReport {
        digest: *digest,
        media_type: node.manifest.media_type().to_owned(),
        size: node.manifest.bytes().len() as u64,
        platform: entry.and_then(|entry| entry.platform.clone()).or(platform),
        artifact_type: node.content.artifact_type().map(str::to_owned),
        attests: attested.cloned(),
        annotations,
        config,
        layers,
        manifests: node
            .children()
            .iter()
            .filter_map(|child| report(tree, configs, &child.digest, Some(child)))
            .collect(),
    })
}
