//! What a registry of one kind has, and one of the other has not.

use super::{
    DeclaredRepository, DeclaredSettings, Document, Encryption, Obstacle, PlanAction, RegistryKind,
    RepositoryPlan, RepositorySetting,
};
use crate::immutability::Mutability;

/// The settings that not every registry has, in their order.
const OF_ONE_KIND: [RepositorySetting; 5] = [
    RepositorySetting::Mutability,
    RepositorySetting::Encryption,
    RepositorySetting::ScanOnPush,
    RepositorySetting::Lifecycle,
    RepositorySetting::Catalog,
];

impl RepositoryPlan {
    /// Refuses what registries of this kind do not have.
    #[must_use]
    pub fn held_to(mut self, kind: RegistryKind, declared: &DeclaredRepository) -> Self {
        let settings = &declared.settings;
        if kind == RegistryKind::Public && !self.repository.is_public() {
            self.obstacles.push(Obstacle::PublicName);
        }
        let policy = settings.policy.as_ref().and_then(Document::says);
        if policy.is_some_and(|policy| !policy.is_of(kind)) {
            self.obstacles.push(Obstacle::PolicyOfOtherKind { kind });
        }
        let refused = OF_ONE_KIND
            .into_iter()
            .filter(|setting| !has(kind, *setting) && differs(settings, *setting));
        self.obstacles
            .extend(refused.map(|setting| Obstacle::NotInRegistry { setting, kind }));
        self.changes.retain(|change| has(kind, change.setting()));
        self.action = match self.action {
            _ if !self.obstacles.is_empty() => PlanAction::Refuse,
            PlanAction::Change if self.changes.is_empty() => PlanAction::Keep,
            action => action,
        };
        self
    }
}

/// Source: ECR Public API reference, "Actions": none is about tag mutability, encryption, scans or lifecycle policies.
const fn has(kind: RegistryKind, setting: RepositorySetting) -> bool {
    match setting {
        RepositorySetting::Tags | RepositorySetting::Policy => true,
        RepositorySetting::Catalog => matches!(kind, RegistryKind::Public),
        RepositorySetting::Mutability
        | RepositorySetting::Encryption
        | RepositorySetting::ScanOnPush
        | RepositorySetting::Lifecycle => matches!(kind, RegistryKind::Private),
    }
}

/// Whether what is declared is not what every repository is whose registry does not have the setting.
fn differs(settings: &DeclaredSettings, setting: RepositorySetting) -> bool {
    match setting {
        RepositorySetting::Mutability => {
            let wanted = settings.mutability.as_ref();
            wanted.is_some_and(|wanted| *wanted != Mutability::Mutable)
        }
        RepositorySetting::Encryption => {
            let wanted = settings.encryption.as_ref();
            wanted.is_some_and(|wanted| *wanted != Encryption::DEFAULT)
        }
        RepositorySetting::ScanOnPush => settings.scan_on_push == Some(true),
        RepositorySetting::Lifecycle => settings.lifecycle.as_ref().and_then(Document::says).is_some(),
        RepositorySetting::Catalog => settings.catalog.is_some(),
        RepositorySetting::Tags | RepositorySetting::Policy => false,
    }
}
