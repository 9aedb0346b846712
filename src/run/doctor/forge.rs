//! What a run needs of GitHub: a description for labels, and the right to release.

use super::PATIENCE;
use super::examination::Examination;
use crate::github::GithubForge;
use crate::ports::{ReadForge as _, ReleasePlace};
use crate::run::RunError;
use crate::settings::Settings;
use tagship_domain::doctor::{Check, CheckState, Subject};
use tagship_domain::error::{Diagnose as _, with_causes};

/// Looks at what the settings need of GitHub.
pub(super) async fn examine(settings: &Settings, place: Option<ReleasePlace<'_>>, found: &mut Examination) {
    let has_releases = place.is_some_and(|place| place.releases().is_some());
    match (settings.release.is_some(), place) {
        (false, _) => description(settings, found).await,
        (true, None) => found.fail(Subject::Github, &RunError::NoForge),
        (true, Some(_)) if starts_workflows(settings) && !has_releases => {
            found.fail(Subject::Github, &RunError::NoForgeForWorkflows);
        }
        (true, Some(place)) => release(place, found).await,
    }
}

fn starts_workflows(settings: &Settings) -> bool {
    let release = settings.release.as_ref();
    release.is_some_and(|release| !release.workflows.is_empty())
}

/// Whether git tags may be put and releases made. The right is asked for without an effect.
async fn release(place: ReleasePlace<'_>, found: &mut Examination) {
    match tokio::time::timeout(PATIENCE, place.tags().check_write()).await {
        Ok(Ok(())) => found.add(
            Subject::Github,
            CheckState::Ok,
            "the token may put git tags and make releases",
        ),
        Ok(Err(error)) => found.fail(Subject::Github, &error),
        Err(_) => found.add(Subject::Github, CheckState::Warn, "the API does not answer"),
    }
}

/// Whether GitHub's API can be asked, which labels alone need.
async fn description(settings: &Settings, found: &mut Examination) {
    let asked = async {
        match GithubForge::of(&settings.github)? {
            Some(forge) => forge.repository().await.map(Some),
            None => Ok(None),
        }
    };
    match tokio::time::timeout(PATIENCE, asked).await {
        Ok(Ok(Some(_))) => found.add(
            Subject::Github,
            CheckState::Ok,
            "the API describes the repository",
        ),
        Ok(Ok(None)) => found.add(
            Subject::Github,
            CheckState::Unknown,
            "no repository on GitHub is named, so that labels lack its description",
        ),
        Ok(Err(error)) => found.checks.push(Check {
            subject: Subject::Github,
            state: CheckState::Warn,
            reason: with_causes(&error),
            cure: error.hint().map(std::borrow::Cow::into_owned),
            kind: None,
        }),
        Err(_) => found.add(Subject::Github, CheckState::Warn, "the API does not answer"),
    }
}
