//! The OCI distribution specification 1.1, section by section, as the embedded ECR follows it: all of it with
//! `strict_oci`, and otherwise but for ECR's own ways, which are in `docs/local-ecr.md`.

mod content_discovery;
mod content_management;
mod digests;
mod pull;
mod push;

use crate::bench::{Bench, Registry};
use tagship_domain::immutability::Mutability;

/// A repository with mutable tags.
const REPOSITORY: &str = "team/oci";

/// The registry with ECR's ways, and the one that follows the specification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Personality {
    Ecr,
    Strict,
}

const BOTH: [Personality; 2] = [Personality::Ecr, Personality::Strict];

impl Personality {
    async fn start(self) -> (Bench, Registry) {
        let bench = Bench::start_with(|options| options.quirks.strict_oci = self == Self::Strict).await;
        bench.make(REPOSITORY, Mutability::Mutable).await;
        let registry = bench.registry().await;
        (bench, registry)
    }
}
