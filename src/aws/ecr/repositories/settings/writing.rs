//! Changes of a registry's settings.

use std::collections::BTreeSet;

use aws_sdk_ecr::types::{
    RegistryScanningRule, ScanFrequency, ScanType as ApiScanType, ScanningRepositoryFilter,
    ScanningRepositoryFilterType, SigningConfiguration, SigningRepositoryFilter, SigningRepositoryFilterType,
    SigningRule as ApiSigningRule, UpstreamRegistry,
};

use super::{OfRegistry, replication, templates};
use crate::ports::RegistryError;
use tagship_domain::registry_settings::{
    AccountSetting, PullThroughRule, PullTimeExclusion, RegistryPolicy, RegistryPut, RegistryScanning,
    ScanningFilter, SigningRule, TemplatePrefix,
};

/// Changes one setting.
pub(super) async fn put(of: &OfRegistry<'_>, put: &RegistryPut) -> Result<(), RegistryError> {
    match put {
        RegistryPut::AccountSetting(setting, value) => put_account_setting(of, *setting, value).await,
        RegistryPut::Policy(policy) => put_policy(of, policy.as_ref()).await,
        RegistryPut::Scanning(scanning) => put_scanning(of, scanning).await,
        RegistryPut::Signing(rules) => put_signing(of, rules).await,
        RegistryPut::NewTemplate(template) => templates::create(of, template).await,
        RegistryPut::Template(template) => templates::update(of, template).await,
        RegistryPut::NoTemplate(prefix) => templates::remove(of, prefix).await,
        RegistryPut::NewCache(rule) => create_cache(of, rule).await,
        RegistryPut::Cache(rule) => update_cache(of, rule).await,
        RegistryPut::NoCache(prefix) => remove_cache(of, prefix).await,
        RegistryPut::Replication(rules) => replication::put(of, rules).await,
        RegistryPut::Exclude(principal) => exclude(of, principal).await,
        RegistryPut::Include(principal) => include(of, principal).await,
    }
}

/// Source: ECR API reference, `PutAccountSetting`.
async fn put_account_setting(
    of: &OfRegistry<'_>,
    setting: AccountSetting,
    value: &str,
) -> Result<(), RegistryError> {
    let call = of.call("ecr:PutAccountSetting", "changing a setting of the account");
    let put = of.paced.call(call.action, |client| {
        let request = client.put_account_setting().name(setting.api_name()).value(value);
        async move { request.send().await }
    });
    put.await.map(drop).map_err(|failure| call.failed(failure))
}

/// Source: ECR API reference, `PutRegistryPolicy` and `DeleteRegistryPolicy`.
async fn put_policy(of: &OfRegistry<'_>, policy: Option<&RegistryPolicy>) -> Result<(), RegistryError> {
    let operation = "setting the registry's policy";
    let Some(policy) = policy else {
        let call = of.call("ecr:DeleteRegistryPolicy", operation);
        let removed = of.paced.call(call.action, |client| {
            let request = client.delete_registry_policy();
            async move { request.send().await }
        });
        return match removed.await {
            Err(failure) if failure.code == "RegistryPolicyNotFoundException" => Ok(()),
            removed => removed.map(drop).map_err(|failure| call.failed(failure)),
        };
    };
    let call = of.call("ecr:PutRegistryPolicy", operation);
    let text = policy.to_text();
    let put = of.paced.call(call.action, |client| {
        let request = client.put_registry_policy().policy_text(&text);
        async move { request.send().await }
    });
    put.await.map(drop).map_err(|failure| call.failed(failure))
}

/// Source: ECR API reference, `PutRegistryScanningConfiguration`.
async fn put_scanning(of: &OfRegistry<'_>, scanning: &RegistryScanning) -> Result<(), RegistryError> {
    let call = of.call(
        "ecr:PutRegistryScanningConfiguration",
        "setting which images are scanned",
    );
    let rules: Result<Vec<RegistryScanningRule>, _> = scanning
        .rules()
        .into_iter()
        .map(|(frequency, filters)| scanning_rule(frequency, filters))
        .collect();
    let rules = rules.map_err(|error| call.malformed(error))?;
    let put = of.paced.call(call.action, |client| {
        let request = client
            .put_registry_scanning_configuration()
            .scan_type(ApiScanType::from(scanning.scan_type.as_str()))
            .set_rules(Some(rules.clone()));
        async move { request.send().await }
    });
    put.await.map(drop).map_err(|failure| call.failed(failure))
}

fn scanning_rule(
    frequency: &str,
    filters: &BTreeSet<ScanningFilter>,
) -> Result<RegistryScanningRule, String> {
    let mut rule = RegistryScanningRule::builder().scan_frequency(ScanFrequency::from(frequency));
    for filter in filters {
        let filter = ScanningRepositoryFilter::builder()
            .filter(filter.as_str())
            .filter_type(ScanningRepositoryFilterType::Wildcard)
            .build();
        rule = rule.repository_filters(filter.map_err(|error| error.to_string())?);
    }
    rule.build().map_err(|error| error.to_string())
}

/// Source: ECR API reference, `PutSigningConfiguration` and `DeleteSigningConfiguration`.
async fn put_signing(of: &OfRegistry<'_>, rules: &[SigningRule]) -> Result<(), RegistryError> {
    let operation = "setting which images ECR signs";
    if rules.is_empty() {
        let call = of.call("ecr:DeleteSigningConfiguration", operation);
        let removed = of.paced.call(call.action, |client| {
            let request = client.delete_signing_configuration();
            async move { request.send().await }
        });
        return match removed.await {
            Err(failure) if failure.code == "SigningConfigurationNotFoundException" => Ok(()),
            removed => removed.map(drop).map_err(|failure| call.failed(failure)),
        };
    }
    let call = of.call("ecr:PutSigningConfiguration", operation);
    let configuration = signing(rules).map_err(|error| call.malformed(error))?;
    let put = of.paced.call(call.action, |client| {
        let request = client
            .put_signing_configuration()
            .signing_configuration(configuration.clone());
        async move { request.send().await }
    });
    put.await.map(drop).map_err(|failure| call.failed(failure))
}

fn signing(rules: &[SigningRule]) -> Result<SigningConfiguration, String> {
    let mut configuration = SigningConfiguration::builder();
    for rule in rules {
        let mut built = ApiSigningRule::builder().signing_profile_arn(rule.profile());
        for filter in rule.repositories() {
            let filter = SigningRepositoryFilter::builder()
                .filter(filter)
                .filter_type(SigningRepositoryFilterType::WildcardMatch)
                .build();
            built = built.repository_filters(filter.map_err(|error| error.to_string())?);
        }
        configuration = configuration.rules(built.build().map_err(|error| error.to_string())?);
    }
    configuration.build().map_err(|error| error.to_string())
}

/// Source: ECR API reference, `CreatePullThroughCacheRule`. One that another run makes meanwhile is left to the next plan.
async fn create_cache(of: &OfRegistry<'_>, rule: &PullThroughRule) -> Result<(), RegistryError> {
    let call = of.call(
        "ecr:CreatePullThroughCacheRule",
        "making a rule of the pull-through cache",
    );
    let made = of.paced.call(call.action, |client| {
        let request = client
            .create_pull_through_cache_rule()
            .set_registry_id(of.paced.account())
            .ecr_repository_prefix(rule.prefix.as_str())
            .upstream_registry_url(&rule.host)
            .set_upstream_registry(rule.kind.as_deref().map(UpstreamRegistry::from))
            .set_upstream_repository_prefix(rule.upstream_prefix.clone())
            .set_credential_arn(rule.credential.clone())
            .set_custom_role_arn(rule.role.clone());
        async move { request.send().await }
    });
    match made.await {
        Err(failure) if failure.code == "PullThroughCacheRuleAlreadyExistsException" => Ok(()),
        made => made.map(drop).map_err(|failure| of.failed(&call, failure)),
    }
}

/// Source: ECR API reference, `UpdatePullThroughCacheRule`.
async fn update_cache(of: &OfRegistry<'_>, rule: &PullThroughRule) -> Result<(), RegistryError> {
    let call = of.call(
        "ecr:UpdatePullThroughCacheRule",
        "changing a rule of the pull-through cache",
    );
    let put = of.paced.call(call.action, |client| {
        let request = client
            .update_pull_through_cache_rule()
            .set_registry_id(of.paced.account())
            .ecr_repository_prefix(rule.prefix.as_str())
            .set_credential_arn(rule.credential.clone())
            .set_custom_role_arn(rule.role.clone());
        async move { request.send().await }
    });
    put.await.map(drop).map_err(|failure| of.failed(&call, failure))
}

/// Source: ECR API reference, `DeletePullThroughCacheRule`. What is cached stays.
async fn remove_cache(of: &OfRegistry<'_>, prefix: &TemplatePrefix) -> Result<(), RegistryError> {
    let call = of.call(
        "ecr:DeletePullThroughCacheRule",
        "removing a rule of the pull-through cache",
    );
    let removed = of.paced.call(call.action, |client| {
        let request = client
            .delete_pull_through_cache_rule()
            .set_registry_id(of.paced.account())
            .ecr_repository_prefix(prefix.as_str());
        async move { request.send().await }
    });
    match removed.await {
        Err(failure) if failure.code == "PullThroughCacheRuleNotFoundException" => Ok(()),
        removed => removed.map(drop).map_err(|failure| call.failed(failure)),
    }
}

/// Source: ECR API reference, `RegisterPullTimeUpdateExclusion`.
async fn exclude(of: &OfRegistry<'_>, principal: &PullTimeExclusion) -> Result<(), RegistryError> {
    let call = of.call(
        "ecr:RegisterPullTimeUpdateExclusion",
        "leaving pulls out of recorded pull times",
    );
    let put = of.paced.call(call.action, |client| {
        let request = client
            .register_pull_time_update_exclusion()
            .principal_arn(principal.as_str());
        async move { request.send().await }
    });
    match put.await {
        Err(failure) if failure.code == "ExclusionAlreadyExistsException" => Ok(()),
        put => put.map(drop).map_err(|failure| call.failed(failure)),
    }
}

/// Source: ECR API reference, `DeregisterPullTimeUpdateExclusion`.
async fn include(of: &OfRegistry<'_>, principal: &PullTimeExclusion) -> Result<(), RegistryError> {
    let call = of.call(
        "ecr:DeregisterPullTimeUpdateExclusion",
        "counting pulls in recorded pull times again",
    );
    let put = of.paced.call(call.action, |client| {
        let request = client
            .deregister_pull_time_update_exclusion()
            .principal_arn(principal.as_str());
        async move { request.send().await }
    });
    match put.await {
        Err(failure) if failure.code == "ExclusionNotFoundException" => Ok(()),
        put => put.map(drop).map_err(|failure| call.failed(failure)),
    }
}
