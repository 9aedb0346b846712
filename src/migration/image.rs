//! Where images go, from their names in a workflow.

use std::collections::BTreeMap;

use super::expression::{Folded, inside, output_of};
use tagship_domain::reference::{AccountId, Region, RegistryHost};

/// An image's name in a workflow: `host/path`, and a tag if there is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) host: String,
    pub(super) repository: String,
    pub(super) tag: Option<String>,
}

/// Whose registry a name is in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Registry {
    /// A private one of ECR, by its host.
    Ecr(RegistryHost),
    /// The one that amazon-ecr-login logged in to.
    OfLogin,
    /// What an expression says.
    Expression(String),
    /// None of ECR's.
    Other,
}

impl Named {
    /// Takes a name apart; `None` where it has no host.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let folded = Folded::new(text.trim());
        let (host, path) = folded.text.split_once('/')?;
        let (path, tag) = match path.rsplit_once(':') {
            Some((path, tag)) if !tag.contains('/') => (path, Some(folded.unfolded(tag))),
            _ => (path, None),
        };
        Some(Self {
            host: folded.unfolded(host),
            repository: folded.unfolded(path),
            tag,
        })
    }

    /// Returns whose registry it is. `logins` are the ids of steps of amazon-ecr-login.
    pub(super) fn registry(&self, logins: &[&str], variables: &BTreeMap<String, String>) -> Registry {
        let host = resolved(&self.host, variables);
        if let Ok(host) = RegistryHost::parse(&host)
            && host.account().is_some()
        {
            return Registry::Ecr(host);
        }
        match inside(&host) {
            Some(expression)
                if output_of(expression).is_some_and(|(step, output)| {
                    output == "registry" && logins.contains(&step.as_str())
                }) =>
            {
                Registry::OfLogin
            }
            Some(_) => Registry::Expression(host),
            None if host.contains("${{") && host.contains(".dkr.ecr.") => Registry::Expression(host),
            None => Registry::Other,
        }
    }
}

/// The text with the workflow's own variables filled in, where their values are fixed.
pub(super) fn resolved(text: &str, variables: &BTreeMap<String, String>) -> String {
    let folded = Folded::new(text);
    folded
        .text
        .chars()
        .map(|character| {
            let piece = folded.unfolded(&character.to_string());
            let value = inside(&piece)
                .and_then(|expression| variables.get(expression.strip_prefix("env.")?))
                .filter(|value| !value.contains("${{"));
            value.cloned().unwrap_or(piece)
        })
        .collect()
}

/// The registry that amazon-ecr-login logs in to, as inputs: what is fixed as a host, the rest as account and region.
pub(super) fn registry_of_login(
    role: Option<&str>,
    registries: Option<&str>,
    region: Option<&str>,
) -> Option<Vec<(&'static str, String)>> {
    let of_role = role
        .and_then(|role| role.split(':').nth(4))
        .and_then(|account| AccountId::parse(account).ok());
    let named = registries.map(str::trim).filter(|text| !text.contains(','));
    let of_login = named.and_then(|account| AccountId::parse(account).ok());
    let account = match (of_login, named) {
        (Some(account), _) => Some(account.to_string()),
        (None, Some(expression)) => Some(expression.to_owned()),
        (None, None) => of_role.map(|account| account.to_string()),
    }?;
    let host = AccountId::parse(&account)
        .ok()
        .zip(region.and_then(|region| Region::parse(region.trim()).ok()))
        .map(|(account, region)| RegistryHost::of(&account, &region));
    Some(match host {
        Some(host) => vec![("registry", host.to_string())],
        None => vec![("account-id", account)],
    })
}

/// Whether an output of `docker/build-push-action` is an image that is pushed.
///
/// Source: docker CLI reference, `docker buildx build --output`.
pub(super) fn is_pushed_image(line: &str) -> bool {
    let has = |wanted: &str| attributes(line).any(|one| one == wanted);
    !line.trim().contains('\n') && (has("type=registry") || (has("type=image") && has("push=true")))
}

/// Whether it is pushed without a tag.
pub(super) fn is_by_digest(line: &str) -> bool {
    attributes(line).any(|one| one == "push-by-digest=true")
}

/// The image's name, where the output says it.
pub(super) fn name_of_output(line: &str) -> Option<&str> {
    attributes(line).find_map(|one| one.strip_prefix("name="))
}

fn attributes(line: &str) -> impl Iterator<Item = &str> {
    line.trim().split(',').map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_cut_outside_of_expressions() {
        let named = |text: &str| {
            let named = Named::parse(text).unwrap();
            (named.host, named.repository, named.tag)
        };
        assert_eq!(
            named("${{ steps.l.outputs.registry }}/a/b:${{ env.T || 'x:y/z' }}"),
            (
                "${{ steps.l.outputs.registry }}".to_owned(),
                "a/b".to_owned(),
                Some("${{ env.T || 'x:y/z' }}".to_owned())
            )
        );
        assert_eq!(
            named("localhost:5000/app"),
            ("localhost:5000".to_owned(), "app".to_owned(), None)
        );
        assert_eq!(Named::parse("app"), None);
    }

    #[test]
    fn an_image_that_is_pushed_is_known_by_its_attributes() {
        let by_digest = "type=image,push-by-digest=true,name-canonical=true,push=true";
        assert!(is_pushed_image(by_digest) && is_by_digest(by_digest));
        assert!(is_pushed_image(" type=registry "));
        assert_eq!(
            name_of_output("type=image,name=a.example/b,push=true"),
            Some("a.example/b")
        );
        for other in [
            "type=image",
            "type=local,dest=out",
            "type=image,push=true\ntype=tar,dest=x",
            "",
        ] {
            assert!(!is_pushed_image(other), "{other}");
        }
    }
}
