//! Templates of repositories that are made by themselves.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::repositories::{EXCLUSION_FILTERS, TAG_MUTABILITY};
use super::repository_policy;
use super::resource_tags::{RESOURCE_TAGS, ResourceTag, with_tags};
use crate::faces::json_api::{
    Context, Handler, Operation, Resource, Shape, epoch_seconds, optional, page_size, read, required,
    with_token,
};
use crate::refusal::Refusal;
use crate::services::creation::{ROOT, Scenario, TEMPLATE, Template};
use crate::services::lifecycle::read_policy;
use crate::state::store::{Encryption, ExclusionFilter, MutabilitySetting, Owner, Page};
use tagship_domain::immutability::Mutability;

/// Source: ECR API reference, `CreateRepositoryCreationTemplate`, `prefix`.
const PREFIX: Shape = Shape::pattern(
    1,
    256,
    r"([a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*\/?|ROOT)",
);

const DESCRIPTION: Shape = Shape::text(0, 256);

const ENCRYPTION: Shape = Shape::Structure(&[
    required("encryptionType", Shape::Enum(&["AES256", "KMS", "KMS_DSSE"])),
    optional(
        "kmsKey",
        Shape::pattern(
            0,
            2048,
            r"|arn:aws[a-z0-9-]*:kms:[a-z0-9-]+:[0-9]{12}:key\/[a-z0-9-]+",
        ),
    ),
]);

const REPOSITORY_POLICY: Shape = Shape::text(0, 10_240);
const LIFECYCLE_POLICY: Shape = Shape::text(0, 30_720);
const CUSTOM_ROLE: Shape = Shape::text(0, 2048);

const APPLIED_FOR: Shape = Shape::list(
    &Shape::Enum(&["REPLICATION", "PULL_THROUGH_CACHE", "CREATE_ON_PUSH"]),
    0,
    usize::MAX,
);

pub(crate) static OPERATIONS: &[Operation] = &[
    Operation {
        name: "CreateRepositoryCreationTemplate",
        on: Resource::Registry,
        input: &[
            required("prefix", PREFIX),
            optional("description", DESCRIPTION),
            optional("encryptionConfiguration", ENCRYPTION),
            optional("resourceTags", RESOURCE_TAGS),
            optional("imageTagMutability", TAG_MUTABILITY),
            optional("imageTagMutabilityExclusionFilters", EXCLUSION_FILTERS),
            optional("repositoryPolicy", REPOSITORY_POLICY),
            optional("lifecyclePolicy", LIFECYCLE_POLICY),
            required("appliedFor", APPLIED_FOR),
            optional("customRoleArn", CUSTOM_ROLE),
        ],
        run: Handler::Blocking(create),
    },
    Operation {
        name: "DeleteRepositoryCreationTemplate",
        on: Resource::Registry,
        input: &[required("prefix", PREFIX)],
        run: Handler::Blocking(delete),
    },
    Operation {
        name: "DescribeRepositoryCreationTemplates",
        on: Resource::Registry,
        input: &[
            optional("prefixes", Shape::list(&PREFIX, 0, usize::MAX)),
            optional("nextToken", Shape::ANY_TEXT),
            optional("maxResults", Shape::Integer { min: 1, max: 1000 }),
        ],
        run: Handler::Blocking(describe),
    },
    Operation {
        name: "UpdateRepositoryCreationTemplate",
        on: Resource::Registry,
        input: &[
            required("prefix", PREFIX),
            optional("description", DESCRIPTION),
            optional("encryptionConfiguration", ENCRYPTION),
            optional("resourceTags", RESOURCE_TAGS),
            optional("imageTagMutability", TAG_MUTABILITY),
            optional("imageTagMutabilityExclusionFilters", EXCLUSION_FILTERS),
            optional("repositoryPolicy", REPOSITORY_POLICY),
            optional("lifecyclePolicy", LIFECYCLE_POLICY),
            optional("appliedFor", APPLIED_FOR),
            optional("customRoleArn", CUSTOM_ROLE),
        ],
        run: Handler::Blocking(update),
    },
];

/// What a request sets; the rest stays.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Settings {
    prefix: String,
    description: Option<String>,
    encryption_configuration: Option<Encryption>,
    resource_tags: Option<Vec<ResourceTag>>,
    image_tag_mutability: Option<String>,
    image_tag_mutability_exclusion_filters: Option<Vec<ExclusionFilter>>,
    repository_policy: Option<String>,
    lifecycle_policy: Option<String>,
    applied_for: Option<Vec<Scenario>>,
    custom_role_arn: Option<String>,
}

impl Settings {
    /// Changes a template, after checking what the settings come to.
    fn apply(self, template: &mut Template, context: &Context<'_>) -> Result<(), Refusal> {
        if let Some(mut encryption) = self.encryption_configuration {
            encryption.kms_key = encryption.kms_key.filter(|key| !key.is_empty());
            template.encryption_configuration = encryption;
        }
        if let Some(tags) = self.resource_tags {
            template.resource_tags = with_tags(BTreeMap::new(), tags)
                .map_err(|refusal| Refusal::modelled("ValidationException", refusal.to_string()))?;
        }
        if self.image_tag_mutability.is_some() || self.image_tag_mutability_exclusion_filters.is_some() {
            let kept = &template.mutability.image_tag_mutability;
            template.mutability = MutabilitySetting {
                image_tag_mutability: self.image_tag_mutability.unwrap_or_else(|| kept.clone()),
                image_tag_mutability_exclusion_filters: self.image_tag_mutability_exclusion_filters,
            };
        }
        template.mutability.rule()?;
        if let Some(scenarios) = self.applied_for {
            template.applied_for = scenarios;
        }
        let replace = |text: Option<String>, place: &mut Option<String>| {
            if let Some(text) = text {
                *place = Some(text).filter(|text| !text.is_empty());
            }
        };
        replace(self.description, &mut template.description);
        replace(self.repository_policy, &mut template.repository_policy);
        replace(self.lifecycle_policy, &mut template.lifecycle_policy);
        replace(self.custom_role_arn, &mut template.custom_role_arn);
        template.updated_at = context.now();
        check(template, context)
    }
}

fn check(template: &Template, context: &Context<'_>) -> Result<(), Refusal> {
    let invalid = |message: &str| Err(Refusal::modelled("ValidationException", message));
    if template.applied_for.is_empty() {
        return invalid("A repository creation template must be applied for at least one scenario");
    }
    let encryption = &template.encryption_configuration;
    if encryption.encryption_type == "AES256" && encryption.kms_key.is_some() {
        return invalid("A KMS key cannot be specified when the encryption type is AES256");
    }
    if let Some(policy) = &template.repository_policy {
        repository_policy::checked(policy, repository_policy::INVALID)?;
    }
    if let Some(policy) = &template.lifecycle_policy {
        read_policy(policy)?;
    }
    let account = context.registry.account();
    let own = context.state.iam.role_arn(account, "");
    if let Some(arn) = &template.custom_role_arn
        && arn.strip_prefix(&own).is_none_or(str::is_empty)
    {
        return invalid("The custom role must be a role of the registry's account");
    }
    Ok(())
}

/// There is always a `/` after the prefix, whether it is written or not.
fn document_of(prefix: &str) -> String {
    format!("{TEMPLATE}{}", prefix.trim_end_matches('/'))
}

/// `CreateRepositoryCreationTemplate`.
fn create(context: &Context<'_>, document: Value) -> Result<Value, Refusal> {
    let request: Settings = read(document)?;
    let prefix = request.prefix.trim_end_matches('/').to_owned();
    permit(context, &request)?;
    let mut template = Template {
        prefix,
        description: None,
        encryption_configuration: Encryption::default(),
        resource_tags: BTreeMap::new(),
        mutability: MutabilitySetting::from(&Mutability::Mutable),
        repository_policy: None,
        lifecycle_policy: None,
        applied_for: Vec::new(),
        custom_role_arn: None,
        created_at: context.now(),
        updated_at: context.now(),
    };
    let name = document_of(&request.prefix);
    request.apply(&mut template, context)?;
    context
        .registry
        .change_document(Owner::Registry, &name, |known: Option<Template>| match known {
            None => Ok(Some(template.clone())),
            Some(_) => Err(Refusal::modelled(
                "TemplateAlreadyExistsException",
                format!(
                    "The repository creation template with prefix '{}' already exists in the registry with id '{}'",
                    template.prefix,
                    context.registry.account()
                ),
            )),
        })?;
    answer(context, &template)
}

/// Who makes a template must be permitted what the template does.
///
/// Source: ECR user guide, "IAM permissions for creating repository creation templates".
fn permit(context: &Context<'_>, request: &Settings) -> Result<(), Refusal> {
    let prefix = request.prefix.trim_end_matches('/');
    let repositories = context.registry.arn(&if prefix == ROOT {
        "*".to_owned()
    } else {
        format!("{prefix}/*")
    });
    let mut needed = vec![("ecr:CreateRepository", repositories.as_str())];
    if request.lifecycle_policy.is_some() {
        needed.push(("ecr:PutLifecyclePolicy", &repositories));
    }
    if request.repository_policy.is_some() {
        needed.push(("ecr:SetRepositoryPolicy", &repositories));
    }
    if let Some(role) = &request.custom_role_arn {
        needed.push(("iam:PassRole", role));
    }
    needed
        .into_iter()
        .try_for_each(|(action, resource)| context.permit(action, resource))
}

/// `UpdateRepositoryCreationTemplate`.
fn update(context: &Context<'_>, document: Value) -> Result<Value, Refusal> {
    let request: Settings = read(document)?;
    let name = document_of(&request.prefix);
    let known: Option<Template> = context.registry.document(Owner::Registry, &name)?;
    let mut template = known.ok_or_else(|| not_found(context, &request.prefix))?;
    request.apply(&mut template, context)?;
    context
        .registry
        .put_document(Owner::Registry, &name, template.clone())?;
    answer(context, &template)
}

#[derive(Deserialize)]
struct DeleteTemplate {
    prefix: String,
}

/// `DeleteRepositoryCreationTemplate`.
fn delete(context: &Context<'_>, document: Value) -> Result<Value, Refusal> {
    let request: DeleteTemplate = read(document)?;
    let deleted: Option<Template> =
        context
            .registry
            .change_document(Owner::Registry, &document_of(&request.prefix), |_| Ok(None))?;
    let template = deleted.ok_or_else(|| not_found(context, &request.prefix))?;
    answer(context, &template)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DescribeTemplates {
    prefixes: Option<Vec<String>>,
    next_token: Option<String>,
    max_results: Option<usize>,
}

/// `DescribeRepositoryCreationTemplates`. What is not there is left out.
fn describe(context: &Context<'_>, document: Value) -> Result<Value, Refusal> {
    let request: DescribeTemplates = read(document)?;
    let wanted = request.prefixes.filter(|prefixes| !prefixes.is_empty());
    let is_wanted = |prefix: &str| {
        wanted
            .as_ref()
            .is_none_or(|all| all.iter().any(|one| one.trim_end_matches('/') == prefix))
    };
    let templates: Vec<(String, Template)> = context.registry.documents(Owner::Registry, TEMPLATE)?;
    let page = Page::cut(
        templates.into_iter().filter(|(prefix, _)| is_wanted(prefix)),
        |(prefix, _)| prefix,
        request.next_token.as_deref(),
        page_size(request.max_results),
    )?;
    let described = page
        .items
        .iter()
        .map(|(_, template)| describe_one(template))
        .collect::<Result<Vec<Value>, Refusal>>()?;
    Ok(with_token(
        json!({
            "registryId": context.registry.account(),
            "repositoryCreationTemplates": described,
        }),
        page.next,
    ))
}

fn answer(context: &Context<'_>, template: &Template) -> Result<Value, Refusal> {
    Ok(json!({
        "registryId": context.registry.account(),
        "repositoryCreationTemplate": describe_one(template)?,
    }))
}

fn describe_one(template: &Template) -> Result<Value, Refusal> {
    let mut described = serde_json::to_value(template).map_err(Refusal::state)?;
    let tags: Vec<Value> = template
        .resource_tags
        .iter()
        .map(|(key, value)| json!({"Key": key, "Value": value}))
        .collect();
    if let Some(fields) = described.as_object_mut() {
        fields.insert("resourceTags".to_owned(), tags.into());
        for (name, time) in [
            ("createdAt", template.created_at),
            ("updatedAt", template.updated_at),
        ] {
            fields.insert(name.to_owned(), epoch_seconds(time).into());
        }
    }
    Ok(described)
}

fn not_found(context: &Context<'_>, prefix: &str) -> Refusal {
    Refusal::modelled(
        "TemplateNotFoundException",
        format!(
            "The repository creation template with prefix '{prefix}' does not exist in the registry with id '{}'",
            context.registry.account()
        ),
    )
}
