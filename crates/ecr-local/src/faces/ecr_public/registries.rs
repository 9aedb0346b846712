//! Public registries.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::faces::json_api::{Context, Handler, Operation, Resource, Shape, optional, read};
use crate::refusal::Refusal;
use crate::state::store::{Alias, Owner};

pub(super) static OPERATIONS: &[Operation] = &[
    Operation {
        name: "DescribeRegistries",
        on: Resource::Registry,
        input: &[
            optional("nextToken", Shape::ANY_TEXT),
            optional("maxResults", Shape::Integer { min: 1, max: 1000 }),
        ],
        run: Handler::Blocking(describe),
    },
    Operation {
        name: "GetRegistryCatalogData",
        on: Resource::Registry,
        input: &[],
        run: Handler::Blocking(get_catalog),
    },
    Operation {
        name: "PutRegistryCatalogData",
        on: Resource::Registry,
        input: &[optional("displayName", Shape::text(0, 100))],
        run: Handler::Blocking(put_catalog),
    },
];

/// The document of a registry's catalog data.
const CATALOG: &str = "catalog-data";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DescribeRegistries {
    next_token: Option<String>,
}

/// `DescribeRegistries`: an account has one, so there is one page.
fn describe(context: &Context<'_>, document: Value) -> Result<Value, Refusal> {
    let request: DescribeRegistries = read(document)?;
    if request.next_token.is_some() {
        return Err(Refusal::parameter(
            "nextToken",
            "must be a token of an earlier answer",
        ));
    }
    let account = context.registry.account();
    let partition = context.registry.region().partition();
    Ok(json!({"registries": [{
        "registryId": account,
        "registryArn": format!("arn:{partition}:ecr-public::{account}:registry/{account}"),
        "registryUri": context.registry_uri(),
        "verified": false,
        "aliases": [{
            "name": Alias::of(account).to_string(),
            "status": "ACTIVE",
            "primaryRegistryAlias": true,
            "defaultRegistryAlias": true,
        }],
    }]}))
}

/// What is shown of a registry's owner.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RegistryCatalogData {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    display_name: Option<String>,
}

/// `GetRegistryCatalogData`.
fn get_catalog(context: &Context<'_>, _document: Value) -> Result<Value, Refusal> {
    let data: RegistryCatalogData = context
        .registry
        .document(Owner::Registry, CATALOG)?
        .unwrap_or_default();
    Ok(json!({"registryCatalogData": data}))
}

/// `PutRegistryCatalogData`.
fn put_catalog(context: &Context<'_>, document: Value) -> Result<Value, Refusal> {
    let data: RegistryCatalogData = read(document)?;
    context
        .registry
        .put_document(Owner::Registry, CATALOG, data.clone())?;
    Ok(json!({"registryCatalogData": data}))
}
