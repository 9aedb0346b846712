//! The images of `tagship.yaml` that one run publishes.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::problem::Problems;
use super::{Environment, Origin, Problem, RawArguments, RawInputs, SettingsError, changed, resolve};
use crate::settings::{ChangedSettings, ExportSettings, Settings};
use tagship_domain::deploy::DeployForm;

/// The wish to publish several images in one run.
#[derive(Debug)]
pub struct SeveralWish {
    /// How those are found that the commit touches, if these alone are meant.
    pub changed: Option<ChangedSettings>,
    /// How many are published at a time.
    pub parallel: usize,
    /// Whether no further image begins after one has failed.
    pub is_fail_fast: bool,
}

/// Reads whether several images are to be published; `None` when one is. `ship` says so by `changed` too, which
/// elsewhere asks for a list.
pub fn several_wish(
    arguments: &RawArguments,
    environment: &Environment,
    is_ship: bool,
    notes: &mut Vec<String>,
) -> Result<Option<SeveralWish>, SettingsError> {
    let (mut raw, images) = RawInputs::of_images(arguments.clone(), environment);
    let mut problems = Problems::new(raw.take_problems());
    let is_changed = raw.flag("changed", &mut problems);
    if !(raw.flag("all", &mut problems) || (is_ship && is_changed)) {
        // All other problems are those of a run.
        return Ok(None);
    }
    if let Some(only) = raw.text("only", &mut problems) {
        let hint = "leave one of the two out".to_owned();
        problems.add::<()>(
            &only.origin,
            "names one image, and `all` or `changed` several",
            hint,
        );
    }
    if let Some(since) = raw.text("since", &mut problems).filter(|_| !is_changed) {
        problems.add::<()>(&since.origin, "goes together with `changed` alone", None);
    }
    let is_offline = raw.flag("offline", &mut problems);
    if let Some(offline) = raw.text("offline", &mut problems).filter(|_| is_offline) {
        let hint = "name the image with `only`".to_owned();
        problems.add::<()>(&offline.origin, "is for the plan of one image", hint);
    }
    if images.is_empty() {
        let hint = "name them under the key `images`".to_owned();
        problems.add::<()>(&Origin::Inputs, "no file holds several images", hint);
    }
    let parallel = raw.integer("parallel", &mut problems);
    // Where nothing is written, what one image fails with hides nothing of the others.
    let is_dry = raw.flag("dry-run", &mut problems);
    let is_fail_fast = raw.flag("fail-fast", &mut problems) && !is_dry;
    problems.finish()?;
    let changed = if is_changed {
        changed::settings(arguments, environment, notes)?
    } else {
        None
    };
    Ok(Some(SeveralWish {
        changed,
        parallel: parallel
            .and_then(|parallel| usize::try_from(parallel).ok())
            .unwrap_or(1),
        is_fail_fast,
    }))
}

/// Reads the settings of the images with these names, of all when there are none; gives every problem of all of them.
pub fn several(
    arguments: &RawArguments,
    environment: &Environment,
    names: Option<&[String]>,
    notes: &mut Vec<String>,
) -> Result<Vec<(String, Settings)>, SettingsError> {
    let (_, images) = RawInputs::of_images(arguments.clone(), environment);
    let (mut settings, mut found) = (Vec::new(), Vec::<Problem>::new());
    let is_wanted = |name: &String| names.is_none_or(|names| names.contains(name));
    for (name, raw) in images.into_iter().filter(|(name, _)| is_wanted(name)) {
        match resolve(raw, environment) {
            Ok(resolved) => {
                let new = resolved.notes.into_iter().filter(|note| !notes.contains(note));
                let new: Vec<String> = new.collect();
                notes.extend(new);
                settings.push((name, resolved.settings));
            }
            Err(error) => {
                let of_image = error.problems().iter().map(|problem| Problem {
                    message: format!("image `{name}`: {}", problem.message),
                    ..problem.clone()
                });
                found.extend(of_image);
            }
        }
    }
    let mut problems = Problems::new(found);
    check(&settings, &mut problems);
    problems.finish()?;
    Ok(settings)
}

/// What cannot be when several images are published at a time.
fn check(images: &[(String, Settings)], problems: &mut Problems) {
    let mut known: BTreeMap<PathBuf, (&str, Option<&DeployForm>)> = BTreeMap::new();
    for (name, settings) in images {
        if !settings.is_published() {
            let message = format!("image `{name}` is not published, and several are only published together");
            problems.add::<()>(&Origin::Inputs, message, "leave `push` as it is".to_owned());
        }
        if settings.exports != ExportSettings::default() {
            let message =
                format!("image `{name}` exports credentials or a login, which only a run of one image does");
            let hint =
                "leave `export-credentials` and `export-docker-login` out, or name one image by `only`"
                    .to_owned();
            problems.add::<()>(&Origin::Inputs, message, hint);
        }
        let files = &settings.files;
        let of_run = [&files.digest, &files.metadata, &files.image_id]
            .into_iter()
            .flatten();
        let findings = settings
            .gate
            .iter()
            .flat_map(|gate| [&gate.sarif, &gate.asff])
            .flatten();
        let whole = of_run.chain(findings).map(|path| (path, None));
        let deployed = settings
            .deploy_files
            .iter()
            .map(|file| (&file.path, Some(&file.form)));
        for (path, form) in whole.chain(deployed) {
            let other = known.insert(path.clone(), (name.as_str(), form));
            let other =
                other.filter(|(other, of_other)| *other != name.as_str() && !is_shared(*of_other, form));
            if let Some((other, _)) = other {
                let message = format!("images `{other}` and `{name}` both write `{}`", path.display());
                let hint = "give each image a file of its own, under `images` in the file".to_owned();
                problems.add::<()>(&Origin::Inputs, message, hint);
            }
        }
    }
}

/// Whether two images may each change their part of one file: as it is then, and not as another file is that it is made from.
fn is_shared(one: Option<&DeployForm>, other: Option<&DeployForm>) -> bool {
    let changes = |form: &&DeployForm| form.changes_a_part() && form.from().is_none();
    match (one.filter(changes), other.filter(changes)) {
        (Some(one), Some(other)) => one.as_str() == other.as_str(),
        _ => false,
    }
}
