//! `base-changed`: what the base images are now, and what an image says of them.

use std::sync::OnceLock;

use super::connection::RegistryConnection;
use crate::engine::read_dockerfile;
use crate::pipeline::resolve_bases;
use crate::ports::{Reporter, RunEvent, Warning};
use crate::settings::Settings;
use tagship_domain::base_digests::{BASES, BaseDigests, REPLACES};
use tagship_domain::build::BuildRequest;
use tagship_domain::plan::{Note, Rebase};

/// What the base images are now; nothing where it was not asked.
#[derive(Default)]
pub(super) struct CurrentBases(OnceLock<BaseDigests>);

impl CurrentBases {
    /// Asks the registries of the base images; gives what they do not say, which is warned of.
    pub(super) async fn resolve(
        &self,
        settings: &Settings,
        request: &BuildRequest,
        connection: &RegistryConnection,
        reporter: &dyn Reporter,
    ) -> Vec<Note> {
        let registries = connection.bases(connection.logins(settings));
        // What cannot be read is named by the build.
        let dockerfile = read_dockerfile(request).unwrap_or_default();
        let (bases, notes) = resolve_bases(request, &dockerfile, &registries).await;
        for note in &notes {
            reporter.event(RunEvent::Warning(&Warning {
                message: note.to_string(),
                file: None,
                line: None,
            }));
        }
        self.0.get_or_init(|| bases);
        notes
    }

    /// Returns what was found out.
    pub(super) fn get(&self) -> Option<BaseDigests> {
        self.0.get().cloned()
    }

    /// The labels of an image that is built on them; `rebase` says which one it takes the place of.
    pub(super) fn labels(&self, rebase: Option<&Rebase>) -> impl Iterator<Item = (String, String)> {
        let bases = self.0.get().filter(|bases| !bases.is_empty());
        let of_bases = bases.map(|bases| (BASES.to_owned(), bases.to_string()));
        let of_replaced = rebase.map(|rebase| (REPLACES.to_owned(), rebase.replaces.to_string()));
        of_bases.into_iter().chain(of_replaced)
    }
}
