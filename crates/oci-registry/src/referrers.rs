//! What refers to a manifest: signatures, attestations, bills of materials.

use http::StatusCode;

use super::client::{Client, read_up_to, transport_failure};
use super::error::RegistryError;
use super::failure::Failure;
use super::operation::Operation;
use super::tags::next_query;
use tagship_domain::content::{Content, Descriptor, MAX_MANIFEST_BYTES, Manifest, OCI_INDEX};
use tagship_domain::reference::{Digest, Reference, Tag};

/// The most pages that are read.
const MAX_PAGES: usize = 50;

/// What the tags of cosign add to the tag of a digest. Source: cosign, `SIGNATURE_SPEC.md`, "Storage".
const COSIGN_SUFFIXES: [&str; 3] = [".sig", ".att", ".sbom"];

/// Returns the tag that stands for the referrers of a digest where a registry has no API for them.
///
/// Source: OCI distribution spec, "Referrers Tag Schema".
pub fn referrers_tag(subject: &Digest) -> Option<Tag> {
    Tag::parse(&format!("sha256-{}", subject.hex())).ok()
}

/// Returns the tags that cosign puts what it attaches to a digest under.
pub fn cosign_tags(subject: &Digest) -> Vec<Tag> {
    let name = |suffix| Tag::parse(&format!("sha256-{}{suffix}", subject.hex())).ok();
    COSIGN_SUFFIXES.into_iter().filter_map(name).collect()
}

impl Client {
    /// The manifests whose subject is `subject`, by the registry's API or else by the tag that stands for it.
    ///
    /// Source: OCI distribution spec, "Listing Referrers".
    pub(crate) async fn list_referrers(&self, subject: &Digest) -> Result<Vec<Descriptor>, RegistryError> {
        match self.referrers_by_api(subject).await? {
            Some(found) => Ok(found),
            None => self.referrers_by_tag(subject).await,
        }
    }

    /// `None` where the registry has no such API.
    pub(crate) async fn referrers_by_api(
        &self,
        subject: &Digest,
    ) -> Result<Option<Vec<Descriptor>>, RegistryError> {
        let operation = Operation::ListReferrers(subject);
        let mut found = Vec::new();
        let mut query = None;
        for _ in 0..MAX_PAGES {
            let attempt = || {
                let page = self.referrers_once(operation, subject, query.as_deref());
                Self::within(self.retry_policy.answer, page)
            };
            let (page, next) = match self.retried(operation, attempt).await {
                Ok(page) => page,
                Err(Failure::Absent(_)) => return Ok(None),
                Err(failure) => return Err(failure.into_error(&self.image, operation)),
            };
            found.extend(page);
            match next {
                None => return Ok(Some(found)),
                Some(next) if query.as_ref() == Some(&next) => break,
                Some(next) => query = Some(next),
            }
        }
        let endless = Failure::refused(&self.image, operation, "its pages do not end");
        Err(endless.into_error(&self.image, operation))
    }

    async fn referrers_once(
        &self,
        operation: Operation<'_>,
        subject: &Digest,
        query: Option<&str>,
    ) -> Result<(Vec<Descriptor>, Option<String>), Failure> {
        let mut address = self.address(&format!("referrers/{subject}"))?;
        address.set_query(query);
        let mut response = self.send(operation, || self.http.get(address.clone())).await?;
        if response.status() != StatusCode::OK {
            return Err(Failure::refused(&self.image, operation, "its answer is no list"));
        }
        let body = read_up_to(&mut response, MAX_MANIFEST_BYTES + 1)
            .await
            .map_err(transport_failure)?;
        let next = next_query(response.headers(), &address);
        let listed = entries(&Manifest::new(OCI_INDEX, body))?;
        Ok((listed, next))
    }

    async fn referrers_by_tag(&self, subject: &Digest) -> Result<Vec<Descriptor>, RegistryError> {
        let Some(tag) = referrers_tag(subject) else {
            return Ok(Vec::new());
        };
        match self.get_manifest(&Reference::Tag(tag)).await? {
            Some(index) => entries(&index),
            None => Ok(Vec::new()),
        }
    }
}

fn entries(index: &Manifest) -> Result<Vec<Descriptor>, RegistryError> {
    match index.content()? {
        Content::Index(index) => Ok(index.manifests),
        // Another image has the tag.
        Content::Image(_) => Ok(Vec::new()),
    }
}
