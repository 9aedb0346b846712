//! The images of `tagship.yaml`, for the question which of them a commit touches.

use super::problem::Problems;
use super::{
    Environment, Origin, RawArguments, RawInputs, SettingsError, job_event, naming, paths, workspace,
};
use crate::settings::{ChangedSettings, ImageSettings};
use tagship_domain::event::Base;
use tagship_domain::matrix::Row;

/// What `changed` needs to know; `None` when no list is asked for.
pub fn changed(
    arguments: &RawArguments,
    environment: &Environment,
    notes: &mut Vec<String>,
) -> Result<Option<ChangedSettings>, SettingsError> {
    let (raw, _) = RawInputs::of_images(arguments.clone(), environment);
    if raw.flag("all", &mut Problems::new(Vec::new())) {
        return Ok(None);
    }
    settings(arguments, environment, notes)
}

/// The same where several images are published.
pub(super) fn settings(
    arguments: &RawArguments,
    environment: &Environment,
    notes: &mut Vec<String>,
) -> Result<Option<ChangedSettings>, SettingsError> {
    let (mut raw, images) = RawInputs::of_images(arguments.clone(), environment);
    let mut problems = Problems::new(raw.take_problems());
    let since = raw.text("since", &mut problems);
    if !raw.flag("changed", &mut problems) {
        // All other problems are those of a run.
        let Some(since) = since else { return Ok(None) };
        let mut problems = Problems::new(Vec::new());
        problems.add::<()>(&since.origin, "goes together with `changed` alone", None);
        return problems.finish().map(|()| None);
    }
    if images.is_empty() {
        let hint = "name them under the key `images`".to_owned();
        problems.add::<()>(&Origin::Inputs, "no file holds several images", hint);
    }
    let images = images
        .into_iter()
        .filter_map(|(name, raw)| image(name, &raw, environment, &mut problems))
        .collect();
    let event = job_event(environment, false, notes);
    problems.finish()?;
    Ok(Some(ChangedSettings {
        images,
        base: Base::of(since.map(|since| since.text), event.as_ref()),
        pushed_tag: event.and_then(|event| event.git_ref.tag().map(str::to_owned)),
        workspace: workspace(raw.face(), environment),
        config: raw.config_path(environment),
    }))
}

/// What `ship` would make the image from. Nothing has to exist: it may be what the commit takes away.
fn image(
    name: String,
    raw: &RawInputs,
    environment: &Environment,
    problems: &mut Problems,
) -> Option<ImageSettings> {
    let paths = paths::Paths::new(raw.face(), environment);
    let context = raw.text("context", problems)?.text;
    let file = raw.text("file", problems).map(|file| file.text);
    let context_folder = paths.resolve(&context);
    let dockerfile = file
        .as_ref()
        .map_or_else(|| context_folder.join("Dockerfile"), |file| paths.resolve(file));
    let mut ignored = dockerfile.clone().into_os_string();
    ignored.push(".dockerignore");
    let mut text = |name| raw.text(name, problems).map(|value| value.text);
    Some(ImageSettings {
        row: Row {
            name,
            context,
            file,
            repository: text("repository"),
            tag_prefix: text("tag-prefix"),
        },
        tag_prefix: naming::tag_prefix(raw, problems),
        paths: naming::made_from(raw, problems),
        places: vec![context_folder, dockerfile, ignored.into()],
    })
}
