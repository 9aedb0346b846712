//! AWS's managed policies for ECR, by their resource names.
//!
//! Source: AWS managed policy reference, the pages of these names. `AmazonEC2ContainerRegistryFullAccess` also lets make
//! a service-linked role, which nothing here needs.

use super::policy::Policy;

/// The actions of a policy, on all resources.
const POLICIES: [(&str, &[&str]); 7] = [
    (
        "AmazonEC2ContainerRegistryFullAccess",
        &["ecr:*", "cloudtrail:LookupEvents"],
    ),
    ("AmazonEC2ContainerRegistryPowerUser", POWER_USER),
    ("AmazonEC2ContainerRegistryReadOnly", POWER_USER.split_at(12).0),
    (
        "AmazonEC2ContainerRegistryPullOnly",
        &[
            "ecr:GetAuthorizationToken",
            "ecr:BatchGetImage",
            "ecr:GetDownloadUrlForLayer",
            "ecr:BatchImportUpstreamImage",
        ],
    ),
    (
        "AmazonElasticContainerRegistryPublicFullAccess",
        &["ecr-public:*", "sts:GetServiceBearerToken"],
    ),
    ("AmazonElasticContainerRegistryPublicPowerUser", PUBLIC_POWER_USER),
    (
        "AmazonElasticContainerRegistryPublicReadOnly",
        PUBLIC_POWER_USER.split_at(10).0,
    ),
];

/// The first twelve are those that read.
const POWER_USER: &[&str] = &[
    "ecr:GetAuthorizationToken",
    "ecr:BatchCheckLayerAvailability",
    "ecr:GetDownloadUrlForLayer",
    "ecr:GetRepositoryPolicy",
    "ecr:DescribeRepositories",
    "ecr:ListImages",
    "ecr:DescribeImages",
    "ecr:BatchGetImage",
    "ecr:GetLifecyclePolicy",
    "ecr:GetLifecyclePolicyPreview",
    "ecr:ListTagsForResource",
    "ecr:DescribeImageScanFindings",
    "ecr:InitiateLayerUpload",
    "ecr:UploadLayerPart",
    "ecr:CompleteLayerUpload",
    "ecr:PutImage",
];

/// The first ten are those that read.
const PUBLIC_POWER_USER: &[&str] = &[
    "ecr-public:GetAuthorizationToken",
    "sts:GetServiceBearerToken",
    "ecr-public:BatchCheckLayerAvailability",
    "ecr-public:GetRepositoryPolicy",
    "ecr-public:DescribeRepositories",
    "ecr-public:DescribeRegistries",
    "ecr-public:DescribeImages",
    "ecr-public:DescribeImageTags",
    "ecr-public:GetRepositoryCatalogData",
    "ecr-public:GetRegistryCatalogData",
    "ecr-public:InitiateLayerUpload",
    "ecr-public:UploadLayerPart",
    "ecr-public:CompleteLayerUpload",
    "ecr-public:PutImage",
];

impl Policy {
    /// The managed policy with this resource name, in any partition.
    pub(crate) fn managed(arn: &str) -> Option<Self> {
        let (partition, name) = arn.strip_prefix("arn:")?.split_once(":iam::aws:policy/")?;
        let (_, actions) = POLICIES.iter().find(|(known, _)| *known == name)?;
        let is_partition = partition.starts_with("aws");
        let document = serde_json::json!({
            "Version": "2012-10-17",
            "Statement": {"Effect": "Allow", "Action": actions, "Resource": "*"},
        });
        is_partition
            .then(|| Self::parse(&document.to_string()).ok())
            .flatten()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::grammar::Verdict;
    use super::*;

    // AWS managed policy reference: who may push, who may pull, who may delete.
    #[test]
    fn each_policy_allows_what_its_page_says() {
        let allows = |name: &str, action: &str| {
            let policy = Policy::managed(&format!("arn:aws:iam::aws:policy/{name}")).unwrap();
            policy.verdict(action, "*", &BTreeMap::new()) == Verdict::Allowed
        };
        for (name, pulls, pushes, deletes) in [
            ("AmazonEC2ContainerRegistryFullAccess", true, true, true),
            ("AmazonEC2ContainerRegistryPowerUser", true, true, false),
            ("AmazonEC2ContainerRegistryReadOnly", true, false, false),
            ("AmazonEC2ContainerRegistryPullOnly", true, false, false),
        ] {
            assert_eq!(allows(name, "ecr:BatchGetImage"), pulls, "{name}");
            assert_eq!(allows(name, "ecr:PutImage"), pushes, "{name}");
            assert_eq!(allows(name, "ecr:DeleteRepository"), deletes, "{name}");
        }
        assert!(!allows(
            "AmazonEC2ContainerRegistryPullOnly",
            "ecr:DescribeImages"
        ));
        assert!(allows(
            "AmazonEC2ContainerRegistryReadOnly",
            "ecr:DescribeImageScanFindings"
        ));
        for (name, pushes) in [
            ("AmazonElasticContainerRegistryPublicFullAccess", true),
            ("AmazonElasticContainerRegistryPublicPowerUser", true),
            ("AmazonElasticContainerRegistryPublicReadOnly", false),
        ] {
            assert!(allows(name, "ecr-public:DescribeImages"), "{name}");
            assert!(allows(name, "sts:GetServiceBearerToken"), "{name}");
            assert_eq!(allows(name, "ecr-public:PutImage"), pushes, "{name}");
        }
        for unknown in [
            "arn:aws:iam::aws:policy/AdministratorAccess",
            "AmazonEC2ContainerRegistryReadOnly",
        ] {
            assert!(Policy::managed(unknown).is_none(), "{unknown}");
        }
    }
}
