//! What a registry says of its settings.

use aws_sdk_ecr::types::{
    RegistryScanningConfiguration, ScanFrequency, ScanType as ApiScanType, SigningConfiguration,
};

use super::{MAX_PAGES, OfRegistry, replication, templates};
use crate::aws::ecr::answer::Call;
use crate::ports::RegistryError;
use tagship_domain::error::cleaned;
use tagship_domain::reference::Region;
use tagship_domain::registry_settings::{
    AccountSetting, ActualRegistry, PullThroughRule, PullTimeExclusion, RegistryScanning, RegistrySetting,
    ScanType, ScanningFilter, SigningRule, TemplatePrefix, WantedSettings,
};
use tagship_domain::repositories::Document;

/// Returns what is wanted of the settings.
pub(super) async fn settings(
    of: &OfRegistry<'_>,
    wanted: &WantedSettings,
    region: Region,
) -> Result<ActualRegistry, RegistryError> {
    let mut read = ActualRegistry::unread(region);
    for setting in &wanted.account_settings {
        let value = account_setting(of, *setting).await?;
        read.account_settings.insert(*setting, value);
    }
    if wanted.has(RegistrySetting::Policy) {
        read.policy = Some(policy(of).await?);
    }
    if wanted.has(RegistrySetting::Scanning) {
        read.scanning = Some(scanning(of).await?);
    }
    if wanted.has(RegistrySetting::Signing) {
        read.signing = Some(signing(of).await?);
    }
    if wanted.has(RegistrySetting::CreationTemplates) {
        read.templates = Some(templates::read(of).await?);
    }
    if wanted.has(RegistrySetting::PullThroughCache) {
        read.pull_through = Some(pull_through(of).await?);
    }
    let has_replication = wanted.has(RegistrySetting::Replication);
    if has_replication || wanted.account {
        let (account, rules) = replication::read(of).await?;
        read.account = Some(account);
        read.replication = has_replication.then_some(rules);
    }
    if wanted.has(RegistrySetting::PullTimeExclusions) {
        read.exclusions = Some(exclusions(of).await?);
    }
    Ok(read)
}

/// Source: ECR API reference, `GetAccountSetting`.
async fn account_setting(of: &OfRegistry<'_>, setting: AccountSetting) -> Result<String, RegistryError> {
    let call = of.call("ecr:GetAccountSetting", "reading the account's settings");
    let answer = of.paced.call(call.action, |client| {
        let request = client.get_account_setting().name(setting.api_name());
        async move { request.send().await }
    });
    let answer = answer.await.map_err(|failure| call.failed(failure))?;
    let missing = || call.malformed("the answer lacks the setting's value");
    answer.value().map(str::to_owned).ok_or_else(missing)
}

/// Source: ECR API reference, `GetRegistryPolicy`.
async fn policy(of: &OfRegistry<'_>) -> Result<Document<String>, RegistryError> {
    let call = of.call("ecr:GetRegistryPolicy", "reading the registry's policy");
    let answer = of.paced.call(call.action, |client| {
        let request = client.get_registry_policy();
        async move { request.send().await }
    });
    match answer.await {
        Ok(answer) => Ok(answer
            .policy_text()
            .map_or(Document::Absent, |text| Document::Says(text.to_owned()))),
        Err(failure) if failure.code == "RegistryPolicyNotFoundException" => Ok(Document::Absent),
        Err(failure) => Err(call.failed(failure)),
    }
}

/// Source: ECR API reference, `GetRegistryScanningConfiguration`.
async fn scanning(of: &OfRegistry<'_>) -> Result<RegistryScanning, RegistryError> {
    let call = of.call(
        "ecr:GetRegistryScanningConfiguration",
        "reading which images are scanned",
    );
    let answer = of.paced.call(call.action, |client| {
        let request = client.get_registry_scanning_configuration();
        async move { request.send().await }
    });
    let answer = answer.await.map_err(|failure| call.failed(failure))?;
    let Some(configuration) = answer.scanning_configuration() else {
        return Ok(RegistryScanning::default());
    };
    scanned(&call, configuration)
}

fn scanned(
    call: &Call<'_>,
    configuration: &RegistryScanningConfiguration,
) -> Result<RegistryScanning, RegistryError> {
    let mut read = RegistryScanning {
        scan_type: match configuration.scan_type() {
            Some(ApiScanType::Enhanced) => ScanType::Enhanced,
            _ => ScanType::Basic,
        },
        ..RegistryScanning::default()
    };
    for rule in configuration.rules() {
        let filters = rule.repository_filters().iter();
        let filters = filters.map(|filter| ScanningFilter::of_registry(filter.filter()));
        match rule.scan_frequency() {
            ScanFrequency::ScanOnPush => read.on_push.extend(filters),
            ScanFrequency::ContinuousScan => read.continuous.extend(filters),
            ScanFrequency::Manual => read.manual.extend(filters),
            other => {
                let other = cleaned(other.as_str());
                let problem = format!(
                    "the registry scans with the frequency `{other}`, which this version does not know"
                );
                return Err(call.malformed(problem));
            }
        }
    }
    Ok(read)
}

/// Source: ECR API reference, `GetSigningConfiguration`.
async fn signing(of: &OfRegistry<'_>) -> Result<Vec<SigningRule>, RegistryError> {
    let call = of.call("ecr:GetSigningConfiguration", "reading which images ECR signs");
    let answer = of.paced.call(call.action, |client| {
        let request = client.get_signing_configuration();
        async move { request.send().await }
    });
    let answer = match answer.await {
        Ok(answer) => answer,
        Err(failure) if failure.code == "SigningConfigurationNotFoundException" => return Ok(Vec::new()),
        Err(failure) => return Err(call.failed(failure)),
    };
    let rules = answer
        .signing_configuration()
        .map(SigningConfiguration::rules)
        .unwrap_or_default();
    let rules = rules.iter().map(|rule| {
        let mut read = SigningRule::of_registry(rule.signing_profile_arn());
        for filter in rule.repository_filters() {
            read.add_of_registry(filter.filter());
        }
        read
    });
    Ok(rules.collect())
}

/// Source: ECR API reference, `DescribePullThroughCacheRules`.
async fn pull_through(of: &OfRegistry<'_>) -> Result<Vec<PullThroughRule>, RegistryError> {
    let call = of.call(
        "ecr:DescribePullThroughCacheRules",
        "reading the rules of the pull-through cache",
    );
    call.pages(
        MAX_PAGES,
        |next| {
            of.paced.call(call.action, move |client| {
                let request = client
                    .describe_pull_through_cache_rules()
                    .set_registry_id(of.paced.account())
                    .max_results(1000)
                    .set_next_token(next.clone());
                async move { request.send().await }
            })
        },
        |answer| {
            let missing = || call.malformed("the answer holds a rule without its prefix or its upstream");
            let rows = answer.pull_through_cache_rules().iter().map(|rule| {
                Ok(PullThroughRule {
                    prefix: TemplatePrefix::of_registry(rule.ecr_repository_prefix().ok_or_else(missing)?),
                    host: rule.upstream_registry_url().ok_or_else(missing)?.to_owned(),
                    kind: rule.upstream_registry().map(|kind| kind.as_str().to_owned()),
                    credential: rule.credential_arn().map(str::to_owned),
                    role: rule.custom_role_arn().map(str::to_owned),
                    upstream_prefix: rule.upstream_repository_prefix().map(str::to_owned),
                })
            });
            Ok((rows.collect::<Result<_, RegistryError>>()?, answer.next_token()))
        },
    )
    .await
}

/// Source: ECR API reference, `ListPullTimeUpdateExclusions`.
async fn exclusions(
    of: &OfRegistry<'_>,
) -> Result<std::collections::BTreeSet<PullTimeExclusion>, RegistryError> {
    let call = of.call(
        "ecr:ListPullTimeUpdateExclusions",
        "reading whose pulls do not count",
    );
    let found = call.pages(
        MAX_PAGES,
        |next| {
            of.paced.call(call.action, move |client| {
                let request = client
                    .list_pull_time_update_exclusions()
                    .max_results(1000)
                    .set_next_token(next.clone());
                async move { request.send().await }
            })
        },
        |answer| {
            let principals = answer.pull_time_update_exclusions().iter();
            let rows = principals.map(|principal| PullTimeExclusion::of_registry(principal));
            Ok((rows.collect(), answer.next_token()))
        },
    );
    Ok(found.await?.into_iter().collect())
}

/// Source: ECR API reference, `ValidatePullThroughCacheRule`.
pub(super) async fn upstream_problem(
    of: &OfRegistry<'_>,
    prefix: &TemplatePrefix,
) -> Result<Option<String>, RegistryError> {
    let call = of.call(
        "ecr:ValidatePullThroughCacheRule",
        "checking the upstream of a rule of the pull-through cache",
    );
    let answer = of.paced.call(call.action, |client| {
        let request = client
            .validate_pull_through_cache_rule()
            .set_registry_id(of.paced.account())
            .ecr_repository_prefix(prefix.as_str());
        async move { request.send().await }
    });
    let answer = answer.await.map_err(|failure| call.failed(failure))?;
    let problem = || cleaned(answer.failure().unwrap_or("the registry says no reason"));
    Ok((!answer.is_valid()).then(problem))
}
