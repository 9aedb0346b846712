//! What the machine's own AWS configuration says that the SDK would answer with a panic, or leave unsaid.

use aws_config::profile::{self, ProfileSet};
use aws_sdk_sts::config::retry::RetryConfig;
use aws_types::os_shim_internal::{Env, Fs};
use url::Url;

use crate::aws::{IdentityError, endpoint};
use tagship_domain::reference::{Region, RegistryHost};
use tagship_domain::untrusted::cleaned;

/// What is `true` or `false`: the variable, and the profile's key. The SDK leaves out any other value.
///
/// Source: AWS SDKs and Tools reference guide, "Dual-stack and FIPS endpoints".
const SWITCHES: [(&str, &str); 3] = [
    ("AWS_USE_FIPS_ENDPOINT", "use_fips_endpoint"),
    ("AWS_USE_DUALSTACK_ENDPOINT", "use_dualstack_endpoint"),
    IGNORES_ADDRESSES,
];

/// Whether addresses of the configuration count. Source: the same, "Service-specific endpoints".
const IGNORES_ADDRESSES: (&str, &str) = (
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    "ignore_configured_endpoint_urls",
);

/// What is an address. Source: AWS SDKs and Tools reference guide, "Service-specific endpoints".
const ADDRESSES: [(&str, &str); 6] = [
    ("AWS_ENDPOINT_URL", "endpoint_url"),
    ("AWS_ENDPOINT_URL_ECR", "endpoint_url"),
    ("AWS_ENDPOINT_URL_ECR_PUBLIC", "endpoint_url"),
    ("AWS_ENDPOINT_URL_STS", "endpoint_url"),
    ("AWS_ENDPOINT_URL_SNS", "endpoint_url"),
    ("AWS_ENDPOINT_URL_EVENTBRIDGE", "endpoint_url"),
];

/// The variables and files of one machine.
#[derive(Debug, Clone)]
pub(super) struct Machine {
    env: Env,
    fs: Fs,
}

impl Machine {
    /// The one that this runs on.
    pub(super) fn own() -> Self {
        Self {
            env: Env::real(),
            fs: Fs::real(),
        }
    }

    /// How calls are repeated: what variables say, else the profile; `legacy` is what the SDK calls `standard`.
    ///
    /// `needs_profile` is whether credentials come from the ordinary chain, which a missing profile would empty.
    /// Source: AWS SDKs and Tools reference guide, "Retry behavior".
    pub(super) async fn retries(
        &self,
        needs_profile: bool,
        registry: &RegistryHost,
    ) -> Result<RetryConfig, IdentityError> {
        #[expect(
            clippy::default_trait_access,
            reason = "its type is of a crate below the loader's"
        )]
        let profiles = profile::load(&self.fs, &self.env, &Default::default(), None).await;
        // What is wrong with the files the chain says in its own words, where it matters.
        let profiles = profiles.unwrap_or_default();
        if needs_profile
            && let Ok(name) = self.env.get("AWS_PROFILE")
            && profiles.get_profile(&name).is_none()
        {
            return Err(wrong(
                "`AWS_PROFILE`",
                &name,
                "is no profile in the AWS configuration files",
            ));
        }
        self.check(&profiles, registry)?;
        let mut retries = RetryConfig::standard();
        if let Some((setting, mode)) = self.setting(&profiles, "AWS_RETRY_MODE", "retry_mode") {
            retries = match mode.to_ascii_lowercase().as_str() {
                "legacy" | "standard" => retries,
                "adaptive" => RetryConfig::adaptive(),
                _ => {
                    return Err(wrong(
                        &setting,
                        &mode,
                        "is none of `standard`, `adaptive` and `legacy`",
                    ));
                }
            };
        }
        if let Some((setting, attempts)) = self.setting(&profiles, "AWS_MAX_ATTEMPTS", "max_attempts") {
            retries = match attempts.parse::<u32>() {
                Ok(attempts) if attempts > 0 => retries.with_max_attempts(attempts),
                _ => return Err(wrong(&setting, &attempts, "is no whole number from 1")),
            };
        }
        Ok(retries)
    }

    /// Refuses settings that the SDK would leave out, or stumble over in the middle of a call.
    fn check(&self, profiles: &ProfileSet, registry: &RegistryHost) -> Result<(), IdentityError> {
        for (variable, key) in SWITCHES {
            if let Some((setting, value)) = self.setting(profiles, variable, key)
                && !["true", "false"].contains(&value.to_ascii_lowercase().as_str())
            {
                return Err(wrong(&setting, &value, "is neither `true` nor `false`"));
            }
        }
        let (variable, key) = IGNORES_ADDRESSES;
        let ignored = self.setting(profiles, variable, key);
        if ignored.is_some_and(|(_, value)| value.eq_ignore_ascii_case("true")) {
            return Ok(());
        }
        for (variable, key) in ADDRESSES {
            let Some((setting, value)) = self.setting(profiles, variable, key) else {
                continue;
            };
            let url = Url::parse(&value).ok();
            match url.filter(|url| ["http", "https"].contains(&url.scheme()) && url.has_host()) {
                Some(url) => endpoint::check(&url, registry)?,
                None => return Err(wrong(&setting, &value, "is no address such as `https://host`")),
            }
        }
        Ok(())
    }

    /// A setting that is not blank, and how a message names it.
    fn setting(&self, profiles: &ProfileSet, variable: &str, key: &str) -> Option<(String, String)> {
        let of_variable = self
            .env
            .get(variable)
            .ok()
            .map(|value| (format!("`{variable}`"), value));
        let of_profile = || {
            let value = profiles.get(key)?.to_owned();
            Some((
                format!("`{key}` of profile `{}`", profiles.selected_profile()),
                value,
            ))
        };
        let trimmed = |(name, value): (String, String)| {
            let value = value.trim().to_owned();
            (!value.is_empty()).then_some((name, value))
        };
        of_variable
            .and_then(trimmed)
            .or_else(|| of_profile().and_then(trimmed))
    }
}

/// Reads the region that the environment or the profile names.
pub(super) fn region(text: &str) -> Result<Region, IdentityError> {
    let setting = "the region of the AWS environment or profile";
    Region::parse(text).map_err(|_no_region| wrong(setting, text, "is not of the form `eu-central-1`"))
}

fn wrong(setting: &str, value: &str, problem: &'static str) -> IdentityError {
    IdentityError::Setting {
        setting: setting.to_owned(),
        value: cleaned(value),
        problem,
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_sts::config::retry::RetryMode;

    use super::*;

    fn machine(variables: &[(&str, &str)], config: &'static str) -> Machine {
        let mut all = vec![("AWS_CONFIG_FILE", "config")];
        all.extend_from_slice(variables);
        Machine {
            env: Env::from_slice(&all),
            fs: Fs::from_slice(&[("config", config)]),
        }
    }

    fn registry() -> RegistryHost {
        RegistryHost::parse("123456789012.dkr.ecr.eu-central-1.amazonaws.com").unwrap()
    }

    async fn retries(variables: &[(&str, &str)], config: &'static str) -> Result<(RetryMode, u32), String> {
        let retries = machine(variables, config).retries(true, &registry()).await;
        let retries = retries.map_err(|error| error.to_string())?;
        Ok((retries.mode(), retries.max_attempts()))
    }

    #[tokio::test]
    async fn retries_are_what_variables_and_profile_say_and_legacy_is_standard() {
        use RetryMode::{Adaptive, Standard};
        assert_eq!(retries(&[], "").await, Ok((Standard, 3)));
        assert_eq!(
            retries(&[("AWS_RETRY_MODE", "legacy")], "").await,
            Ok((Standard, 3))
        );
        assert_eq!(
            retries(&[("AWS_RETRY_MODE", "Adaptive")], "").await,
            Ok((Adaptive, 3))
        );
        assert_eq!(retries(&[("AWS_MAX_ATTEMPTS", "7")], "").await, Ok((Standard, 7)));
        let profile = "[default]\nretry_mode = legacy\nmax_attempts = 4\n";
        assert_eq!(retries(&[], profile).await, Ok((Standard, 4)));
        assert_eq!(
            retries(&[("AWS_RETRY_MODE", " ")], profile).await,
            Ok((Standard, 4))
        );
    }

    #[tokio::test]
    async fn what_is_no_value_is_one_sentence() {
        for (variables, config, expected) in [
            (
                vec![("AWS_RETRY_MODE", "fast")],
                "",
                "`AWS_RETRY_MODE` is `fast`, which is none of `standard`, `adaptive` and `legacy`",
            ),
            (
                vec![("AWS_MAX_ATTEMPTS", "0")],
                "",
                "`AWS_MAX_ATTEMPTS` is `0`, which is no whole number from 1",
            ),
            (
                vec![("AWS_PROFILE", "work")],
                "[profile work]\nmax_attempts = many\n",
                "`max_attempts` of profile `work` is `many`, which is no whole number from 1",
            ),
            (
                vec![("AWS_PROFILE", "gone")],
                "[default]\n",
                "`AWS_PROFILE` is `gone`, which is no profile in the AWS configuration files",
            ),
            (
                vec![("AWS_USE_FIPS_ENDPOINT", "maybe")],
                "",
                "`AWS_USE_FIPS_ENDPOINT` is `maybe`, which is neither `true` nor `false`",
            ),
            (
                vec![],
                "[default]\nuse_dualstack_endpoint = 1\n",
                "`use_dualstack_endpoint` of profile `default` is `1`, which is neither `true` nor `false`",
            ),
            (
                vec![("AWS_ENDPOINT_URL", "localhost:4566")],
                "",
                "`AWS_ENDPOINT_URL` is `localhost:4566`, which is no address such as `https://host`",
            ),
            (
                vec![("AWS_ENDPOINT_URL_STS", "https://me:s3cret@")],
                "",
                "`AWS_ENDPOINT_URL_STS` is `https://me:***@`, which is no address such as `https://host`",
            ),
            (
                vec![("AWS_ENDPOINT_URL_ECR_PUBLIC", "ftp://host")],
                "",
                "`AWS_ENDPOINT_URL_ECR_PUBLIC` is `ftp://host`, which is no address such as `https://host`",
            ),
            (
                vec![("AWS_ENDPOINT_URL_ECR", "http://api.example")],
                "",
                "endpoint `http://api.example/` is plain HTTP, which would send credentials in the clear",
            ),
            (
                vec![("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "yes")],
                "",
                "`AWS_IGNORE_CONFIGURED_ENDPOINT_URLS` is `yes`, which is neither `true` nor `false`",
            ),
        ] {
            assert_eq!(retries(&variables, config).await, Err(expected.to_owned()));
        }
        let right = [
            ("AWS_USE_FIPS_ENDPOINT", "False"),
            ("AWS_USE_DUALSTACK_ENDPOINT", "true"),
            ("AWS_ENDPOINT_URL", "http://127.0.0.1:4566"),
        ];
        assert!(retries(&right, "").await.is_ok());
        let ignored = [
            ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true"),
            ("AWS_ENDPOINT_URL", "http://api.example"),
        ];
        assert!(retries(&ignored, "").await.is_ok());
        let zone = super::region("us-east-1a").unwrap_err().to_string();
        let expected = "the region of the AWS environment or profile is `us-east-1a`, which is not of the form `eu-central-1`";
        assert_eq!(zone, expected);
        let (gone, registry) = (machine(&[("AWS_PROFILE", "gone")], ""), registry());
        let without_chain = gone.retries(false, &registry).await;
        assert!(without_chain.is_ok(), "a role by OIDC needs no profile");
    }
}
