//! Repositories that are there and that nothing declares.

use serde::Serialize;

use super::Declarations;
use crate::reference::RepositoryName;
use crate::registry_settings::{DeclaredRegistry, TemplatePrefix};

/// A repository that is there and that nothing declares.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct UndeclaredRepository {
    /// The repository.
    pub repository: RepositoryName,
    /// Whether it holds images; then it stays.
    pub holds_images: bool,
}

impl Declarations {
    /// Whether a repository is declared: by its name, by a pattern, or by the prefix of a cache or of a creation template, by which ECR makes
    /// it itself. The template for all repositories declares none.
    pub fn declares(&self, name: &RepositoryName, registry: Option<&DeclaredRegistry>) -> bool {
        let caches = registry.iter().flat_map(|registry| &registry.pull_through);
        let templates = registry.iter().flat_map(|registry| &registry.templates);
        let mut prefixes = (caches.map(|cache| &cache.prefix)).chain(templates.map(|template| &template.prefix));
        let is_below = |prefix: &TemplatePrefix| {
            let below = name.as_str().strip_prefix(prefix.to_string().as_str());
            below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        self.of(name).is_some() || prefixes.any(is_below)
    }
}
