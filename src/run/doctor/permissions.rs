//! What the role may do, of all that the settings need.

use super::examination::Examination;
use crate::aws::{IdentityError, claims_of};
use crate::run::connection::RegistryConnection;
use crate::settings::{MissingRepository, Settings};
use tagship_domain::doctor::{CheckState, Probed, Subject, permissions_check};
use tagship_domain::error::cleaned;
use tagship_domain::findings::ScanMode;
use tagship_domain::iam::{Scope, Target as Resource, needed};
use tagship_domain::reference::{AccountId, ImageName};
use tagship_domain::repositories::RegistryKind;
use tagship_domain::setup::SettingsInUse;
use tagship_domain::signing::Signer;

/// What the role may do; gives whether there are credentials at all.
pub(super) async fn examine(
    settings: &Settings,
    connection: &RegistryConnection,
    image: &ImageName,
    found: &mut Examination,
) -> bool {
    let login = connection.login().credential(&image.registry).await;
    let login = match login {
        Ok(_) => {
            let reason = match &settings.identity.role {
                Some(role) => {
                    let claims = claims_of(&settings.identity).await;
                    let token = claims.map_or_else(String::new, |claims| {
                        let (subject, audience) = (cleaned(&claims.subject), cleaned(&claims.audience));
                        format!(", to a token of `{subject}` for `{audience}`")
                    });
                    format!(
                        "role `{}` gives a password for the registry{token}",
                        cleaned(role)
                    )
                }
                None => "the AWS credential chain gives a password for the registry".to_owned(),
            };
            found.add(Subject::Credentials, CheckState::Ok, reason);
            Probed::Allowed
        }
        Err(error) => {
            found.fail(Subject::Credentials, &error);
            let cause = error.cause().downcast_ref::<IdentityError>();
            if !matches!(cause, Some(IdentityError::NotPermitted { .. })) {
                return false;
            }
            Probed::Denied
        }
    };
    if image.registry.is_public_ecr() {
        found.skip(
            &[Subject::Permissions],
            "ECR Public says what a role may not do only when it is done",
        );
        return true;
    }
    // A template would make the repository for what only seems to push.
    let is_missing = connection.is_missing().await;
    let mut probed = Vec::new();
    for permission in needed(in_use(settings).permissions()) {
        let answer = match permission.scope {
            Scope::Everything if permission.action == "ecr:GetAuthorizationToken" => login.clone(),
            Scope::Repository if is_missing => Probed::Unknown {
                reason: "the repository does not exist".to_owned(),
            },
            Scope::Everything
            | Scope::Scanning
            | Scope::Registry
            | Scope::Profiles
            | Scope::Topics
            | Scope::Buses
            | Scope::Caches
            | Scope::Repository => connection.probe(permission.action).await,
        };
        probed.push((permission, answer));
    }
    let account = image.registry.account().cloned().or_else(|| account_of(settings));
    let region = image
        .registry
        .region()
        .cloned()
        .or_else(|| settings.identity.region.clone());
    let resource = account.zip(region).map(|(account, region)| Resource {
        account,
        region,
        repository: image.repository.clone(),
        kind: RegistryKind::Private,
    });
    found.checks.push(permissions_check(&probed, resource.as_ref()));
    true
}

/// What the settings switch on, as far as the role needs more for it.
fn in_use(settings: &Settings) -> SettingsInUse {
    let scan = settings.gate.as_ref().map(|gate| gate.scan);
    let signer = settings.sign.as_ref().map(|sign| sign.signer);
    let by_template = matches!(settings.create_repository, Some(MissingRepository::ByTemplate));
    let uses = [
        (scan == Some(ScanMode::Start), "scan"),
        (scan == Some(ScanMode::Wait), "scan-wait"),
        (signer == Some(Signer::Managed), "sign-managed"),
        (signer.is_some_and(|signer| signer != Signer::Managed), "sign"),
        (settings.build.from_cache, "from-cache"),
        (settings.waits_for_replication, "wait-for-replication"),
        (settings.makes_repository(), "create-repository"),
        (by_template, "create-by-template"),
    ];
    let is_used = |(is_used, command): (bool, &'static str)| is_used.then_some(command);
    SettingsInUse {
        commands: uses.into_iter().filter_map(is_used).collect(),
        ..SettingsInUse::default()
    }
}

/// The account of the role.
fn account_of(settings: &Settings) -> Option<AccountId> {
    let account = settings.identity.role.as_ref()?.split(':').nth(4)?.to_owned();
    AccountId::parse(&account).ok()
}
