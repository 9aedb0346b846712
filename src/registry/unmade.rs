//! A repository that is not there yet, as the plan sees it.

use std::collections::BTreeMap;

use async_trait::async_trait;
use bytes::Bytes;
use oci_registry::ReadRepository;

use crate::ports::{ReadRegistry, RegistryError};
use tagship_domain::content::{Descriptor, Manifest};
use tagship_domain::immutability::Mutability;
use tagship_domain::reference::{Digest, Tag};
use tagship_domain::repositories::DeclaredRepository;

/// A repository that is made before anything is built: it has its declared setting, and holds nothing.
#[derive(Debug)]
pub struct UnmadeRepository {
    mutability: Mutability,
}

impl UnmadeRepository {
    /// Returns what a repository will be with what is declared of it.
    pub fn of(declared: &DeclaredRepository) -> Self {
        // Source: ECR API reference, `CreateRepository`, `imageTagMutability`.
        let mutability = declared.settings.mutability.clone();
        Self {
            mutability: mutability.unwrap_or(Mutability::Mutable),
        }
    }
}

#[async_trait]
impl ReadRegistry for UnmadeRepository {
    async fn mutability(&self) -> Result<Mutability, RegistryError> {
        Ok(self.mutability.clone())
    }
}

#[async_trait]
impl ReadRepository for UnmadeRepository {
    async fn resolve(&self, _: &[Tag]) -> Result<BTreeMap<Tag, Manifest>, RegistryError> {
        Ok(BTreeMap::new())
    }

    async fn list_tags(&self) -> Result<Vec<Tag>, RegistryError> {
        Ok(Vec::new())
    }

    async fn manifest(&self, _: &Digest) -> Result<Option<Manifest>, RegistryError> {
        Ok(None)
    }

    async fn blob_size(&self, _: &Digest) -> Result<Option<u64>, RegistryError> {
        Ok(None)
    }

    async fn blob(&self, descriptor: &Descriptor) -> Result<Bytes, RegistryError> {
        let digest = descriptor.digest;
        Err(RegistryError::ContentMissing { digest })
    }
}
