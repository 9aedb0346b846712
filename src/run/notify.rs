//! Lets others hear how a run ended.

use std::sync::Arc;

use futures_util::future::join_all;
use tagship_domain::error::{Diagnose, FailureKind};
use tagship_domain::facts::CommitId;
use tagship_domain::notice::{Notice, Receiver, ReceiverKind, RunEnd};

use super::comment::{has_comment, put_comment};
use super::release::forge;
use crate::aws::AwsNotices;
use crate::clock::SystemClock;
use crate::pipeline::Ledger;
use crate::ports::{AskForDeployment as _, Reporter, RunEvent, SendNotice, ShowCommitState as _, Warning};
use crate::report::{Report, Status};
use crate::settings::Settings;
use crate::webhooks::{JsonWebhook, SlackWebhook};

/// How a run ended.
#[derive(Debug, Clone)]
pub struct EndedRun {
    /// What went wrong, in words without secrets.
    pub failure: Option<(FailureKind, String)>,
    /// The report as JSON, without secrets.
    pub report: String,
    /// What the comment on the pull request says, without secrets.
    pub comment: Option<String>,
}

/// Comments on the pull request, and sends a notice to each receiver that wants one, all at the same time. What is not
/// taken is a warning: the run has ended, and stays what it is. A dry run has no receivers.
pub async fn notify(settings: &Settings, ended: EndedRun, ledger: &Ledger, reporter: &Arc<dyn Reporter>) {
    put_comment(settings, ended.comment.as_deref(), ledger, &**reporter).await;
    let report = ledger.report();
    let end = end(report.status, ended.failure.as_ref().map(|(kind, _)| *kind));
    let Some(end) = end.filter(|_| has_notices(settings)) else {
        return;
    };
    let notice = notice(settings, end, ended, report);
    let wants = |receiver: &&Receiver| match receiver.kind {
        ReceiverKind::CommitStatus => true,
        // What is not published, or may never be merged, is not to be deployed.
        ReceiverKind::Deployment => end == RunEnd::Success && !is_about_pull_request(settings),
        ReceiverKind::Slack | ReceiverKind::Webhook | ReceiverKind::Sns | ReceiverKind::EventBridge => {
            settings.notify.on.contains(&end)
        }
    };
    let receivers = settings.notify.receivers.iter().filter(wants);
    let sent = receivers
        .map(|receiver| async { (receiver.kind, send(settings, receiver, &notice, reporter).await) });
    for (kind, result) in join_all(sent).await {
        if let Err(problem) = result {
            let message = format!("`notify`: `{kind}` has no notice of this run: {problem}");
            let (file, line) = (None, None);
            reporter.event(RunEvent::Warning(&Warning { message, file, line }));
        }
    }
}

/// Warns of what a run is to send to GitHub and cannot: there is no token, or the repository is not known. It is no
/// reason to fail, and better known before the build than after it.
pub(super) fn warn_of_github(settings: &Settings, web: Option<&str>, reporter: &dyn Reporter) {
    let is_known = |web| !matches!(forge(&settings.github, web), Ok(None));
    if settings.offline || is_known(None) {
        return;
    }
    let notices = settings.notify.receivers.iter().map(|receiver| receiver.kind);
    let notices = notices.filter(|kind| kind.is_on_github() && settings.is_published());
    let notices = notices.map(|kind| format!("`notify`: `{kind}`"));
    let comment = settings.notify.comment.filter(|_| !settings.identity.from_fork);
    let comment = comment.map(|_| "`pr-comment`".to_owned());
    let has_findings = settings.gate.as_ref().is_some_and(|gate| gate.upload);
    let findings = (has_findings && !is_known(web)).then(|| "`upload-sarif`".to_owned());
    for wanted in notices.chain(comment).chain(findings) {
        let message = format!(
            "{wanted} needs a token for GitHub and the name of a repository there, and comes to nothing: set `TAGSHIP_GITHUB_TOKEN` and `GITHUB_REPOSITORY`"
        );
        let (file, line) = (None, None);
        reporter.event(RunEvent::Warning(&Warning { message, file, line }));
    }
}

/// Whether anything is sent by a run with these settings.
pub fn has_receivers(settings: &Settings) -> bool {
    has_notices(settings) || has_comment(settings)
}

fn has_notices(settings: &Settings) -> bool {
    let is_dry = settings.dry_run || settings.offline || !settings.is_published();
    !is_dry && !settings.notify.receivers.is_empty()
}

/// The end that others hear of, if it is one for them: not a cancelled run, which its user ended, and not a part of an
/// image.
fn end(status: Status, failure: Option<FailureKind>) -> Option<RunEnd> {
    match (failure, status) {
        (Some(FailureKind::ScanGate), _) => Some(RunEnd::Gate),
        (Some(failure), _) if failure != FailureKind::Cancelled => Some(RunEnd::Failure),
        (None, Status::Published) => Some(RunEnd::Success),
        (None, Status::AlreadyPublished) => Some(RunEnd::Unchanged),
        (Some(_), _) | (None, Status::Pushed | Status::Built | Status::DryRun | Status::Failed) => None,
    }
}

fn notice(settings: &Settings, end: RunEnd, ended: EndedRun, report: Report) -> Notice {
    let has_failed = ended.failure.is_some();
    let name = report.principal_tag().cloned();
    let tags = report.own_tags().map(|tag| tag.tag.clone()).collect();
    Notice {
        end,
        // A run that failed may have put some of them; its message names the image alone.
        name: name.filter(|_| !has_failed),
        tags: if has_failed { Vec::new() } else { tags },
        digest: report.digest,
        commit: report.revision.map(|revision| revision.commit),
        image: report.image,
        error: ended.failure.map(|(_, message)| message),
        page: settings.notify.page.clone(),
        report: ended.report,
    }
}

/// Sends one notice; gives what went wrong, with what to do.
async fn send(
    settings: &Settings,
    receiver: &Receiver,
    notice: &Notice,
    reporter: &Arc<dyn Reporter>,
) -> Result<(), String> {
    let webhook: Box<dyn SendNotice> = match (receiver.kind, &receiver.url) {
        (ReceiverKind::CommitStatus, _) => return show_state(settings, notice).await,
        (ReceiverKind::Deployment, _) => {
            let environment = receiver.environment.as_deref().unwrap_or_default();
            return ask_for_deployment(settings, environment, notice).await;
        }
        (ReceiverKind::Slack, Some(url)) => Box::new(SlackWebhook::new(url.clone())),
        (ReceiverKind::Webhook, Some(url)) => {
            let key = settings.notify.key.clone();
            Box::new(JsonWebhook::new(url.clone(), key, Arc::new(SystemClock)))
        }
        (ReceiverKind::Slack | ReceiverKind::Webhook, None) => return Err("it has no URL".to_owned()),
        (ReceiverKind::Sns | ReceiverKind::EventBridge, _) => {
            return tell_aws(settings, receiver, notice, reporter).await;
        }
    };
    webhook.send(notice).await.map_err(|error| worded(&error))
}

/// Sends a notice to a topic or bus, with the run's own identity.
async fn tell_aws(
    settings: &Settings,
    receiver: &Receiver,
    notice: &Notice,
    reporter: &Arc<dyn Reporter>,
) -> Result<(), String> {
    let (Some(resource), Some(image)) = (&receiver.resource, &notice.image) else {
        return Err("the run does not know its registry".to_owned());
    };
    let (clock, reporter) = (Arc::new(SystemClock), Arc::clone(reporter));
    let aws = AwsNotices::open(&settings.identity, &image.registry, clock, reporter).await;
    let aws = aws.map_err(|error| worded(&error))?;
    let sent = aws.to(receiver.kind, resource).send(notice).await;
    sent.map_err(|error| worded(&error))
}

/// Gives the commit a status: a pull request's own last commit, where its merge was built.
async fn show_state(settings: &Settings, notice: &Notice) -> Result<(), String> {
    let event = settings.event.as_ref();
    let of_event = |which: fn(&tagship_domain::event::Event) -> Option<&CommitId>| event.and_then(which);
    let commit = of_event(|event| event.pull_request_head.as_ref())
        .or(notice.commit.as_ref())
        .or_else(|| of_event(|event| event.commit.as_ref()));
    let forge = forge(&settings.github, None).map_err(|error| worded(&error))?;
    let (Some(forge), Some(commit)) = (forge, commit) else {
        return Err("there is no token for GitHub, or the repository or the commit is not known".to_owned());
    };
    let shown = forge.show_state(commit, &notice.commit_state()).await;
    shown.map_err(|error| worded(&error))
}

fn is_about_pull_request(settings: &Settings) -> bool {
    let event = settings.event.as_ref();
    event.is_some_and(|event| event.git_ref.is_pull_request())
}

/// Asks for a deployment of what was published.
async fn ask_for_deployment(settings: &Settings, environment: &str, notice: &Notice) -> Result<(), String> {
    let forge = forge(&settings.github, None).map_err(|error| worded(&error))?;
    let (Some(forge), Some(deployment)) = (forge, notice.deployment(environment)) else {
        return Err("there is no token for GitHub, or the repository or the commit is not known".to_owned());
    };
    let asked = forge.ask_for_deployment(&deployment).await;
    asked.map_err(|error| worded(&error))
}

fn worded(error: &dyn Diagnose) -> String {
    let hint = error.hint().map(|hint| format!("; {hint}")).unwrap_or_default();
    format!("{error}{hint}")
}
