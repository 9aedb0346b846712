//! What the planner and the builder are asked for.

use super::RunContext;
use crate::settings::{BaseChanged, CacheWish};
use tagship_domain::build::BuildRequest;
use tagship_domain::plan::{PlanRequest, Scope};

impl RunContext<'_> {
    /// What is planned.
    pub(super) fn plan_request(&self, scope: Scope) -> PlanRequest {
        let request = self.naming.request.clone();
        PlanRequest {
            image: self.target.image.clone(),
            source: self.naming.source.clone(),
            version: self.naming.version.clone(),
            wanted: self.renamed.get().unwrap_or(&self.wanted).clone(),
            also: self.naming.usual_tags(),
            request: match &scope {
                Scope::Merged(index) => request.with_platforms(index.platforms()),
                Scope::Whole | Scope::Part => request,
            },
            missing_git_tag: self
                .naming
                .counted_git_tag()
                .filter(|_| self.settings.release.is_none()),
            is_declared: self.settings.is_declared,
            rebuild: self.settings.rebuild,
            bases: self.bases.get(),
            build: self.build_request(),
            scope,
        }
    }

    /// What is built, with all but the labels that the forge knows.
    pub(in crate::run) fn build_request(&self) -> BuildRequest {
        let mut request = BuildRequest {
            labels: self.labels.clone(),
            ..self.naming.build.clone()
        };
        let options = &mut request.options;
        // An engine that has an older image by the same name would build on that.
        options.pull |= self.settings.base_changed == BaseChanged::Rebuild;
        match &self.settings.build.cache {
            CacheWish::None => {}
            CacheWish::Registry { is_optional } => options.keep_cache_in(&self.target.image, *is_optional),
            CacheWish::Lines {
                from,
                to,
                is_optional,
            } => {
                options.cache_from.push(from.clone());
                options.cache_to.push(to.clone());
                options.is_cache_optional = *is_optional;
            }
        }
        request
    }
}
