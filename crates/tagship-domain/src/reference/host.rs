//! Accounts, regions and the hosts of their registries.

use std::fmt;

use super::{InvalidName, ecr_host, text_conversions};

/// An AWS account: 12 digits. A text, because leading zeros count.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountId(String);

impl AccountId {
    /// Reads 12 digits.
    pub fn parse(text: &str) -> Result<Self, InvalidName> {
        if text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidName::new("account id", text, "is not 12 digits"))
        }
    }

    /// The account that an emulator is when nothing else is said.
    pub fn emulated() -> Self {
        Self("000000000000".to_owned())
    }

    /// The account as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

text_conversions!(AccountId);

/// An AWS region, such as `eu-central-1`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Region(String);

impl Region {
    /// Reads a region: lower-case letters, digits and dashes, beginning with a letter and ending with a number.
    ///
    /// An availability zone, such as `us-east-1a`, is none. Source: botocore's `partitions.json`, `regionRegex`.
    pub fn parse(text: &str) -> Result<Self, InvalidName> {
        let shaped = text.starts_with(|c: char| c.is_ascii_lowercase())
            && text.len() <= 32
            && text
                .rsplit_once('-')
                .is_some_and(|(_, number)| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
            && text
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if shaped {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidName::new(
                "region",
                text,
                "is not of the form `eu-central-1`",
            ))
        }
    }

    /// The region that an emulator is in when nothing else is said.
    pub fn emulated() -> Self {
        Self("us-east-1".to_owned())
    }

    /// The region of ECR Public's API, whatever region a run is in.
    ///
    /// Source: ECR Public user guide, "Amazon ECR Public endpoints and quotas".
    pub fn of_public_ecr() -> Self {
        Self("us-east-1".to_owned())
    }

    /// The region as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The partition that the region belongs to, as it stands in resource names.
    pub fn partition(&self) -> &'static str {
        self.partition_and_suffix().0
    }

    /// The DNS suffix of the partition that the region belongs to.
    pub fn dns_suffix(&self) -> &'static str {
        self.partition_and_suffix().1
    }

    /// Source: botocore's `partitions.json`.
    fn partition_and_suffix(&self) -> (&'static str, &'static str) {
        const BY_PREFIX: [(&str, (&str, &str)); 7] = [
            ("cn-", ("aws-cn", "amazonaws.com.cn")),
            ("us-gov-", ("aws-us-gov", "amazonaws.com")),
            ("eusc-", ("aws-eusc", "amazonaws.eu")),
            ("us-isob-", ("aws-iso-b", "sc2s.sgov.gov")),
            ("us-isof-", ("aws-iso-f", "csp.hci.ic.gov")),
            ("us-iso-", ("aws-iso", "c2s.ic.gov")),
            ("eu-isoe-", ("aws-iso-e", "cloud.adc-e.uk")),
        ];
        BY_PREFIX
            .iter()
            .find(|(prefix, _)| self.0.starts_with(prefix))
            .map_or(("aws", "amazonaws.com"), |(_, partition)| *partition)
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

text_conversions!(Region);

/// ECR Public's registry, and its name for IPv6 too.
/// Source: the image patterns of the EKS credential provider.
const PUBLIC_HOSTS: [&str; 2] = ["public.ecr.aws", "ecr-public.aws.com"];

/// The host of a registry, with what it says of account and region.
///
/// ECR's private hosts in every partition are taken, and `host:port` of an emulator.
/// Source: ECR user guide, "Private registries" and "VPC endpoints"; the image patterns of the EKS credential provider.
#[derive(Debug, Clone)]
pub struct RegistryHost {
    text: String,
    account: Option<AccountId>,
    region: Option<Region>,
    /// Of an emulator, whose name does not say it. It makes no other host.
    emulated_region: Option<Region>,
    is_plain_http: bool,
}

impl PartialEq for RegistryHost {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for RegistryHost {}

impl std::hash::Hash for RegistryHost {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

impl RegistryHost {
    /// The host of an account's private registry in a region.
    pub fn of(account: &AccountId, region: &Region) -> Self {
        Self {
            text: format!("{account}.dkr.ecr.{region}.{}", region.dns_suffix()),
            account: Some(account.clone()),
            region: Some(region.clone()),
            emulated_region: None,
            is_plain_http: false,
        }
    }

    /// Reads a private ECR host name, or `host:port` of an emulator.
    pub fn parse(text: &str) -> Result<Self, InvalidName> {
        let invalid = |problem| InvalidName::new("registry", text, problem);
        if text.contains("://") {
            return Err(invalid("is a URL; give the host alone"));
        }
        if text.contains('/') {
            return Err(invalid("has a path; the repository is an input of its own"));
        }
        if let Some((account, region)) = account_and_region(text) {
            return Ok(Self {
                text: text.to_owned(),
                account: Some(account),
                region: Some(region),
                emulated_region: None,
                is_plain_http: false,
            });
        }
        if PUBLIC_HOSTS.contains(&text) {
            return Err(invalid("is ECR Public, and no account's private registry"));
        }
        let Some((host, port)) = text.rsplit_once(':') else {
            return Err(invalid(
                "is neither an ECR host like `123456789012.dkr.ecr.eu-central-1.amazonaws.com` nor `host:port` of an emulator",
            ));
        };
        if is_host_name(host) && is_port(port) {
            Ok(Self {
                text: text.to_owned(),
                account: None,
                region: None,
                emulated_region: None,
                is_plain_http: true,
            })
        } else {
            Err(invalid("is not `host:port`"))
        }
    }

    /// Reads a host that images are published to: as [`RegistryHost::parse`], or ECR Public's.
    pub fn parse_destination(text: &str) -> Result<Self, InvalidName> {
        if PUBLIC_HOSTS.contains(&text) {
            return Self::parse_any(text);
        }
        Self::parse(text)
    }

    /// Reads the host of any registry, as docker writes it: a domain name with or without a port.
    ///
    /// Plain HTTP is for this machine alone, as for docker. Docker Hub's names stand for its registry.
    /// Source: docker CLI reference, "Insecure registries"; distribution, `reference`, `domain`.
    pub fn parse_any(text: &str) -> Result<Self, InvalidName> {
        let invalid = |problem| InvalidName::new("registry", text, problem);
        if let Some((account, region)) = account_and_region(text) {
            return Ok(Self::of(&account, &region)).map(|host| Self {
                text: text.to_owned(),
                ..host
            });
        }
        let text = match text {
            "docker.io" | "index.docker.io" => "registry-1.docker.io",
            text => text,
        };
        let (host, port) = text.rsplit_once(':').unwrap_or((text, "443"));
        if !is_host_name(host) || !is_port(port) {
            return Err(invalid("is not a host name with or without `:port`"));
        }
        let is_loopback = host == "localhost"
            || host
                .strip_prefix("127.")
                .is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_digit() || b == b'.'));
        Ok(Self {
            text: text.to_owned(),
            account: None,
            region: None,
            emulated_region: None,
            is_plain_http: is_loopback,
        })
    }

    /// The account in the host name, if it is one of ECR's.
    pub fn account(&self) -> Option<&AccountId> {
        self.account.as_ref()
    }

    /// The region in the host name, if it is one of ECR's.
    pub fn region(&self) -> Option<&Region> {
        self.region.as_ref()
    }

    /// Whether this is the name by which ECR speaks with validated cryptography alone.
    pub fn is_fips(&self) -> bool {
        self.region.is_some() && ecr_host::is_fips(&self.text)
    }

    /// Whether this is the name by which ECR is reached over IPv6 too.
    pub fn is_dual_stack(&self) -> bool {
        self.region.is_some() && ecr_host::is_dual_stack(&self.text)
    }

    /// Whether this is ECR Public, where all accounts have their registries.
    pub fn is_public_ecr(&self) -> bool {
        PUBLIC_HOSTS.contains(&self.text.as_str())
    }

    /// Whether clients speak plain HTTP to this host: only to an emulator's `host:port`, never to ECR.
    pub fn is_plain_http(&self) -> bool {
        self.is_plain_http
    }

    /// The same host as an emulator's that is in this region.
    #[must_use]
    pub fn emulated_in(self, region: &Region) -> Self {
        Self {
            emulated_region: Some(region.clone()),
            ..self
        }
    }

    /// Returns the options that lead the AWS CLI to this registry, and to no other account: each with a blank before it.
    pub fn aws_options(&self) -> String {
        match self.region() {
            _ if self.is_plain_http => {
                let region = self.emulated_region.as_ref();
                let region = region.map_or_else(String::new, |region| format!(" --region {region}"));
                format!("{region} --endpoint-url http://{self}")
            }
            Some(region) => format!(" --region {region}"),
            None if self.is_public_ecr() => format!(" --region {}", Region::of_public_ecr()),
            None => String::new(),
        }
    }

    /// The host as text, with the port if there is one.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

fn is_host_name(host: &str) -> bool {
    let is_label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    host.len() <= 253 && host.split('.').all(is_label)
}

fn is_port(port: &str) -> bool {
    port.parse::<u16>().is_ok_and(|port| port > 0)
}

/// The account and region of a private ECR host name.
fn account_and_region(host: &str) -> Option<(AccountId, Region)> {
    let (account, region) = ecr_host::account_and_region(host)?;
    Some((AccountId::parse(account).ok()?, Region::parse(region).ok()?))
}

impl fmt::Display for RegistryHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

text_conversions!(RegistryHost);
