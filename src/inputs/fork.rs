//! A job that gets no credentials because its pull request is from a fork: the checks that need none are made.

use super::ResolvedSettings;
use crate::settings::{CacheWish, Destination, Publishing, Settings};

/// What a run says that publishes nothing because of that.
const NOTE: &str = "this pull request is from a fork, whose jobs get no credentials: the image is built to see that it builds, and is \
                    neither published, tested, scanned nor signed";

/// The settings of a run, which builds alone where the job cannot have credentials.
pub(super) fn checked(mut resolved: ResolvedSettings) -> ResolvedSettings {
    let note = check_only(&mut resolved.settings);
    resolved.notes.extend(note);
    resolved
}

/// Makes a run that was to publish one that builds alone, where the job cannot have credentials; gives what to say of it.
///
/// GitHub gives such a job no OIDC token, so that the role cannot be assumed. What comes of parts that other jobs pushed
/// stays an error: there are no such parts.
fn check_only(settings: &mut Settings) -> Option<String> {
    let identity = &settings.identity;
    let has_own = identity.access_key.is_some() || identity.chains_roles || identity.uses_existing;
    let lacks_credentials =
        identity.from_fork && identity.role.is_some() && identity.oidc.is_none() && !has_own;
    if !lacks_credentials || settings.offline || matches!(settings.publishing, Publishing::Merge(_)) {
        return None;
    }
    let Destination::Registry(image) = &settings.destination else {
        return None;
    };
    settings.destination = Destination::Nowhere {
        name: Some(image.repository.clone()),
        image: Some(image.clone()),
    };
    // It needs the login that there is not.
    if matches!(settings.build.cache, CacheWish::Registry { .. }) {
        settings.build.cache = CacheWish::None;
    }
    settings.build.from_cache = false;
    settings.publishing = Publishing::Whole;
    settings.targets.clear();
    settings.deploy_files.clear();
    settings.create_repository = None;
    settings.release = None;
    settings.gate = None;
    settings.sign = None;
    Some(NOTE.to_owned())
}
