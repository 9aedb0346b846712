//! What people see beside a report: pages, what the build found done, the image before.

use tagship_domain::facts::Facts;
use tagship_domain::plan::{Plan, TagAction};
use tagship_domain::reference::Tag;

/// What people see beside a report.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Surroundings {
    /// The web address of the repository that the commit is in.
    pub web: Option<String>,
    /// The page of the run.
    pub run: Option<String>,
    /// The image that a tag left for this one.
    pub left: Option<LeftImage>,
    /// The build's steps, if there was a build.
    pub steps: BuildSteps,
}

/// An image that a tag left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftImage {
    /// The tag.
    pub tag: Tag,
    /// Bytes of its config and layers, compressed.
    pub size: u64,
}

impl LeftImage {
    /// Returns the first that a tag of the plan leaves, by what is known already.
    pub fn of(plan: &Plan, facts: &Facts) -> Option<Self> {
        plan.tags.iter().find_map(|planned| {
            let TagAction::Move { from } = &planned.action else {
                return None;
            };
            let size = facts.images.get(from)?.size;
            let tag = planned.wanted.tag.clone();
            Some(Self { tag, size })
        })
    }
}

/// The steps of a Dockerfile that a build went through.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BuildSteps {
    /// All of them.
    pub total: usize,
    /// Those whose result was there already.
    pub cached: usize,
}
