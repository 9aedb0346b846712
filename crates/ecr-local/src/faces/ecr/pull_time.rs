//! Who is left out of recorded pull times.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::faces::json_api::{
    Context, Handler, Member, Operation, Resource, Shape, epoch_seconds, optional, page_size, read, required,
    with_token,
};
use crate::refusal::Refusal;
use crate::services::follow_up::EXCLUDED;
use crate::state::store::{Owner, Page};

/// Source: ECR API reference, `RegisterPullTimeUpdateExclusion`, `principalArn`.
const PRINCIPAL_ARN: Member = required(
    "principalArn",
    Shape::pattern(
        0,
        200,
        r"arn:aws(-[a-z]+)*:iam::[0-9]{12}:(role|user)/[\w+=,.@-]+(/[\w+=,.@-]+)*",
    ),
);

/// The most exclusions of a registry. Source: ECR API reference, `ListPullTimeUpdateExclusions`.
const MOST: usize = 100;

pub(crate) static OPERATIONS: &[Operation] = &[
    Operation {
        name: "DeregisterPullTimeUpdateExclusion",
        on: Resource::Registry,
        input: &[PRINCIPAL_ARN],
        run: Handler::Blocking(deregister),
    },
    Operation {
        name: "ListPullTimeUpdateExclusions",
        on: Resource::Registry,
        input: &[
            optional("maxResults", Shape::Integer { min: 1, max: 1000 }),
            optional("nextToken", Shape::ANY_TEXT),
        ],
        run: Handler::Blocking(list),
    },
    Operation {
        name: "RegisterPullTimeUpdateExclusion",
        on: Resource::Registry,
        input: &[PRINCIPAL_ARN],
        run: Handler::Blocking(register),
    },
];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Exclusion {
    principal_arn: String,
}

/// `RegisterPullTimeUpdateExclusion`.
fn register(context: &Context<'_>, document: Value) -> Result<Value, Refusal> {
    let Exclusion { principal_arn } = read(document)?;
    let (now, name) = (context.now(), format!("{EXCLUDED}{principal_arn}"));
    if excluded(context)?.len() >= MOST {
        return Err(Refusal::modelled(
            "LimitExceededException",
            format!("The registry has {MOST} pull time update exclusions already"),
        ));
    }
    context
        .registry
        .change_document(Owner::Registry, &name, |before: Option<Timestamp>| match before {
            None => Ok(Some(now)),
            Some(_) => Err(Refusal::modelled(
                "ExclusionAlreadyExistsException",
                format!("A pull time update exclusion for '{principal_arn}' exists already"),
            )),
        })?;
    Ok(json!({"principalArn": principal_arn, "createdAt": epoch_seconds(now)}))
}

/// `DeregisterPullTimeUpdateExclusion`.
fn deregister(context: &Context<'_>, document: Value) -> Result<Value, Refusal> {
    let Exclusion { principal_arn } = read(document)?;
    let name = format!("{EXCLUDED}{principal_arn}");
    let removed = context
        .registry
        .change_document(Owner::Registry, &name, |_: Option<Timestamp>| Ok(None))?;
    if removed.is_none() {
        return Err(Refusal::modelled(
            "ExclusionNotFoundException",
            format!("There is no pull time update exclusion for '{principal_arn}'"),
        ));
    }
    Ok(json!({"principalArn": principal_arn}))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListPullTimeUpdateExclusions {
    max_results: Option<usize>,
    next_token: Option<String>,
}

/// `ListPullTimeUpdateExclusions`.
fn list(context: &Context<'_>, document: Value) -> Result<Value, Refusal> {
    let request: ListPullTimeUpdateExclusions = read(document)?;
    let page = Page::cut(
        excluded(context)?,
        String::as_str,
        request.next_token.as_deref(),
        page_size(request.max_results),
    )?;
    Ok(with_token(
        json!({"pullTimeUpdateExclusions": page.items}),
        page.next,
    ))
}

/// The excluded principals, in order.
fn excluded(context: &Context<'_>) -> Result<Vec<String>, Refusal> {
    let all: Vec<(String, Timestamp)> = context.registry.documents(Owner::Registry, EXCLUDED)?;
    Ok(all.into_iter().map(|(principal, _)| principal).collect())
}
