//! Replication: the setting, and how far an image is.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::{Value, json};

use super::image_ids::{IMAGE_ID, ImageId};
use crate::faces::json_api::{
    Context, Handler, Member, Operation, Resource, Shape, optional, read, repository_name, required,
};
use crate::refusal::Refusal;
use crate::services::replication::{CONFIGURATION, Configuration, Destination, ReplicationRule, outcomes};
use crate::state::store::Owner;
use tagship_domain::reference::{AccountId, Region};

/// The most rules of a registry. Source: ECR user guide, "Service quotas", "Rules per replication configuration".
const MAX_RULES: usize = 10;

/// The most registries that one replicates to. Source: ECR user guide, "Service quotas".
const MAX_DESTINATIONS: usize = 25;

/// Source: ECR API reference, `ReplicationDestination`.
pub(crate) const DESTINATION: Shape = Shape::Structure(&[
    required("region", Shape::pattern(2, 25, "[0-9a-z-]{2,25}")),
    required("registryId", Shape::REGISTRY_ID),
]);

const FILTER: Shape = Shape::Structure(&[
    required(
        "filter",
        Shape::pattern(
            2,
            256,
            r"(?:[a-z0-9]+(?:[._-][a-z0-9]*)*/)*[a-z0-9]*(?:[._-][a-z0-9]*)*",
        ),
    ),
    required("filterType", Shape::Enum(&["PREFIX_MATCH"])),
]);

const RULE: Shape = Shape::Structure(&[
    required("destinations", Shape::list(&DESTINATION, 0, 100)),
    optional("repositoryFilters", Shape::list(&FILTER, 1, 100)),
    optional(
        "deleteReplication",
        Shape::Structure(&[required("enabled", Shape::Boolean)]),
    ),
]);

const REPLICATION: Member = required(
    "replicationConfiguration",
    Shape::Structure(&[required("rules", Shape::list(&RULE, 0, 25))]),
);

pub(crate) static OPERATIONS: &[Operation] = &[
    Operation {
        name: "DescribeImageReplicationStatus",
        on: Resource::Repository,
        input: &[
            optional("registryId", Shape::REGISTRY_ID),
            required("repositoryName", Shape::REPOSITORY_NAME),
            required("imageId", IMAGE_ID),
        ],
        run: Handler::Blocking(describe_status),
    },
    Operation {
        name: "DescribeRegistry",
        on: Resource::Registry,
        input: &[],
        run: Handler::Blocking(describe_registry),
    },
    Operation {
        name: "PutReplicationConfiguration",
        on: Resource::Registry,
        input: &[REPLICATION],
        run: Handler::Blocking(put_configuration),
    },
];

/// `DescribeRegistry`.
fn describe_registry(context: &Context<'_>, _document: Value) -> Result<Value, Refusal> {
    Ok(json!({
        "registryId": context.registry.account(),
        "replicationConfiguration": Configuration::of(&context.registry)?,
    }))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PutReplicationConfiguration {
    replication_configuration: Configuration<UncheckedDestination>,
}

/// A destination as a request names it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct UncheckedDestination {
    region: String,
    registry_id: String,
}

impl UncheckedDestination {
    /// Another registry than the caller's.
    pub(crate) fn check(self, context: &Context<'_>) -> Result<Destination, Refusal> {
        let destination = Destination {
            region: Region::parse(&self.region)
                .map_err(|invalid| unsatisfied(format!("'{}' is not a region: {invalid}", self.region)))?,
            registry_id: AccountId::parse(&self.registry_id)
                .map_err(|invalid| unsatisfied(format!("not a registry id: {invalid}")))?,
        };
        let own = (context.registry.region(), context.registry.account());
        if (&destination.region, &destination.registry_id) == own {
            return Err(unsatisfied(
                "Replication destination cannot be the same as the source registry",
            ));
        }
        Ok(destination)
    }
}

fn unsatisfied(constraint: impl std::fmt::Display) -> Refusal {
    Refusal::modelled(
        "ValidationException",
        format!(
            "Invalid parameter at 'replicationConfiguration' failed to satisfy constraint: '{constraint}'"
        ),
    )
}

/// `PutReplicationConfiguration`.
fn put_configuration(context: &Context<'_>, document: Value) -> Result<Value, Refusal> {
    let request: PutReplicationConfiguration = read(document)?;
    let rules = request.replication_configuration.rules;
    if rules.len() > MAX_RULES {
        return Err(unsatisfied(format!("A registry has at most {MAX_RULES} rules")));
    }
    let rules = rules
        .into_iter()
        .map(|rule| {
            Ok(ReplicationRule {
                destinations: rule
                    .destinations
                    .into_iter()
                    .map(|destination| destination.check(context))
                    .collect::<Result<_, Refusal>>()?,
                repository_filters: rule.repository_filters,
                delete_replication: rule.delete_replication,
            })
        })
        .collect::<Result<Vec<ReplicationRule>, Refusal>>()?;
    let unique: BTreeSet<&Destination> = rules.iter().flat_map(|rule| &rule.destinations).collect();
    if unique.len() > MAX_DESTINATIONS {
        return Err(unsatisfied(format!(
            "A registry replicates to at most {MAX_DESTINATIONS} unique destinations"
        )));
    }
    let configuration = Configuration { rules };
    let answer = json!({"replicationConfiguration": configuration});
    context
        .registry
        .put_document(Owner::Registry, CONFIGURATION, configuration)?;
    Ok(answer)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DescribeImageReplicationStatus {
    repository_name: String,
    image_id: ImageId,
}

/// `DescribeImageReplicationStatus`.
fn describe_status(context: &Context<'_>, document: Value) -> Result<Value, Refusal> {
    let request: DescribeImageReplicationStatus = read(document)?;
    let name = repository_name(&request.repository_name)?;
    context.registry.repository(&name)?;
    let reference = request
        .image_id
        .reference()
        .map_err(|failure| Refusal::InvalidParameter(failure.reason.to_owned()))?;
    let image = context
        .registry
        .image(&name, &reference)?
        .ok_or_else(|| Refusal::ImageNotFound {
            digest: request.image_id.image_digest.clone(),
            tag: request.image_id.image_tag.clone(),
            repository: name.clone(),
            registry: context.registry.account().clone(),
        })?;
    let statuses: Vec<Value> = outcomes(&context.registry, &name, &image.digest)?
        .iter()
        .map(|outcome| {
            let status = outcome.status(context.state);
            let mut described = json!({
                "region": outcome.destination.region,
                "registryId": outcome.destination.registry_id,
                "status": status,
            });
            if let (Some(failure), "FAILED", Some(fields)) =
                (&outcome.failure, status, described.as_object_mut())
            {
                fields.insert("failureCode".to_owned(), failure.as_str().into());
            }
            described
        })
        .collect();
    Ok(json!({
        "repositoryName": name,
        "imageId": request.image_id,
        "replicationStatuses": statuses,
    }))
}
