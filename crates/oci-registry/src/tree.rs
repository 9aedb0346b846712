//! An image with everything that its index names.
//!
//! 1. Read the root's descriptors, level by level, each manifest once.
//! 2. Stop at what no image needs: too deep, too many, too large.
//! 3. Give the manifests with the children before those that name them, which is the order of a push.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};

use super::error::RegistryError;
use super::http::MAX_PARALLEL;
use super::manifests::mismatch;
use super::repository::ReadRepository;
use tagship_domain::content::{Content, Descriptor, Manifest};
use tagship_domain::reference::Digest;

/// How deep indexes may lie in each other. Those of images lie one deep.
const MAX_DEPTH: usize = 4;
/// The most manifests of one tree. The largest official images have about 40.
const MAX_MANIFESTS: usize = 1000;
/// The most bytes of all manifests of one tree.
const MAX_BYTES: usize = 64 * 1024 * 1024;

/// A manifest or index with all manifests below it.
#[derive(Debug, Clone)]
pub struct ImageTree {
    root: Digest,
    nodes: BTreeMap<Digest, TreeNode>,
}

/// One manifest of a tree.
#[derive(Debug, Clone)]
pub struct TreeNode {
    /// The manifest.
    pub manifest: Manifest,
    /// What it says.
    pub content: Content,
}

impl TreeNode {
    fn new(manifest: Manifest) -> Result<Self, RegistryError> {
        let content = manifest.content()?;
        Ok(Self { manifest, content })
    }

    /// Returns the entries of an index, in its order; none for an image.
    pub fn children(&self) -> &[Descriptor] {
        match &self.content {
            Content::Index(index) => &index.manifests,
            Content::Image(_) => &[],
        }
    }

    /// Returns the config and the layers of an image; none for an index.
    pub fn blobs(&self) -> impl Iterator<Item = &Descriptor> {
        let image = match &self.content {
            Content::Image(image) => Some(image),
            Content::Index(_) => None,
        };
        image
            .into_iter()
            .flat_map(|image| std::iter::once(&image.config).chain(&image.layers))
    }
}

impl ImageTree {
    /// Reads everything below `root`.
    ///
    /// `RegistryError::ContentMissing` for an entry that the repository lacks.
    pub async fn read(root: Manifest, repository: &dyn ReadRepository) -> Result<Self, RegistryError> {
        let digest = root.digest();
        let mut bytes = root.bytes().len();
        let mut level = vec![TreeNode::new(root)?];
        let mut nodes = BTreeMap::new();
        for depth in 0.. {
            let named: BTreeMap<Digest, Descriptor> = level
                .iter()
                .flat_map(TreeNode::children)
                .map(|child| (child.digest, child.clone()))
                .collect();
            nodes.extend(level.into_iter().map(|node| (node.manifest.digest(), node)));
            let unread: Vec<Descriptor> = named
                .into_values()
                .filter(|child| !nodes.contains_key(&child.digest))
                .collect();
            if unread.is_empty() {
                break;
            }
            if depth == MAX_DEPTH || nodes.len() + unread.len() > MAX_MANIFESTS || bytes > MAX_BYTES {
                return Err(mismatch(digest, "an index too deep or too large".to_owned()));
            }
            level = stream::iter(unread.into_iter().map(|child| read_child(child, repository)))
                .buffer_unordered(MAX_PARALLEL)
                .try_collect()
                .await?;
            bytes += level
                .iter()
                .map(|node| node.manifest.bytes().len())
                .sum::<usize>();
        }
        Ok(Self { root: digest, nodes })
    }

    /// Returns the manifest or index at the top.
    pub fn root(&self) -> &Manifest {
        &self.nodes[&self.root].manifest
    }

    /// Returns a manifest of the tree.
    pub fn node(&self, digest: &Digest) -> Option<&TreeNode> {
        self.nodes.get(digest)
    }

    /// Returns all manifests, children before those that name them.
    pub fn children_first(&self) -> Vec<&TreeNode> {
        let mut ordered = Vec::new();
        self.visit(&self.root, &mut BTreeSet::new(), &mut ordered);
        ordered
    }

    fn visit<'a>(&'a self, digest: &Digest, seen: &mut BTreeSet<Digest>, ordered: &mut Vec<&'a TreeNode>) {
        let Some(node) = self.nodes.get(digest).filter(|_| seen.insert(*digest)) else {
            return;
        };
        for child in node.children() {
            self.visit(&child.digest, seen, ordered);
        }
        ordered.push(node);
    }

    /// Returns the configs and layers of all manifests, each once.
    pub fn blobs(&self) -> BTreeMap<Digest, &Descriptor> {
        let nodes = self.nodes.values();
        nodes
            .flat_map(TreeNode::blobs)
            .map(|blob| (blob.digest, blob))
            .collect()
    }
}

async fn read_child(child: Descriptor, repository: &dyn ReadRepository) -> Result<TreeNode, RegistryError> {
    let digest = child.digest;
    let manifest = repository
        .manifest(&digest)
        .await?
        .ok_or(RegistryError::ContentMissing { digest })?;
    if manifest.bytes().len() as u64 != child.size {
        let found = format!("{} bytes in place of {}", manifest.bytes().len(), child.size);
        return Err(mismatch(digest, found));
    }
    TreeNode::new(manifest)
}
