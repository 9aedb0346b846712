//! Backfills of replication.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::{Value, json};

use super::image_ids::ImageId;
use super::replication::{DESTINATION, UncheckedDestination};
use crate::faces::json_api::{
    Context, Handler, Operation, Resource, Shape, epoch_seconds, optional, page_size, read, required,
    with_token,
};
use crate::refusal::Refusal;
use crate::services::replication::{Backfill, BackfillResult, BackfillStatus, Configuration};
use crate::state::store::Page;

/// The most backfills of a registry at once. Source: ECR API reference, `StartReplicationBackfill`.
const MAX_RUNNING: usize = 10;

/// Source: ECR API reference, `ListReplicationBackfills`, `maxResults`.
const LIST_PAGE: usize = 25;

const BACKFILL_ID: Shape = Shape::pattern(
    0,
    36,
    "[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}",
);

pub(crate) static OPERATIONS: &[Operation] = &[
    Operation {
        name: "DescribeReplicationBackfillResults",
        on: Resource::Registry,
        input: &[
            optional("registryId", Shape::REGISTRY_ID),
            required("replicationBackfillId", BACKFILL_ID),
            optional("resultStatusFilter", Shape::Enum(&["COMPLETE", "FAILED"])),
            optional("maxResults", Shape::Integer { min: 1, max: 1000 }),
            optional("nextToken", Shape::ANY_TEXT),
        ],
        run: Handler::Blocking(describe),
    },
    Operation {
        name: "ListReplicationBackfills",
        on: Resource::Registry,
        input: &[
            optional("registryId", Shape::REGISTRY_ID),
            optional("maxResults", Shape::Integer { min: 1, max: 50 }),
            optional("nextToken", Shape::ANY_TEXT),
        ],
        run: Handler::Blocking(list),
    },
    Operation {
        name: "StartReplicationBackfill",
        on: Resource::Registry,
        input: &[
            optional("registryId", Shape::REGISTRY_ID),
            required("destination", DESTINATION),
        ],
        run: Handler::Blocking(start),
    },
    Operation {
        name: "StopReplicationBackfill",
        on: Resource::Registry,
        input: &[
            optional("registryId", Shape::REGISTRY_ID),
            required("replicationBackfillId", BACKFILL_ID),
        ],
        run: Handler::Blocking(stop),
    },
];

#[derive(Deserialize)]
struct StartReplicationBackfill {
    destination: UncheckedDestination,
}

/// `StartReplicationBackfill`.
fn start(context: &Context<'_>, document: Value) -> Result<Value, Refusal> {
    let request: StartReplicationBackfill = read(document)?;
    let destination = request.destination.check(context)?;
    let configured = Configuration::of(&context.registry)?
        .rules
        .iter()
        .any(|rule| rule.destinations.contains(&destination));
    if !configured {
        return Err(Refusal::modelled(
            "ValidationException",
            "The destination is not part of the registry's replication configuration",
        ));
    }
    let mut running = Backfill::all(context.state, &context.registry)?;
    running.retain(Backfill::is_running);
    if running
        .iter()
        .any(|other| other.destination.region == destination.region)
    {
        return Err(Refusal::modelled(
            "ReplicationBackfillInProgressException",
            format!(
                "A replication backfill to the Region '{}' is already in progress",
                destination.region
            ),
        ));
    }
    if running.len() >= MAX_RUNNING {
        return Err(Refusal::modelled(
            "LimitExceededException",
            format!("A registry has at most {MAX_RUNNING} replication backfills in progress"),
        ));
    }
    let backfill = Backfill::start(context.state, &context.registry, destination)?;
    let answer = json!({
        "replicationBackfillId": backfill.id,
        "registryId": context.registry.account(),
        "destination": backfill.destination,
        "status": backfill.status(),
        "startedAt": epoch_seconds(backfill.started_at),
    });
    backfill.settled(context.state, &context.registry)?;
    Ok(answer)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct StopReplicationBackfill {
    replication_backfill_id: String,
}

/// `StopReplicationBackfill`.
fn stop(context: &Context<'_>, document: Value) -> Result<Value, Refusal> {
    let request: StopReplicationBackfill = read(document)?;
    let backfill = find(context, &request.replication_backfill_id)?;
    if !backfill.is_running() {
        return Err(Refusal::modelled(
            "ReplicationBackfillInvalidStatusException",
            format!("The replication backfill with id '{}' has ended", backfill.id),
        ));
    }
    let backfill = backfill.stop(context.state, &context.registry)?;
    Ok(json!({
        "registryId": context.registry.account(),
        "replicationBackfillId": backfill.id,
        "destination": backfill.destination,
        "status": backfill.status(),
        "startedAt": epoch_seconds(backfill.started_at),
    }))
}

fn find(context: &Context<'_>, id: &str) -> Result<Backfill, Refusal> {
    Backfill::all(context.state, &context.registry)?
        .into_iter()
        .find(|backfill| backfill.id == id)
        .ok_or_else(|| {
            Refusal::modelled(
                "ReplicationBackfillNotFoundException",
                format!(
                    "The replication backfill with id '{id}' does not exist in the registry with id '{}'",
                    context.registry.account()
                ),
            )
        })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListReplicationBackfills {
    max_results: Option<usize>,
    next_token: Option<String>,
}

/// `ListReplicationBackfills`.
fn list(context: &Context<'_>, document: Value) -> Result<Value, Refusal> {
    let request: ListReplicationBackfills = read(document)?;
    let page = Page::cut(
        Backfill::all(context.state, &context.registry)?,
        |backfill| &backfill.id,
        request.next_token.as_deref(),
        request.max_results.unwrap_or(LIST_PAGE),
    )?;
    let backfills: Vec<Value> = page
        .items
        .iter()
        .map(|backfill| summary(backfill, json!({"replicationBackfillId": backfill.id})))
        .collect();
    Ok(with_token(
        json!({"registryId": context.registry.account(), "backfills": backfills}),
        page.next,
    ))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DescribeReplicationBackfillResults {
    replication_backfill_id: String,
    result_status_filter: Option<String>,
    max_results: Option<usize>,
    next_token: Option<String>,
}

/// `DescribeReplicationBackfillResults`.
fn describe(context: &Context<'_>, document: Value) -> Result<Value, Refusal> {
    let request: DescribeReplicationBackfillResults = read(document)?;
    let backfill = find(context, &request.replication_backfill_id)?;
    let wanted = request.result_status_filter.as_deref();
    let mut results: Vec<(String, &BackfillResult)> = backfill
        .results()
        .iter()
        .filter(|result| wanted.is_none_or(|wanted| wanted == result_status(result)))
        .map(|result| {
            let tag = result.tag.as_ref().map_or("", |tag| tag.as_str());
            (format!("{} {} {tag}", result.repository, result.digest), result)
        })
        .collect();
    results.sort_by(|one, other| one.0.cmp(&other.0));
    let page = Page::cut(
        results,
        |(key, _)| key,
        request.next_token.as_deref(),
        page_size(request.max_results),
    )?;
    let results: Vec<Value> = page
        .items
        .iter()
        .map(|(_, result)| describe_result(result))
        .collect();
    let answer = json!({
        "registryId": context.registry.account(),
        "replicationBackfillId": backfill.id,
        "results": results,
    });
    Ok(with_token(summary(&backfill, answer), page.next))
}

fn result_status(result: &BackfillResult) -> &'static str {
    if result.failure.is_some() {
        "FAILED"
    } else {
        "COMPLETE"
    }
}

fn describe_result(result: &BackfillResult) -> Value {
    let id = ImageId {
        image_digest: Some(result.digest.to_string()),
        image_tag: result.tag.as_ref().map(ToString::to_string),
    };
    let mut described = json!({
        "repositoryName": result.repository,
        "imageId": id,
        "status": result_status(result),
    });
    if let (Some(failure), Some(fields)) = (&result.failure, described.as_object_mut()) {
        fields.insert("failureCode".to_owned(), failure.as_str().into());
    }
    described
}

/// Adds what every answer says of a backfill.
fn summary(backfill: &Backfill, mut answer: Value) -> Value {
    let status = backfill.status();
    let Some(fields) = answer.as_object_mut() else {
        return answer;
    };
    fields.insert("destination".to_owned(), json!(backfill.destination));
    fields.insert("status".to_owned(), json!(status));
    fields.insert("startedAt".to_owned(), epoch_seconds(backfill.started_at).into());
    if let Some(ended_at) = backfill.ended_at() {
        fields.insert("endedAt".to_owned(), epoch_seconds(ended_at).into());
    }
    if status == BackfillStatus::Failed {
        fields.insert("failureCode".to_owned(), "TooManyReplicationFailures".into());
    }
    if let Some((total, failures)) = backfill.progress() {
        let codes: BTreeSet<&str> = failures.iter().copied().collect();
        fields.insert(
            "progress".to_owned(),
            json!({
                "totalReplicationCount": total,
                "completedReplicationCount": total - failures.len(),
                "failedReplicationCount": failures.len(),
                "failureCodes": codes,
            }),
        );
    }
    answer
}
