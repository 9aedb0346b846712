//! `tagship doctor`: everything that a run needs, looked at in the order in which it needs it. Nothing is written.

mod disk;
mod examination;
mod forge;
mod permissions;
mod reachability;
mod scanning;

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use self::examination::Examination;
use super::connection::{RegistryConnection, runner_at};
use super::context::RunContext;
use super::git_context::fetched;
use super::target::Target;
use super::{Outcome, RunError};
use crate::engine::{EngineBuilder, Spread};
use crate::ports::{Builder as _, EngineSummary, ImageStore, Reporter};
use crate::report::{ExaminationFailed, examination_text};
use crate::settings::Settings;
use tagship_domain::content::Platform;
use tagship_domain::doctor::{Check, CheckState, Subject};
use tagship_domain::error::{Diagnose, FailureKind, cleaned};
use tagship_domain::plan::{PlannedTag, TagAction};

/// The longest that one question to the registry or to GitHub takes.
const PATIENCE: Duration = Duration::from_secs(10);

/// A problem of the inputs, and what to do about it.
pub(crate) type InputProblem = (String, Option<String>);

/// Looks at everything that a run needs. Settings come with what is given, and by what; beside problems they are without the
/// inputs that have them.
pub async fn doctor(
    settings: Option<&(Settings, Vec<String>)>,
    problems: &[InputProblem],
    reporter: Arc<dyn Reporter>,
) -> Outcome {
    let mut found = Examination::default();
    for (message, hint) in problems {
        found.checks.push(Check {
            subject: Subject::Inputs,
            state: CheckState::Fail,
            reason: cleaned(message),
            cure: hint.clone(),
            kind: Some(FailureKind::Usage),
        });
    }
    if let Some((settings, given)) = settings {
        if problems.is_empty() {
            let reason = match given.as_slice() {
                [] => "none is given, but for defaults".to_owned(),
                given => format!("all can be used: {}", given.join("; ")),
            };
            found.add(Subject::Inputs, CheckState::Ok, reason);
        } else {
            found.add(
                Subject::Inputs,
                CheckState::Unknown,
                "what follows is without those that cannot be used",
            );
        }
        Box::pin(examine(settings, reporter, &mut found)).await;
    } else {
        let all = [
            Subject::Checkout,
            Subject::Engine,
            Subject::Disk,
            Subject::Registry,
            Subject::Credentials,
            Subject::Permissions,
            Subject::Repository,
        ];
        found.skip(&all, "the inputs cannot be used");
    }
    let checks = found.checks;
    Outcome {
        text: examination_text(&checks),
        json: serde_json::json!({ "checks": checks }),
        failure: ExaminationFailed::of(&checks).map(|failed| Arc::new(failed) as Arc<dyn Diagnose>),
        ..Outcome::default()
    }
}

async fn examine(settings: &Settings, reporter: Arc<dyn Reporter>, found: &mut Examination) {
    disk::examine(settings, found);
    let (fetched, failure) = match fetched(settings, &reporter).await {
        Ok(fetched) => (fetched, None),
        Err(error) => (Cow::Borrowed(settings), Some(error)),
    };
    let settings = &*fetched;
    let read = match failure {
        Some(error) => Err(error),
        None => RunContext::read(settings, &[], Arc::clone(&reporter)).await,
    };
    let context = match read {
        Ok(context) => {
            if let Some(mismatch) = context.mismatch() {
                found.warn(Subject::Checkout, mismatch);
            } else {
                let request = context.build_request();
                let reason = format!("the commit can be built from `{}`", request.shown_dockerfile());
                found.add(Subject::Checkout, CheckState::Ok, cleaned(&reason));
            }
            Some(context)
        }
        Err(error) => {
            found.fail(Subject::Checkout, &error);
            None
        }
    };
    let target = match &context {
        Some(_) => None,
        // What is wrong with the checkout hides nothing of the registry.
        None => Target::of(&settings.destination, &settings.identity).await.ok(),
    };
    let opened = match (&context, &target) {
        (Some(context), _) => context.connect().await,
        (None, Some(target)) => RegistryConnection::open(target, Arc::clone(&reporter)).await,
        (None, None) => {
            let rest = [Subject::Engine, Subject::Registry, Subject::Credentials];
            found.skip(&rest, "where the image goes is not known");
            return;
        }
    };
    match opened {
        Ok(connection) => {
            engine(settings, context.as_ref(), &connection, &reporter, found).await;
            let image = context
                .as_ref()
                .map(|context| context.image().clone())
                .or_else(|| target.as_ref().map(|target| target.image.clone()));
            let has_credentials = match image {
                Some(image) => {
                    reachability::examine(&connection, &image.registry, found).await;
                    let has_credentials = permissions::examine(settings, &connection, &image, found).await;
                    if has_credentials {
                        scanning::examine(settings.gate.as_ref(), &connection, found).await;
                    }
                    has_credentials
                }
                None => false,
            };
            match &context {
                _ if !has_credentials => {
                    let rest = [Subject::Permissions, Subject::Repository];
                    found.skip(&rest, "there are no credentials to ask with");
                }
                Some(context) => repository(context, &connection, found).await,
                None => found.skip(&[Subject::Repository], "the checkout says no tags"),
            }
        }
        Err(error) => {
            found.fail(Subject::Credentials, &error);
            let rest = [Subject::Engine, Subject::Permissions, Subject::Repository];
            found.skip(&rest, "there is no way to credentials");
        }
    }
    let place = context.as_ref().and_then(RunContext::place);
    forge::examine(settings, place, found).await;
    if let Some(context) = context {
        context.close().await;
    }
    if let Some(target) = target {
        target.close().await;
    }
}

async fn engine(
    settings: &Settings,
    context: Option<&RunContext<'_>>,
    connection: &RegistryConnection,
    reporter: &Arc<dyn Reporter>,
    found: &mut Examination,
) {
    let Some(context) = context else {
        return found.skip(&[Subject::Engine], "what to build is not known");
    };
    let logins = connection.logins(settings);
    let builder = Spread::new(&settings.build.builders, reporter, |place, reporter| {
        let image = context.image().clone();
        let (logins, name) = (Arc::clone(&logins), image.to_string());
        let runner = runner_at(place, settings, logins, Arc::clone(&reporter), name);
        EngineBuilder::new(runner, connection.login(), image, reporter)
    });
    match builder.check(&context.build_request()).await {
        Ok(engine) => {
            let each = engine.builders.iter().map(|builder| {
                let platforms: Vec<String> = builder.platforms.iter().map(ToString::to_string).collect();
                let what = engine_name(&builder.version, builder.store);
                format!("{} builds {}: {what}", builder.name, platforms.join(", "))
            });
            let each: Vec<String> = each.collect();
            let reason = if each.is_empty() {
                format!(
                    "{}, {}",
                    engine_name(&engine.version, engine.store),
                    engine.platform
                )
            } else {
                each.join("; ")
            };
            found.add(Subject::Engine, CheckState::Ok, cleaned(&reason));
            foreign(&context.build_request().platforms, &engine, found);
        }
        Err(error) => found.fail(Subject::Engine, &error),
    }
}

/// Warns of platforms whose programs the engine's machine does not run itself. What several builders have is their own matter.
fn foreign(platforms: &[Platform], engine: &EngineSummary, found: &mut Examination) {
    let Some(own) = Platform::parse(&engine.platform)
        .ok()
        .filter(|_| engine.builders.is_empty())
    else {
        return;
    };
    let foreign: Vec<&Platform> = platforms.iter().filter(|wanted| !own.runs(wanted)).collect();
    if foreign.is_empty() {
        return;
    }
    let names: Vec<String> = foreign.iter().map(ToString::to_string).collect();
    let architectures: Vec<&str> = foreign.iter().map(|one| one.architecture.as_str()).collect();
    found.checks.push(Check {
        subject: Subject::Engine,
        state: CheckState::Warn,
        reason: format!(
            "programs of {} are emulated on {own}, if an emulator is installed: `RUN` steps take many times as long",
            names.join(", ")
        ),
        cure: Some(format!(
            "name a machine of the platform in `builders`, or install emulators: `docker run --privileged --rm tonistiigi/binfmt --install {}`",
            architectures.join(",")
        )),
        kind: None,
    });
}

fn engine_name(version: &str, store: ImageStore) -> String {
    match store {
        ImageStore::None => format!("BuildKit {version}"),
        ImageStore::Classic | ImageStore::Containerd => format!("Docker Engine {version} with the {store}"),
    }
}

/// The repository's setting, and what a run would do to each tag.
async fn repository(context: &RunContext<'_>, connection: &RegistryConnection, found: &mut Examination) {
    let planned = async {
        let scope = context.scope(connection).await?;
        let put = context.repository_to_put(connection).await?;
        let facts = context.facts(connection, &scope, put.as_ref()).await?;
        context.plan(scope, Ok(&facts)).await
    };
    let plan = match planned.await {
        Ok(plan) => plan,
        Err(error) => return found.fail(Subject::Repository, &error),
    };
    if let Some(conflicts) = plan.conflicts() {
        let error: RunError = conflicts.into();
        return found.fail(Subject::Repository, &error);
    }
    let held = plan
        .holds()
        .map(|(tag, reason)| (format!("tag `{tag}` is held: {reason}"), reason.hint()));
    let notes = plan.notes.iter().map(|note| (note.to_string(), None));
    let warnings: Vec<_> = held.chain(notes).collect();
    if warnings.is_empty() {
        let new = |tag: &&PlannedTag| matches!(tag.action, TagAction::Create | TagAction::Move { .. });
        let reason = format!(
            "{} of {} tags would be put",
            plan.tags.iter().filter(new).count(),
            plan.tags.len()
        );
        found.add(Subject::Repository, CheckState::Ok, reason);
    }
    for (reason, hint) in warnings {
        found.checks.push(Check {
            subject: Subject::Repository,
            state: CheckState::Warn,
            reason: cleaned(&reason),
            cure: hint.map(str::to_owned),
            kind: None,
        });
    }
}
