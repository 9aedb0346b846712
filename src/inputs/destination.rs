//! Where the image goes.

use super::problem::Problems;
use super::raw::InputText;
use super::{Environment, Origin, RawInputs, ecr_public, images, local_data_folder};
use crate::settings::Destination;
use tagship_domain::reference::{AccountId, ImageName, Region, RegistryHost, RepositoryName};
use tagship_domain::untrusted::cleaned;
use url::Url;

/// The destination, and what identity needs to know of it.
#[derive(Debug)]
pub(super) struct ResolvedDestination {
    destination: Destination,
    pub(super) account: Option<AccountId>,
    pub(super) region: Option<Region>,
    pub(super) endpoint_url: Option<Url>,
    /// Where a file that is not trusted names the account; then it must be the one that the credentials are of.
    pub(super) account_of_file: Option<Origin>,
}

impl ResolvedDestination {
    pub(super) fn into_destination(self) -> Destination {
        self.destination
    }

    /// Returns the repository, where it is in a registry.
    pub(super) fn image(&self) -> Option<&ImageName> {
        match &self.destination {
            Destination::Registry(image) => Some(image),
            _ => None,
        }
    }

    pub(super) fn is_local(&self) -> bool {
        matches!(self.destination, Destination::Local { .. })
    }

    /// Whether nothing is published, and it is not known where it would be.
    pub(super) fn is_unknown(&self) -> bool {
        matches!(self.destination, Destination::Nowhere { image: None, .. })
    }

    /// Reads what the image would be called if it were published; `None` only with a problem.
    pub(super) fn unpublished(
        raw: &RawInputs,
        environment: &Environment,
        problems: &mut Problems,
    ) -> Option<Self> {
        let named = images::named(raw, problems)?;
        let has_registry = named.registry.is_some() || raw.text("account-id", problems).is_some();
        let nowhere = |name, image| Destination::Nowhere { name, image };
        if named.repository.is_some() && has_registry && !raw.flag("local", problems) {
            let mut read = Self::read(raw, environment, problems)?;
            if let Destination::Registry(image) = read.destination {
                read.destination = nowhere(Some(image.repository.clone()), Some(image));
            }
            return Some(read);
        }
        let name = match named.repository {
            Some(value) => Some(repository(true, Some(value), problems)?),
            None => None,
        };
        Some(Self {
            destination: nowhere(name, None),
            account: None,
            region: None,
            endpoint_url: None,
            account_of_file: None,
        })
    }

    /// Reads the inputs that say where the image goes; `None` only with a problem.
    pub(super) fn read(raw: &RawInputs, environment: &Environment, problems: &mut Problems) -> Option<Self> {
        let named = images::named(raw, problems)?;
        let repository = repository(raw.has_file(), named.repository, problems);
        Self::placed(named.registry, repository, raw, environment, problems)
    }

    /// Reads the inputs that say which registry is meant, with a repository that stands for all; `None` only with a problem.
    pub(super) fn of_registry(
        raw: &RawInputs,
        environment: &Environment,
        problems: &mut Problems,
    ) -> Option<Self> {
        let registry = raw.text("registry", problems);
        Self::placed(registry, Some(RepositoryName::all()), raw, environment, problems)
    }

    fn placed(
        named_registry: Option<InputText>,
        repository: Option<RepositoryName>,
        raw: &RawInputs,
        environment: &Environment,
        problems: &mut Problems,
    ) -> Option<Self> {
        let endpoint_url = raw
            .text("endpoint-url", problems)
            .and_then(|value| endpoint(&value, problems));
        let account = raw.text("account-id", problems).and_then(|value| {
            let account = problems.check(&value.origin, AccountId::parse(&value.text), None);
            Some((account?, value.origin))
        });
        let region = raw.text("aws-region", problems).and_then(|value| {
            let region = problems.check(&value.origin, Region::parse(&value.text), None);
            Some((region?, value.origin))
        });
        // What is said of this run counts more than the file, which is about every run.
        let is_of_file = |value: &InputText| matches!(value.origin, Origin::File { .. });
        let is_local_in_file = raw.text("local", problems).as_ref().is_some_and(is_of_file);
        let is_said = |value: &InputText| !is_of_file(value);
        let endpoint = raw.text("endpoint-url", problems);
        let has_registry = [&named_registry, &endpoint].into_iter().flatten().any(is_said);
        if raw.flag("local", problems) && !(is_local_in_file && has_registry) {
            let said_registry = named_registry.filter(|value| is_local_in_file || !is_of_file(value));
            // The names that such a run prints say where the embedded ECR listened.
            let host = |value: &InputText| RegistryHost::parse_any(&value.text).ok();
            let named = said_registry.as_ref().and_then(host);
            let named = named.filter(RegistryHost::is_plain_http);
            for (name, value) in [
                ("registry", said_registry.filter(|_| named.is_none())),
                ("endpoint-url", endpoint),
            ] {
                if let Some(value) = value.filter(|value| is_local_in_file || !is_of_file(value)) {
                    let hint = "leave one of the two out".to_owned();
                    let message = format!("`{name}` does not go together with `local`");
                    problems.add::<()>(&value.origin, message, hint);
                }
            }
            let named_data = raw.text("local-data", problems);
            let is_data_named = named_data.is_some();
            let data = named_data.map_or_else(
                || local_data_folder(environment),
                |value| raw.workspace(environment).join(value.text),
            );
            return Some(Self {
                destination: Destination::Local {
                    repository: repository?,
                    data,
                    is_data_named,
                    is_mutable: is_mutable(raw, problems),
                    named,
                },
                account: account.map(|(account, _)| account),
                region: region.map(|(region, _)| region),
                endpoint_url: None,
                account_of_file: None,
            });
        }
        let account_of_file = [
            named_registry.as_ref().map(|value| &value.origin),
            account.as_ref().map(|it| &it.1),
        ]
        .into_iter()
        .flatten()
        .find(|origin| !raw.trust().is_whole() && matches!(origin, Origin::File { .. }))
        .cloned();
        let registry = registry(
            raw,
            named_registry,
            account.as_ref(),
            region.as_ref(),
            endpoint_url.is_some(),
            problems,
        );
        let (mut registry, repository) = (registry?, repository?);
        let image = ImageName {
            registry: registry.clone(),
            repository: repository.clone(),
        };
        if registry.is_public_ecr() && repository != RepositoryName::all() {
            let at = raw.text("repository", problems).map(|value| value.origin);
            let at = at.unwrap_or(Origin::Inputs);
            problems.check(
                &at,
                ecr_public::check_name(&image),
                ecr_public::NAME_HINT.to_owned(),
            )?;
        }
        if registry.is_plain_http() {
            let said = region.as_ref().map(|(region, _)| region.clone());
            registry = registry.emulated_in(&said.unwrap_or_else(Region::emulated));
        }
        Some(Self {
            account: registry
                .account()
                .cloned()
                .or(account.map(|(account, _)| account)),
            region: registry.region().cloned().or(region.map(|(region, _)| region)),
            endpoint_url,
            account_of_file,
            destination: Destination::Registry(ImageName { registry, repository }),
        })
    }
}

fn repository(has_file: bool, value: Option<InputText>, problems: &mut Problems) -> Option<RepositoryName> {
    let Some(value) = value else {
        let hint = "give the ECR repository's name, such as `repository: team/app`";
        return problems.add_missing(has_file, "`repository` is missing", hint);
    };
    let result = RepositoryName::parse(&value.text);
    let hint = result.is_err().then(|| repository_hint(&value.text)).flatten();
    problems.check(&value.origin, result, hint)
}

/// Whether tags of a repository in the embedded ECR may move, if an input says so.
fn is_mutable(raw: &RawInputs, problems: &mut Problems) -> Option<bool> {
    let value = raw.text("local-mutability", problems)?;
    match value.text.as_str() {
        "immutable" => Some(false),
        "mutable" => Some(true),
        other => {
            let message = format!("`{}` is neither `immutable` nor `mutable`", cleaned(other));
            problems.add(&value.origin, message, None)
        }
    }
}

/// What the user probably meant.
fn repository_hint(text: &str) -> Option<String> {
    let (name, is_reference) = match text.split_once('/') {
        Some((host, name)) if host.contains(['.', ':']) => {
            // A password before the host is no part of it, and not repeated.
            let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
            return Some(format!(
                "give the host as `registry: {}` and the rest as `repository: {}`",
                cleaned(host),
                cleaned(strip_reference(name).0)
            ));
        }
        _ => strip_reference(text),
    };
    let lower = name.to_ascii_lowercase();
    RepositoryName::parse(&lower).ok()?;
    if is_reference {
        Some(format!(
            "write `{lower}`; tags are given with `tags` and `version`"
        ))
    } else {
        Some(format!("write `{lower}`"))
    }
}

/// The text before a tag or digest, and whether there was one.
fn strip_reference(text: &str) -> (&str, bool) {
    text.split_once(['@', ':'])
        .map_or((text, false), |(name, _)| (name, true))
}

fn registry(
    raw: &RawInputs,
    value: Option<InputText>,
    account: Option<&(AccountId, Origin)>,
    region: Option<&(Region, Origin)>,
    has_endpoint: bool,
    problems: &mut Problems,
) -> Option<RegistryHost> {
    let Some(value) = value else {
        return match (account, region) {
            (Some((account, _)), Some((region, _))) => Some(RegistryHost::of(account, region)),
            // What was given could not be read, which is noted already.
            _ if raw.text("account-id", problems).is_some() == account.is_some()
                && raw.text("aws-region", problems).is_some() == region.is_some() =>
            {
                let hint = "give `registry`, or `account-id` and `aws-region`, or `local: true`";
                problems.add_missing(raw.has_file(), "no registry is set", hint)
            }
            _ => None,
        };
    };
    let result = RegistryHost::parse_destination(&value.text);
    let hint = result.is_err().then(|| registry_hint(&value.text)).flatten();
    let host = problems.check(&value.origin, result, hint)?;
    if host.is_public_ecr() {
        return ecr_public::registry(raw, host, &value, region, problems);
    }
    if let (Some(of_host), Some((account, origin))) = (host.account(), account)
        && of_host != account
    {
        return problems.add(
            origin,
            format!("account {account} is not the account of registry `{host}`"),
            "leave `account-id` out".to_owned(),
        );
    }
    // A well-known variable is about the machine, not about this image; it does not contradict the host.
    if let (Some(of_host), Some((region, origin))) = (host.region(), region)
        && of_host != region
        && !matches!(origin, Origin::Variable(name) if !name.starts_with("TAGSHIP_"))
    {
        return problems.add(
            origin,
            format!("region `{region}` is not the region of registry `{host}`"),
            "leave `aws-region` out".to_owned(),
        );
    }
    if host.account().is_none() && !raw.trust().is_whole() && matches!(value.origin, Origin::File { .. }) {
        return problems.add(
            &value.origin,
            format!("registry `{host}` is none of ECR's, and counts only when the workflow says so"),
            "give it as an input of the step".to_owned(),
        );
    }
    if host.account().is_none() && !has_endpoint {
        return problems.add(
            &value.origin,
            format!("registry `{host}` is not one of ECR's, and no `endpoint-url` is set"),
            "give `endpoint-url` too, or use `local: true`".to_owned(),
        );
    }
    Some(host)
}

fn registry_hint(text: &str) -> Option<String> {
    let host = text
        .trim_start_matches("https://")
        .trim_start_matches("http://")
        .split('/')
        .next()?;
    let host = RegistryHost::parse_destination(host).ok()?;
    Some(format!("write `{host}`"))
}

pub(super) fn endpoint(value: &InputText, problems: &mut Problems) -> Option<Url> {
    let refuse = |problems: &mut Problems, message: &str, hint: &str| {
        problems.add(&value.origin, message, hint.to_owned())
    };
    let Ok(url) = Url::parse(&value.text) else {
        return refuse(problems, "is not a URL", "write it like `http://127.0.0.1:5510`");
    };
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return refuse(
            problems,
            "is not an `http` or `https` URL",
            "write it like `http://127.0.0.1:5510`",
        );
    }
    if !url.username().is_empty() || url.password().is_some() {
        return refuse(
            problems,
            "has a user or password in it",
            "leave them out; requests are signed with AWS credentials",
        );
    }
    if url.query().is_some() || url.fragment().is_some() {
        return refuse(problems, "has a query or fragment", "leave them out");
    }
    Some(url)
}
