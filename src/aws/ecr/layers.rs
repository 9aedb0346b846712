//! Which layers a repository has, many in one request.

use std::collections::BTreeMap;

use aws_sdk_ecr::types::{Layer, LayerAvailability};

use crate::aws::ecr::answer::Call;
use crate::aws::ecr::client::RegionClient;
use crate::ports::RegistryError;
use tagship_domain::reference::{Digest, RegistryHost, RepositoryName};

/// The most layers that one request names. Source: ECR API reference, `BatchCheckLayerAvailability`, `layerDigests`.
const MOST_LAYERS: usize = 100;

/// Returns the sizes in bytes of those of `digests` that are there. What ECR has no answer about counts as absent.
///
/// Source: ECR API reference, `BatchCheckLayerAvailability`.
pub(super) async fn sizes(
    client: &RegionClient,
    registry: &RegistryHost,
    repository: &RepositoryName,
    digests: &[Digest],
) -> Result<BTreeMap<Digest, u64>, RegistryError> {
    let call = Call {
        registry,
        repository,
        action: "ecr:BatchCheckLayerAvailability",
        operation: "looking for layers",
    };
    let account = registry.account().map(ToString::to_string);
    let mut sizes = BTreeMap::new();
    for asked in digests.chunks(MOST_LAYERS) {
        let names: Vec<String> = asked.iter().map(ToString::to_string).collect();
        let answer = client
            .call(|client| {
                let request = client
                    .batch_check_layer_availability()
                    .set_registry_id(account.clone())
                    .repository_name(repository.as_str())
                    .set_layer_digests(Some(names.clone()));
                async move { request.send().await }
            })
            .await
            .map_err(|failure| call.failed(failure))?;
        sizes.extend(answer.layers().iter().filter_map(available));
    }
    Ok(sizes)
}

fn available(layer: &Layer) -> Option<(Digest, u64)> {
    let is_available = layer.layer_availability() == Some(&LayerAvailability::Available);
    let digest = Digest::parse(layer.layer_digest()?).ok()?;
    let size = u64::try_from(layer.layer_size()?).ok()?;
    is_available.then_some((digest, size))
}
