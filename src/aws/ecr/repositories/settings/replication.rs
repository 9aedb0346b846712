//! Replication rules, with what the SDK's model lacks: whether deletions are replicated.

use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_ecr::types::{
    ReplicationConfiguration, ReplicationDestination as ApiDestination, ReplicationRule as ApiRule,
    RepositoryFilter, RepositoryFilterType,
};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::AfterDeserializationInterceptorContextRef;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::ConfigBag;
use serde_json::{Value, json};

use super::OfRegistry;
use crate::ports::RegistryError;
use tagship_domain::reference::{AccountId, Region};
use tagship_domain::registry_settings::{ReplicationDestination, ReplicationRule};

/// Returns the registry's account and its rules. Source: ECR API reference, `DescribeRegistry`.
pub(super) async fn read(of: &OfRegistry<'_>) -> Result<(AccountId, Vec<ReplicationRule>), RegistryError> {
    let call = of.call("ecr:DescribeRegistry", "reading the replication rules");
    let body = Body::default();
    let answer = of.paced.call(call.action, |client| {
        let request = client.describe_registry().customize().interceptor(body.clone());
        async move { request.send().await }
    });
    let answer = answer.await.map_err(|failure| call.failed(failure))?;
    let account = answer.registry_id().map(AccountId::parse);
    let Some(Ok(account)) = account else {
        return Err(call.malformed("the answer lacks the registry's account"));
    };
    let deletes = body.json()["replicationConfiguration"]["rules"].take();
    let rules = answer
        .replication_configuration()
        .map(ReplicationConfiguration::rules);
    let mut read = Vec::new();
    for (index, rule) in rules.unwrap_or_default().iter().enumerate() {
        let destinations = rule.destinations().iter().map(|one| {
            Ok(ReplicationDestination {
                region: Region::parse(one.region())?,
                account: Some(AccountId::parse(one.registry_id())?),
            })
        });
        let destinations: Result<_, tagship_domain::reference::InvalidName> = destinations.collect();
        read.push(ReplicationRule {
            destinations: destinations.map_err(|error| call.malformed(error.to_string()))?,
            prefixes: rule
                .repository_filters()
                .iter()
                .map(|filter| filter.filter().to_owned())
                .collect(),
            deletes: deletes[index]["deleteReplication"]["enabled"] == true,
        });
    }
    Ok((account, read))
}

/// Source: ECR API reference, `PutReplicationConfiguration`.
pub(super) async fn put(of: &OfRegistry<'_>, rules: &[ReplicationRule]) -> Result<(), RegistryError> {
    let call = of.call("ecr:PutReplicationConfiguration", "setting the replication rules");
    let configuration = configuration(rules).map_err(|error| call.malformed(error))?;
    let deletes: Vec<bool> = rules.iter().map(|rule| rule.deletes).collect();
    let put = of.paced.call(call.action, |client| {
        let deletes = deletes.clone();
        let request = client
            .put_replication_configuration()
            .replication_configuration(configuration.clone())
            .customize()
            .map_request(move |mut request| {
                if deletes.contains(&true) {
                    let bytes = request.body().bytes().unwrap_or_default();
                    *request.body_mut() = SdkBody::from(with_deletions(bytes, &deletes)?);
                    let length = request.body().bytes().map_or(0, <[u8]>::len);
                    request.headers_mut().insert("content-length", length.to_string());
                }
                Ok::<_, serde_json::Error>(request)
            });
        async move { request.send().await }
    });
    put.await.map(drop).map_err(|failure| call.failed(failure))
}

fn with_deletions(body: &[u8], deletes: &[bool]) -> Result<Vec<u8>, serde_json::Error> {
    let mut request: Value = serde_json::from_slice(body)?;
    let rules = request["replicationConfiguration"]["rules"].as_array_mut();
    for (rule, deletes) in rules.into_iter().flatten().zip(deletes) {
        if *deletes {
            rule["deleteReplication"] = json!({"enabled": true});
        }
    }
    serde_json::to_vec(&request)
}

fn configuration(rules: &[ReplicationRule]) -> Result<ReplicationConfiguration, String> {
    let mut configuration = ReplicationConfiguration::builder().set_rules(Some(Vec::new()));
    for rule in rules {
        let mut built = ApiRule::builder();
        for one in &rule.destinations {
            let account = one.account.as_ref().ok_or("a destination lacks its account")?;
            let destination = ApiDestination::builder()
                .region(one.region.as_str())
                .registry_id(account.as_str())
                .build();
            built = built.destinations(destination.map_err(|error| error.to_string())?);
        }
        for prefix in &rule.prefixes {
            let filter = RepositoryFilter::builder()
                .filter(prefix)
                .filter_type(RepositoryFilterType::PrefixMatch)
                .build();
            built = built.repository_filters(filter.map_err(|error| error.to_string())?);
        }
        configuration = configuration.rules(built.build().map_err(|error| error.to_string())?);
    }
    configuration.build().map_err(|error| error.to_string())
}

/// The body of an answer, kept for what the SDK does not read.
#[derive(Debug, Clone, Default)]
struct Body(Arc<Mutex<Vec<u8>>>);

impl Body {
    fn json(&self) -> Value {
        let bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        serde_json::from_slice(&bytes).unwrap_or_default()
    }
}

impl Intercept for Body {
    fn name(&self) -> &'static str {
        "Body"
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let bytes = context.response().body().bytes().unwrap_or_default();
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = bytes.to_vec();
        Ok(())
    }
}
