//! The names of AWS's endpoints, which the embedded ECR answers under with TLS.

use tagship_domain::reference::{AccountId, Region, RegistryHost};

/// The issuer that tokens name: GitHub's own, so that trust policies written for AWS hold here unchanged.
pub const ISSUER: &str = "https://token.actions.githubusercontent.com";

/// The issuer as it stands in provider names and condition keys.
pub(crate) const ISSUER_HOST: &str = "token.actions.githubusercontent.com";

/// What a host name of AWS or GitHub stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum AwsHost {
    /// The registry of an account in a region.
    Registry(AccountId, Region),
    /// ECR's API in a region.
    Api(Region),
    /// STS in a region; `None` for the global endpoint.
    Sts(Option<Region>),
    /// ECR Public's registry.
    PublicRegistry,
    /// ECR Public's API.
    PublicApi,
    /// The issuer of GitHub's tokens.
    Issuer,
}

/// The domains that the names lie in, apart from those that stand alone.
pub(crate) const DOMAINS: [&str; 10] = [
    "amazonaws.com",
    "amazonaws.com.cn",
    "amazonaws.eu",
    "c2s.ic.gov",
    "sc2s.sgov.gov",
    "cloud.adc-e.uk",
    "csp.hci.ic.gov",
    "on.aws",
    "on.amazonwebservices.com.cn",
    "api.aws",
];

/// The names that stand alone.
pub(crate) const PUBLIC_REGISTRY: &str = "public.ecr.aws";
pub(crate) const PUBLIC_REGISTRY_DUAL: &str = "ecr-public.aws.com";

impl AwsHost {
    /// Reads a host name without a port.
    ///
    /// Source: botocore's endpoint rules for `ecr`, `ecr-public` and `sts`; for registries see [`RegistryHost`].
    pub(crate) fn parse(name: &str) -> Option<Self> {
        match name {
            PUBLIC_REGISTRY | PUBLIC_REGISTRY_DUAL => return Some(Self::PublicRegistry),
            ISSUER_HOST => return Some(Self::Issuer),
            "sts.amazonaws.com" => return Some(Self::Sts(None)),
            _ => {}
        }
        if let Ok(host) = RegistryHost::parse(name)
            && let (Some(account), Some(region)) = (host.account(), host.region())
        {
            return Some(Self::Registry(account.clone(), region.clone()));
        }
        Self::dual_stack(name).or_else(|| Self::plain(name))
    }

    /// `SERVICE.REGION.api.aws`.
    fn dual_stack(name: &str) -> Option<Self> {
        let (service, region) = name.strip_suffix(".api.aws")?.split_once('.')?;
        Self::of_service(service, Region::parse(region).ok()?)
    }

    /// `api.ecr.REGION.DOMAIN`, or `sts.REGION.DOMAIN`.
    fn plain(name: &str) -> Option<Self> {
        let name = name.strip_prefix("api.").unwrap_or(name);
        let (service, rest) = name.split_once('.')?;
        let (region, domain) = rest.split_once('.')?;
        let region = Region::parse(region).ok()?;
        (domain == region.dns_suffix())
            .then(|| Self::of_service(service, region))
            .flatten()
    }

    fn of_service(service: &str, region: Region) -> Option<Self> {
        match service {
            "ecr" | "ecr-fips" => Some(Self::Api(region)),
            "ecr-public" => Some(Self::PublicApi),
            "sts" | "sts-fips" => Some(Self::Sts(Some(region))),
            _ => None,
        }
    }
}

/// The names that clients of one account in one region use.
pub(crate) fn names(account: &AccountId, region: &Region) -> [String; 6] {
    [
        RegistryHost::of(account, region).to_string(),
        format!("api.ecr.{region}.{}", region.dns_suffix()),
        format!("sts.{region}.{}", region.dns_suffix()),
        format!("api.ecr-public.{}.amazonaws.com", Region::of_public_ecr()),
        PUBLIC_REGISTRY.to_owned(),
        ISSUER_HOST.to_owned(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    // The endpoints are those that botocore computes: `session.client(service, region).meta.endpoint_url`, plain,
    // with `use_fips_endpoint` and with `use_dualstack_endpoint`.
    #[test]
    fn names_tell_service_and_region() {
        let region = |text| Region::parse(text).unwrap();
        for (name, host) in [
            (
                "api.ecr.eu-central-1.amazonaws.com",
                AwsHost::Api(region("eu-central-1")),
            ),
            (
                "ecr-fips.us-east-1.amazonaws.com",
                AwsHost::Api(region("us-east-1")),
            ),
            ("ecr.us-east-1.api.aws", AwsHost::Api(region("us-east-1"))),
            ("ecr-fips.us-east-1.api.aws", AwsHost::Api(region("us-east-1"))),
            (
                "api.ecr.cn-north-1.amazonaws.com.cn",
                AwsHost::Api(region("cn-north-1")),
            ),
            (
                "sts.us-east-1.amazonaws.com",
                AwsHost::Sts(Some(region("us-east-1"))),
            ),
            (
                "sts-fips.us-east-1.amazonaws.com",
                AwsHost::Sts(Some(region("us-east-1"))),
            ),
            ("sts.eu-west-1.api.aws", AwsHost::Sts(Some(region("eu-west-1")))),
            ("sts.amazonaws.com", AwsHost::Sts(None)),
            ("api.ecr-public.us-east-1.amazonaws.com", AwsHost::PublicApi),
            ("public.ecr.aws", AwsHost::PublicRegistry),
            ("token.actions.githubusercontent.com", AwsHost::Issuer),
        ] {
            assert_eq!(AwsHost::parse(name), Some(host), "{name}");
        }
        let account = AccountId::parse("123456789012").unwrap();
        for name in [
            "123456789012.dkr.ecr.eu-central-1.amazonaws.com",
            "123456789012.dkr.ecr-fips.eu-central-1.amazonaws.com",
            "123456789012.dkr-ecr.eu-central-1.on.aws",
        ] {
            let registry = AwsHost::Registry(account.clone(), region("eu-central-1"));
            assert_eq!(AwsHost::parse(name), Some(registry), "{name}");
        }
    }

    #[test]
    fn other_names_belong_to_no_service() {
        for name in [
            "",
            "localhost",
            "amazonaws.com",
            "s3.eu-central-1.amazonaws.com",
            "api.ecr.eu-central-1.example.com",
            "api.ecr.eu-central-1.amazonaws.com.cn",
            "1234.dkr.ecr.eu-central-1.amazonaws.com",
            "github.com",
        ] {
            assert_eq!(AwsHost::parse(name), None, "{name}");
        }
    }

    #[test]
    fn the_names_of_an_account_are_known() {
        let names = names(&AccountId::emulated(), &Region::emulated());
        assert!(
            names.iter().all(|name| AwsHost::parse(name).is_some()),
            "{names:?}"
        );
    }
}
