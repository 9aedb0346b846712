//! Rules of the pull through cache.

mod check;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::faces::json_api::{
    Context, Handler, Member, Operation, Resource, Shape, epoch_seconds, optional, page_size, read, required,
    with_token,
};
use crate::refusal::Refusal;
use crate::services::creation::ROOT;
use crate::services::pull_through::{CacheRule, RULE, Upstream};
use crate::state::store::{Owner, Page};

use check::{check, invalid};

/// The most rules of a registry. Source: ECR user guide, "Service quotas".
const MAX_RULES: usize = 50;

/// Source: ECR API reference, `CreatePullThroughCacheRule`, `ecrRepositoryPrefix`.
const PREFIX: Shape = Shape::pattern(
    2,
    30,
    r"([a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*\/?|ROOT)",
);

const REGISTRY_ID: Member = optional("registryId", Shape::REGISTRY_ID);

const CREDENTIAL: Member = optional(
    "credentialArn",
    Shape::pattern(
        50,
        612,
        r"arn:aws(-\w+)*:secretsmanager:[a-zA-Z0-9-:]+:secret:ecr\-pullthroughcache\/[a-zA-Z0-9\/_+=.@-]+",
    ),
);

const CUSTOM_ROLE: Member = optional("customRoleArn", Shape::text(0, 2048));

pub(crate) static OPERATIONS: &[Operation] = &[
    Operation {
        name: "CreatePullThroughCacheRule",
        on: Resource::Registry,
        input: &[
            required("ecrRepositoryPrefix", PREFIX),
            required("upstreamRegistryUrl", Shape::ANY_TEXT),
            REGISTRY_ID,
            optional(
                "upstreamRegistry",
                Shape::Enum(&[
                    "ecr",
                    "ecr-public",
                    "quay",
                    "k8s",
                    "docker-hub",
                    "github-container-registry",
                    "azure-container-registry",
                    "gitlab-container-registry",
                    "chainguard",
                ]),
            ),
            CREDENTIAL,
            CUSTOM_ROLE,
            optional("upstreamRepositoryPrefix", PREFIX),
        ],
        run: Handler::Blocking(create),
    },
    Operation {
        name: "DeletePullThroughCacheRule",
        on: Resource::Registry,
        input: &[required("ecrRepositoryPrefix", PREFIX), REGISTRY_ID],
        run: Handler::Blocking(delete),
    },
    Operation {
        name: "DescribePullThroughCacheRules",
        on: Resource::Registry,
        input: &[
            REGISTRY_ID,
            optional("ecrRepositoryPrefixes", Shape::list(&PREFIX, 1, 100)),
            optional("nextToken", Shape::ANY_TEXT),
            optional("maxResults", Shape::Integer { min: 1, max: 1000 }),
        ],
        run: Handler::Blocking(describe),
    },
    Operation {
        name: "UpdatePullThroughCacheRule",
        on: Resource::Registry,
        input: &[
            REGISTRY_ID,
            required("ecrRepositoryPrefix", PREFIX),
            CREDENTIAL,
            CUSTOM_ROLE,
        ],
        run: Handler::Blocking(update),
    },
    Operation {
        name: "ValidatePullThroughCacheRule",
        on: Resource::Registry,
        input: &[required("ecrRepositoryPrefix", PREFIX), REGISTRY_ID],
        run: Handler::Blocking(validate),
    },
];

/// There is always a `/` after a prefix, whether it is written or not.
fn plain(prefix: &str) -> &str {
    prefix.trim_end_matches('/')
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CreatePullThroughCacheRule {
    ecr_repository_prefix: String,
    upstream_registry_url: String,
    upstream_registry: Option<Upstream>,
    credential_arn: Option<String>,
    custom_role_arn: Option<String>,
    upstream_repository_prefix: Option<String>,
}

/// `CreatePullThroughCacheRule`.
fn create(context: &Context<'_>, document: Value) -> Result<Value, Refusal> {
    let request: CreatePullThroughCacheRule = read(document)?;
    let url = request.upstream_registry_url;
    let host = url.strip_prefix("https://").unwrap_or(&url);
    let upstream = Upstream::of(host).ok_or_else(|| {
        Refusal::modelled(
            "UnsupportedUpstreamRegistryException",
            format!("The upstream registry '{host}' is not supported"),
        )
    })?;
    if request.upstream_registry.is_some_and(|stated| stated != upstream) {
        return Err(invalid(format!(
            "The upstream registry URL '{host}' is not of the upstream registry that is named"
        )));
    }
    let prefix = plain(&request.ecr_repository_prefix);
    let rule = CacheRule {
        ecr_repository_prefix: prefix.to_owned(),
        upstream_registry_url: host.to_owned(),
        upstream_registry: upstream,
        credential_arn: request.credential_arn,
        custom_role_arn: request.custom_role_arn,
        upstream_repository_prefix: request
            .upstream_repository_prefix
            .as_deref()
            .map_or(ROOT, plain)
            .to_owned(),
        created_at: context.now(),
        updated_at: context.now(),
    };
    check(&rule, context)?;
    let known: Vec<(String, CacheRule)> = context.registry.documents(Owner::Registry, RULE)?;
    if known.len() >= MAX_RULES {
        return Err(Refusal::modelled(
            "LimitExceededException",
            format!("A registry has at most {MAX_RULES} pull through cache rules"),
        ));
    }
    context
        .registry
        .change_document(
            Owner::Registry,
            &format!("{RULE}{prefix}"),
            |known: Option<CacheRule>| match known {
                None => Ok(Some(rule.clone())),
                Some(_) => Err(Refusal::modelled(
                    "PullThroughCacheRuleAlreadyExistsException",
                    format!(
                        "The pull through cache rule with the prefix '{prefix}' already exists in the registry with id '{}'",
                        context.registry.account()
                    ),
                )),
            },
        )?;
    answer(context, &rule, &["updatedAt"])
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct UpdatePullThroughCacheRule {
    ecr_repository_prefix: String,
    credential_arn: Option<String>,
    custom_role_arn: Option<String>,
}

/// `UpdatePullThroughCacheRule`.
fn update(context: &Context<'_>, document: Value) -> Result<Value, Refusal> {
    let request: UpdatePullThroughCacheRule = read(document)?;
    let mut rule = find(context, &request.ecr_repository_prefix)?;
    if request.credential_arn.is_none() && request.custom_role_arn.is_none() {
        return Err(invalid("Either a credential ARN or a custom role must be given"));
    }
    rule.credential_arn = request.credential_arn.or(rule.credential_arn);
    rule.custom_role_arn = request.custom_role_arn.or(rule.custom_role_arn);
    rule.updated_at = context.now();
    check(&rule, context)?;
    let name = format!("{RULE}{}", rule.ecr_repository_prefix);
    context
        .registry
        .put_document(Owner::Registry, &name, rule.clone())?;
    answer(
        context,
        &rule,
        &["createdAt", "upstreamRegistry", "upstreamRegistryUrl"],
    )
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OneRule {
    ecr_repository_prefix: String,
}

/// `DeletePullThroughCacheRule`. What is cached stays.
fn delete(context: &Context<'_>, document: Value) -> Result<Value, Refusal> {
    let request: OneRule = read(document)?;
    let name = format!("{RULE}{}", plain(&request.ecr_repository_prefix));
    let deleted: Option<CacheRule> = context
        .registry
        .change_document(Owner::Registry, &name, |_| Ok(None))?;
    let rule = deleted.ok_or_else(|| not_found(context, &request.ecr_repository_prefix))?;
    answer(context, &rule, &["updatedAt", "upstreamRegistry"])
}

/// `ValidatePullThroughCacheRule`.
fn validate(context: &Context<'_>, document: Value) -> Result<Value, Refusal> {
    let request: OneRule = read(document)?;
    let rule = find(context, &request.ecr_repository_prefix)?;
    let pattern = match rule.upstream_repository_prefix.as_str() {
        ROOT => "*".to_owned(),
        prefix => format!("{prefix}/*"),
    };
    let failure = match rule.upstream(context.state, &context.registry, &pattern) {
        Ok(_) => None,
        Err(refusal @ Refusal::State(_)) => return Err(refusal),
        Err(refusal) => Some(refusal.to_string()),
    };
    let mut answer = answer(context, &rule, &["createdAt", "updatedAt", "upstreamRegistry"])?;
    if let Some(fields) = answer.as_object_mut() {
        fields.insert("isValid".to_owned(), failure.is_none().into());
        if let Some(failure) = failure {
            fields.insert("failure".to_owned(), failure.into());
        }
    }
    Ok(answer)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DescribePullThroughCacheRules {
    ecr_repository_prefixes: Option<Vec<String>>,
    next_token: Option<String>,
    max_results: Option<usize>,
}

/// `DescribePullThroughCacheRules`.
fn describe(context: &Context<'_>, document: Value) -> Result<Value, Refusal> {
    let request: DescribePullThroughCacheRules = read(document)?;
    let rules: Vec<CacheRule> = if let Some(prefixes) = request.ecr_repository_prefixes {
        prefixes
            .iter()
            .map(|prefix| find(context, prefix))
            .collect::<Result<_, Refusal>>()?
    } else {
        let all: Vec<(String, CacheRule)> = context.registry.documents(Owner::Registry, RULE)?;
        all.into_iter().map(|(_, rule)| rule).collect()
    };
    let page = Page::cut(
        rules,
        |rule| &rule.ecr_repository_prefix,
        request.next_token.as_deref(),
        page_size(request.max_results),
    )?;
    let described = page
        .items
        .iter()
        .map(|rule| answer(context, rule, &[]))
        .collect::<Result<Vec<Value>, Refusal>>()?;
    Ok(with_token(json!({"pullThroughCacheRules": described}), page.next))
}

fn find(context: &Context<'_>, prefix: &str) -> Result<CacheRule, Refusal> {
    let name = format!("{RULE}{}", plain(prefix));
    let known = context.registry.document(Owner::Registry, &name)?;
    known.ok_or_else(|| not_found(context, prefix))
}

/// A rule as an operation returns it, which leaves some members out.
fn answer(context: &Context<'_>, rule: &CacheRule, without: &[&str]) -> Result<Value, Refusal> {
    let mut described = serde_json::to_value(rule).map_err(Refusal::state)?;
    if let Some(fields) = described.as_object_mut() {
        fields.insert("registryId".to_owned(), json!(context.registry.account()));
        for (name, time) in [("createdAt", rule.created_at), ("updatedAt", rule.updated_at)] {
            fields.insert(name.to_owned(), epoch_seconds(time).into());
        }
        fields.retain(|name, _| !without.contains(&name.as_str()));
    }
    Ok(described)
}

fn not_found(context: &Context<'_>, prefix: &str) -> Refusal {
    Refusal::modelled(
        "PullThroughCacheRuleNotFoundException",
        format!(
            "The pull through cache rule with the prefix '{prefix}' does not exist in the registry with id '{}'",
            context.registry.account()
        ),
    )
}
