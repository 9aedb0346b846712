//! Public repositories.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::faces::ecr::repositories;
use crate::faces::ecr::resource_tags::RESOURCE_TAGS;
use crate::faces::json_api::{
    Context, Handler, Operation, Resource, Shape, optional, read, repository_name, required,
};
use crate::refusal::Refusal;
use crate::state::store::Owner;
use tagship_domain::reference::RepositoryName;

pub(super) static OPERATIONS: &[Operation] = &[
    Operation {
        name: "CreateRepository",
        on: Resource::Repository,
        input: &[
            required("repositoryName", REPOSITORY_NAME),
            optional("catalogData", CATALOG_DATA),
            optional("tags", RESOURCE_TAGS),
        ],
        run: Handler::Blocking(create),
    },
    Operation {
        name: "DeleteRepository",
        on: Resource::Repository,
        input: &[
            optional("registryId", Shape::REGISTRY_ID),
            required("repositoryName", REPOSITORY_NAME),
            optional("force", Shape::Boolean),
        ],
        run: Handler::Blocking(delete),
    },
    Operation {
        name: "DescribeRepositories",
        on: Resource::Repository,
        input: &[
            optional("registryId", Shape::REGISTRY_ID),
            optional("repositoryNames", Shape::list(&REPOSITORY_NAME, 1, 100)),
            optional("nextToken", Shape::ANY_TEXT),
            optional("maxResults", Shape::Integer { min: 1, max: 1000 }),
        ],
        run: Handler::Blocking(describe),
    },
    Operation {
        name: "GetRepositoryCatalogData",
        on: Resource::Repository,
        input: &[
            optional("registryId", Shape::REGISTRY_ID),
            required("repositoryName", REPOSITORY_NAME),
        ],
        run: Handler::Blocking(get_catalog),
    },
    Operation {
        name: "PutRepositoryCatalogData",
        on: Resource::Repository,
        input: &[
            optional("registryId", Shape::REGISTRY_ID),
            required("repositoryName", REPOSITORY_NAME),
            required("catalogData", CATALOG_DATA),
        ],
        run: Handler::Blocking(put_catalog),
    },
];

const LABELS: Shape = Shape::list(&Shape::text(1, 50), 0, 50);

/// Source: ECR Public API reference, `RepositoryCatalogDataInput`.
const CATALOG_DATA: Shape = Shape::Structure(&[
    optional("description", Shape::text(0, 1024)),
    optional("architectures", LABELS),
    optional("operatingSystems", LABELS),
    optional("logoImageBlob", Shape::Blob { max: 512_000 }),
    optional("aboutText", Shape::text(0, 25_600)),
    optional("usageText", Shape::text(0, 25_600)),
]);

/// What is shown of a repository. A logo is shown for verified accounts alone, which there are none of here.
///
/// Source: ECR Public API reference, `RepositoryCatalogData`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct CatalogData {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    architectures: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    operating_systems: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    about_text: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    usage_text: Option<String>,
}

/// The document of a repository's catalog data.
const CATALOG: &str = "catalog-data";

/// The members of a repository. Source: ECR Public API reference, `Repository`.
const REPOSITORY: &[&str] = &[
    "repositoryArn",
    "registryId",
    "repositoryName",
    "repositoryUri",
    "createdAt",
];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CreateRepository {
    repository_name: String,
    catalog_data: Option<CatalogData>,
    #[serde(default)]
    tags: Value,
}

/// `CreateRepository`.
fn create(context: &Context<'_>, document: Value) -> Result<Value, Refusal> {
    let request: CreateRepository = read(document)?;
    let name = repository_name(&request.repository_name)?;
    // Nothing else of what ECR's operation takes is there.
    let mut private = json!({"repositoryName": name});
    if !request.tags.is_null() {
        private["tags"] = request.tags;
    }
    let mut answer = repositories::create(context, private)?;
    keep(&mut answer["repository"], REPOSITORY);
    answer["catalogData"] = match request.catalog_data {
        Some(data) => store(context, &name, data)?,
        None => json!({}),
    };
    Ok(answer)
}

/// `DescribeRepositories`.
fn describe(context: &Context<'_>, document: Value) -> Result<Value, Refusal> {
    let mut answer = repositories::describe(context, document)?;
    for repository in answer["repositories"].as_array_mut().into_iter().flatten() {
        keep(repository, REPOSITORY);
    }
    Ok(answer)
}

/// `DeleteRepository`.
fn delete(context: &Context<'_>, document: Value) -> Result<Value, Refusal> {
    let mut answer = repositories::delete(context, document)?;
    keep(&mut answer["repository"], REPOSITORY);
    Ok(answer)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct NamedRepository {
    repository_name: String,
}

/// `GetRepositoryCatalogData`.
fn get_catalog(context: &Context<'_>, document: Value) -> Result<Value, Refusal> {
    let request: NamedRepository = read(document)?;
    let name = repository_name(&request.repository_name)?;
    let data: Option<CatalogData> = context.registry.document(Owner::Repository(&name), CATALOG)?;
    let data = data.ok_or_else(|| {
        Refusal::modelled(
            "RepositoryCatalogDataNotFoundException",
            format!(
                "The catalog data of the repository with name '{name}' in the registry with id '{}' does not exist",
                context.registry.account()
            ),
        )
    })?;
    Ok(json!({"catalogData": data}))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PutRepositoryCatalogData {
    repository_name: String,
    catalog_data: CatalogData,
}

/// `PutRepositoryCatalogData`: in place of all that was there.
fn put_catalog(context: &Context<'_>, document: Value) -> Result<Value, Refusal> {
    let request: PutRepositoryCatalogData = read(document)?;
    let name = repository_name(&request.repository_name)?;
    let data = store(context, &name, request.catalog_data)?;
    Ok(json!({"catalogData": data}))
}

fn store(context: &Context<'_>, name: &RepositoryName, data: CatalogData) -> Result<Value, Refusal> {
    let shown = serde_json::to_value(&data).map_err(Refusal::state)?;
    context
        .registry
        .put_document(Owner::Repository(name), CATALOG, data)?;
    Ok(shown)
}

/// A repository's name, which is stricter than ECR's.
pub(super) const REPOSITORY_NAME: Shape = Shape::pattern(
    2,
    205,
    "(?:[a-z0-9]+(?:[._-][a-z0-9]+)*/)*[a-z0-9]+(?:[._-][a-z0-9]+)*",
);

/// An account's id, or its alias.
pub(super) const REGISTRY_ID_OR_ALIAS: Shape = Shape::text(2, 50);

/// Leaves only `members` of a structure: ECR has more of them than ECR Public.
pub(super) fn keep(structure: &mut Value, members: &[&str]) {
    if let Some(fields) = structure.as_object_mut() {
        fields.retain(|name, _| members.contains(&name.as_str()));
    }
}
