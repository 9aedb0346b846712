//! The policy that narrows a role's session to what one run may write.

use serde_json::json;

use crate::reference::{ImageName, Region, RegistryHost, RepositoryName};

/// The most characters of a session policy. Source: STS API reference, `AssumeRoleWithWebIdentity`, `Policy`.
const MOST_CHARACTERS: usize = 2048;

/// What a session may do anywhere, as far as the role may: reading, and making repositories, which changes no image.
/// An image that comes through a pull-through cache is imported by the first who reads it.
const ANYWHERE: [&str; 12] = [
    "ecr:BatchCheckLayerAvailability",
    "ecr:BatchGet*",
    "ecr:BatchImportUpstreamImage",
    "ecr:CreateRepository",
    "ecr:Describe*",
    "ecr:Get*",
    "ecr:List*",
    "ecr:ValidatePullThroughCacheRule",
    // Base images of ECR Public are pulled with a login where the role has one.
    "ecr-public:GetAuthorizationToken",
    "sts:GetServiceBearerToken",
    "inspector2:ListFindings",
    // ECR signs an image with the rights of who pushes it.
    "signer:SignPayload",
];

/// What a session may do in the repositories that it writes to, as far as the role may. Nothing is deleted.
const IN_TARGETS: [&str; 5] = [
    "ecr:CompleteLayerUpload",
    "ecr:InitiateLayerUpload",
    "ecr:PutImage",
    "ecr:StartImageScan",
    "ecr:UploadLayerPart",
];

/// What a session may do besides in a repository that it makes.
const MAKING: [&str; 3] = [
    "ecr:PutLifecyclePolicy",
    "ecr:SetRepositoryPolicy",
    "ecr:TagResource",
];

/// The same of ECR Public, where everybody may read images.
const ANYWHERE_PUBLIC: [&str; 6] = [
    "ecr-public:BatchCheckLayerAvailability",
    "ecr-public:CreateRepository",
    "ecr-public:Describe*",
    "ecr-public:Get*",
    "ecr-public:List*",
    "sts:GetServiceBearerToken",
];
const IN_PUBLIC_TARGETS: [&str; 4] = [
    "ecr-public:CompleteLayerUpload",
    "ecr-public:InitiateLayerUpload",
    "ecr-public:PutImage",
    "ecr-public:UploadLayerPart",
];
const MAKING_PUBLIC: [&str; 2] = ["ecr-public:SetRepositoryPolicy", "ecr-public:TagResource"];
const READING_PUBLIC: [&str; 3] = ["ecr-public:Describe*", "ecr-public:Get*", "ecr-public:List*"];
const CONFIGURING_PUBLIC: [&str; 6] = [
    "ecr-public:CreateRepository",
    "ecr-public:DeleteRepositoryPolicy",
    "ecr-public:PutRepositoryCatalogData",
    "ecr-public:SetRepositoryPolicy",
    "ecr-public:TagResource",
    "ecr-public:UntagResource",
];

/// What a session may do in a registry's repositories whose settings are read, as far as the role may.
const READING: [&str; 5] = [
    "ecr:BatchGetImage",
    "ecr:Describe*",
    "ecr:Get*",
    "ecr:List*",
    "ecr:ValidatePullThroughCacheRule",
];

/// The same where settings are put.
const CONFIGURING: [&str; 9] = [
    "ecr:CreateRepository",
    "ecr:DeleteLifecyclePolicy",
    "ecr:DeleteRepositoryPolicy",
    "ecr:PutImageScanningConfiguration",
    "ecr:PutImageTagMutability",
    "ecr:PutLifecyclePolicy",
    "ecr:SetRepositoryPolicy",
    "ecr:TagResource",
    "ecr:UntagResource",
];

/// The same where settings of the registry itself are put.
const CONFIGURING_REGISTRY: [&str; 17] = [
    "ecr:CreatePullThroughCacheRule",
    "ecr:CreateRepositoryCreationTemplate",
    "ecr:DeletePullThroughCacheRule",
    "ecr:DeleteRegistryPolicy",
    "ecr:DeleteRepositoryCreationTemplate",
    "ecr:DeleteSigningConfiguration",
    "ecr:DeregisterPullTimeUpdateExclusion",
    "ecr:PutAccountSetting",
    "ecr:PutRegistryPolicy",
    "ecr:PutRegistryScanningConfiguration",
    "ecr:PutReplicationConfiguration",
    "ecr:PutSigningConfiguration",
    "ecr:RegisterPullTimeUpdateExclusion",
    "ecr:UpdatePullThroughCacheRule",
    "ecr:UpdateRepositoryCreationTemplate",
    // ECR begins replication and caches by a role of its own, which the first who sets them up makes.
    "iam:CreateServiceLinkedRole",
    "iam:PassRole",
];

/// What a command does with the repositories of a registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RegistryAccess {
    /// It reads their settings.
    Read,
    /// It reads their settings, and has ECR preview lifecycle policies.
    PreviewLifecycle,
    /// It makes them, and puts their settings.
    Configure,
    /// It puts the registry's own settings too.
    ConfigureRegistry,
    /// It removes one.
    Delete,
    /// It deletes images of them.
    DeleteImages,
}

/// A session policy: a session may do what both it and the role allow.
///
/// Source: IAM user guide, "Session policies".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionPolicy {
    text: String,
    is_shortened: bool,
}

impl SessionPolicy {
    /// Returns the policy of a run that writes to these repositories, at least one.
    ///
    /// Where the names of all are too long for one policy, those that begin with the same folders become one: as few
    /// folders less as it takes, at last all repositories of their registries. Too many registries are `None`.
    pub fn of<'a>(targets: impl IntoIterator<Item = &'a ImageName>) -> Option<Self> {
        let targets: Vec<&ImageName> = targets.into_iter().collect();
        let names: Vec<(&RegistryHost, RepositoryName)> = targets
            .iter()
            .map(|image| (&image.registry, image.name_in_api()))
            .collect();
        let folders = names.iter().map(|(_, name)| name.as_str().matches('/').count());
        let deepest = folders.max().unwrap_or(0);
        let exact = names.iter().map(|(registry, name)| arn(registry, name.as_str()));
        let exact = Self::allowing(exact.collect(), false, false);
        let shortened = (0..=deepest).rev().find_map(|depth| {
            let names = names
                .iter()
                .map(|(registry, name)| arn(registry, &beginning(name.as_str(), depth)));
            Self::allowing(names.collect(), false, true)
        });
        exact.or(shortened)
    }

    /// The same where the run also makes the one that is missing, and puts its settings.
    pub fn of_maker<'a>(targets: impl IntoIterator<Item = &'a ImageName>) -> Option<Self> {
        let targets: Vec<&ImageName> = targets.into_iter().collect();
        let resources = targets
            .iter()
            .map(|image| arn(&image.registry, image.name_in_api().as_str()));
        Self::allowing(resources.collect(), true, false)
    }

    /// Returns the policy of a command that does no more than `access` with the repositories of a registry.
    pub fn of_registry(registry: &RegistryHost, access: RegistryAccess) -> Self {
        let is_public = registry.is_public_ecr();
        let reading: &[&str] = if is_public { &READING_PUBLIC } else { &READING };
        let mut statements = vec![json!({"Effect": "Allow", "Action": reading, "Resource": "*"})];
        let actions: &[&str] = match access {
            RegistryAccess::Configure | RegistryAccess::ConfigureRegistry if is_public => &CONFIGURING_PUBLIC,
            RegistryAccess::Delete if is_public => &["ecr-public:DeleteRepository"],
            RegistryAccess::Read => &[],
            RegistryAccess::PreviewLifecycle => &["ecr:StartLifecyclePolicyPreview"],
            RegistryAccess::Configure | RegistryAccess::ConfigureRegistry => &CONFIGURING,
            RegistryAccess::Delete => &["ecr:DeleteRepository"],
            RegistryAccess::DeleteImages => &["ecr:BatchDeleteImage"],
        };
        if !actions.is_empty() {
            let resource = arn(registry, "*");
            statements.push(json!({"Effect": "Allow", "Action": actions, "Resource": resource}));
        }
        if access == RegistryAccess::ConfigureRegistry && !is_public {
            statements.push(json!({"Effect": "Allow", "Action": CONFIGURING_REGISTRY, "Resource": "*"}));
        }
        Self {
            text: json!({"Version": "2012-10-17", "Statement": statements}).to_string(),
            is_shortened: false,
        }
    }

    fn allowing(mut resources: Vec<String>, is_maker: bool, is_shortened: bool) -> Option<Self> {
        resources.sort_unstable();
        resources.dedup();
        let is_public = |resource: &String| resource.contains(":ecr-public:");
        let (public, private): (Vec<String>, Vec<String>) = resources.into_iter().partition(is_public);
        let of_kind = [
            (private, &ANYWHERE[..], &IN_TARGETS[..], &MAKING[..]),
            (
                public,
                &ANYWHERE_PUBLIC[..],
                &IN_PUBLIC_TARGETS[..],
                &MAKING_PUBLIC[..],
            ),
        ];
        let mut statements = Vec::new();
        for (resources, anywhere, in_targets, making) in of_kind {
            if resources.is_empty() {
                continue;
            }
            let making = if is_maker { making } else { &[] };
            let in_targets = [in_targets, making].concat();
            statements.push(json!({"Effect": "Allow", "Action": anywhere, "Resource": "*"}));
            statements.push(json!({"Effect": "Allow", "Action": in_targets, "Resource": resources}));
        }
        let text = json!({"Version": "2012-10-17", "Statement": statements}).to_string();
        (text.len() <= MOST_CHARACTERS).then_some(Self { text, is_shortened })
    }

    /// Whether it allows more repositories than those of the run, because it has no room for all names.
    pub fn is_shortened(&self) -> bool {
        self.is_shortened
    }

    /// Returns the policy as JSON.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

/// A repository's resource name; of a registry with a name of its own, in any account and region.
fn arn(registry: &RegistryHost, repository: &str) -> String {
    if registry.is_public_ecr() {
        return format!("arn:aws:ecr-public::*:repository/{repository}");
    }
    let (account, region) = (registry.account(), registry.region());
    format!(
        "arn:{}:ecr:{}:{}:repository/{repository}",
        region.map_or("aws", Region::partition),
        region.map_or("*", Region::as_str),
        account.map_or("*", |account| account.as_str()),
    )
}

/// The first `depth` folders of a repository's name, and all that is in them; a name with fewer stays whole.
fn beginning(name: &str, depth: usize) -> String {
    let mut folders = name.match_indices('/');
    match depth.checked_sub(1).map(|last| folders.nth(last)) {
        None => "*".to_owned(),
        Some(Some((end, _))) => format!("{}/*", &name[..end]),
        Some(None) => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn image(registry: &str, repository: &str) -> ImageName {
        ImageName {
            registry: RegistryHost::parse_any(registry).unwrap(),
            repository: RepositoryName::parse(repository).unwrap(),
        }
    }

    fn resources(policy: &SessionPolicy) -> Vec<String> {
        let policy: Value = serde_json::from_str(policy.as_str()).unwrap();
        let resources = policy["Statement"][1]["Resource"].as_array().unwrap();
        let texts = resources
            .iter()
            .map(|resource| resource.as_str().unwrap().to_owned());
        texts.collect()
    }

    #[test]
    fn a_run_writes_to_its_repositories_alone() {
        let app = image("123456789012.dkr.ecr.eu-central-1.amazonaws.com", "team/app");
        let cache = image("123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn", "team/cache");
        let policy = SessionPolicy::of([&app, &cache, &app]).unwrap();
        assert_eq!(
            resources(&policy),
            [
                "arn:aws-cn:ecr:cn-north-1:123456789012:repository/team/cache",
                "arn:aws:ecr:eu-central-1:123456789012:repository/team/app",
            ]
        );
        assert!(!policy.as_str().contains("Delete"));
        assert!(!policy.is_shortened());
        let emulated = SessionPolicy::of([&image("127.0.0.1:5510", "team/app")]).unwrap();
        assert_eq!(resources(&emulated), ["arn:aws:ecr:*:*:repository/team/app"]);
    }

    #[test]
    fn a_public_repository_is_named_without_its_alias_and_with_actions_of_its_own() {
        let app = image("123456789012.dkr.ecr.eu-central-1.amazonaws.com", "team/app");
        let public = image("public.ecr.aws", "a1b2c3d4/team/app");
        let policy = SessionPolicy::of_maker([&app, &public]).unwrap();
        let policy: Value = serde_json::from_str(policy.as_str()).unwrap();
        let statements = policy["Statement"].as_array().unwrap();
        let resources: Vec<&Value> = statements.iter().map(|one| &one["Resource"]).collect();
        assert_eq!(
            resources,
            [
                &json!("*"),
                &json!(["arn:aws:ecr:eu-central-1:123456789012:repository/team/app"]),
                &json!("*"),
                &json!(["arn:aws:ecr-public::*:repository/team/app"]),
            ]
        );
        let alone = SessionPolicy::of([&public]).unwrap();
        assert!(!alone.as_str().contains("\"ecr:"), "{}", alone.as_str());
        assert!(alone.as_str().contains("sts:GetServiceBearerToken"));
    }

    #[test]
    fn what_is_too_long_is_shortened_or_left_out() {
        let many = |host: &dyn Fn(usize) -> String| -> Vec<ImageName> {
            (0..40)
                .map(|number| image(&host(number), &format!("team/app-{number}")))
                .collect()
        };
        let one_registry = many(&|_| "123456789012.dkr.ecr.eu-central-1.amazonaws.com".to_owned());
        let policy = SessionPolicy::of(&one_registry).unwrap();
        assert_eq!(
            resources(&policy),
            ["arn:aws:ecr:eu-central-1:123456789012:repository/team/*"]
        );
        assert!(policy.is_shortened());
        let mut two_teams = one_registry;
        two_teams.push(image("123456789012.dkr.ecr.eu-central-1.amazonaws.com", "base"));
        let policy = SessionPolicy::of(&two_teams).unwrap();
        let named = ["base", "team/*"];
        assert_eq!(
            resources(&policy),
            named.map(|name| format!("arn:aws:ecr:eu-central-1:123456789012:repository/{name}"))
        );
        // Names that begin with nothing in common leave the registry.
        let host = "123456789012.dkr.ecr.eu-central-1.amazonaws.com";
        let apart: Vec<ImageName> = (0..40)
            .map(|number| image(host, &format!("team-{number}/app")))
            .collect();
        assert_eq!(
            resources(&SessionPolicy::of(&apart).unwrap()),
            ["arn:aws:ecr:eu-central-1:123456789012:repository/*"]
        );
        let registries = many(&|number| format!("1234567890{number:02}.dkr.ecr.eu-central-1.amazonaws.com"));
        assert_eq!(SessionPolicy::of(&registries), None);
    }
}
