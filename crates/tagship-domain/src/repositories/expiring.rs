//! What a lifecycle policy would do, in the plan of its repository.

use super::{
    Change, DeclaredRepository, Document, Expiry, LifecyclePreview, Objection, Obstacle, PlanAction,
    ProtectedImage, RepositoryPlan,
};
use crate::lifecycle::LifecyclePolicy;

/// How many images an obstacle names.
const NAMED: usize = 5;

impl DeclaredRepository {
    /// Returns the lifecycle policy that counts from now on: the declared one, or else the one that `stands`; `None` where there is
    /// none.
    pub fn policy_that_counts(
        &self,
        stands: Option<&Document<String>>,
    ) -> Option<Result<LifecyclePolicy, Obstacle>> {
        match (&self.settings.lifecycle, stands) {
            (Some(Document::Says(declared)), _) => Some(Ok(declared.policy().clone())),
            (None, Some(Document::Says(text))) if !self.settings.prunes() => {
                let unknown = |problem: crate::lifecycle::InvalidPolicy| Obstacle::UnknownPolicy {
                    problem: problem.to_string(),
                };
                Some(LifecyclePolicy::parse(text).map_err(unknown))
            }
            _ => None,
        }
    }
}

impl RepositoryPlan {
    /// Whether a lifecycle policy is put in a repository that is there.
    pub fn puts_lifecycle(&self) -> bool {
        let puts = |change: &Change| matches!(change, Change::Lifecycle { to: Some(_), .. });
        self.action != PlanAction::Create && self.changes.iter().any(puts)
    }

    /// Adds what a lifecycle policy would do that is put: what must not go is an obstacle, unless that `is_allowed`.
    #[must_use]
    pub fn with_preview(mut self, preview: &LifecyclePreview, is_allowed: bool) -> Self {
        self.expiry = Some(Expiry {
            images: preview.images.len(),
            of: preview.total,
            bytes: preview.bytes(),
        });
        self.without_protected(preview, is_allowed, false)
    }

    /// The same of the policy that stands, which no one puts now. A declaration that protects an image is an obstacle; the last
    /// release of a line is none, because whoever put the policy has decided that.
    #[must_use]
    pub fn with_standing_policy(self, preview: &LifecyclePreview, is_allowed: bool) -> Self {
        self.without_protected(preview, is_allowed, true)
    }

    /// Adds an obstacle, unless that `is_allowed`.
    #[must_use]
    pub fn with_obstacle(mut self, obstacle: Obstacle, is_allowed: bool) -> Self {
        if !is_allowed {
            self.action = PlanAction::Refuse;
            self.obstacles.push(obstacle);
        }
        self
    }

    fn without_protected(self, preview: &LifecyclePreview, is_allowed: bool, stands: bool) -> Self {
        let counts = |objection: &Objection| !stands || !matches!(objection, Objection::LastRelease { .. });
        let protected: Vec<ProtectedImage> = preview
            .objected()
            .filter(|(_, objection)| counts(objection))
            .map(|(image, objection)| ProtectedImage {
                digest: image.digest,
                tags: image.tags.clone(),
                objection: objection.clone(),
            })
            .collect();
        if protected.is_empty() {
            return self;
        }
        let obstacle = Obstacle::DeletesProtected {
            count: protected.len(),
            images: protected.into_iter().take(NAMED).collect(),
            stands,
        };
        self.with_obstacle(obstacle, is_allowed)
    }
}
