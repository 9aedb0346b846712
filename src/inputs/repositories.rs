//! The registry that a command is about, and what `tagship.yaml` declares of its repositories.

use std::path::{Path, PathBuf};

use super::destination::ResolvedDestination;
use super::paths::Paths;
use super::problem::Problems;
use super::trust::Trust;
use super::{Environment, Origin, RawArguments, RawInputs, SettingsError, further_targets, identity};
use crate::config::{
    CatalogPart, ConfigProblem, ConfigSettings, FileReference, lifecycle_of_file, policy_of_file,
    registry_policy_of_file,
};
use crate::regular_file;
use crate::settings::{IdentitySettings, RegistrySettings, RepositoryPlace, RepositorySettings};
use tagship_domain::reference::RegistryHost;
use tagship_domain::registry_settings::{CreationTemplate, DeclaredRegistry, DeclaredRegistryPolicy};
use tagship_domain::repositories::{
    CatalogData, Declarations, DeclaredRepository, DeclaredSettings, Document, Logo,
};
use tagship_domain::untrusted::cleaned;

/// The most bytes of a file with a policy: twice what ECR takes, so that a long one is named as too long.
const MAX_FILE_BYTES: u64 = 64 * 1024;

/// The most bytes of a list of branches.
const MAX_BRANCHES_BYTES: u64 = 4 * 1024 * 1024;

/// The most bytes of a text of the gallery: four for each character that it takes, and more, so that a long one is named as such.
const MAX_CATALOG_BYTES: u64 = 256 * 1024;

/// The most bytes of a file that names images.
const MAX_LIST_BYTES: u64 = 1024 * 1024;

/// Reads which registry a command is about, and what is declared of its repositories.
pub fn registry(given: RawArguments, environment: &Environment) -> Result<RegistrySettings, SettingsError> {
    // Which of several images is meant says nothing of a registry.
    let (mut raw, _) = RawInputs::of_images(given, environment);
    let mut problems = Problems::new(raw.take_problems());
    let place = ResolvedDestination::of_registry(&raw, environment, &mut problems);
    let identity = identity::read(&raw, environment, place.as_ref(), &mut problems);
    let declared = declarations(&raw, environment, &mut problems);
    let declared_registry = registry_settings(&raw, environment, &mut problems);
    let further = further(&raw, place.as_ref(), identity.as_ref(), &mut problems);
    let (_, file) = raw.declared_repositories();
    match (problems.finish(), place, identity) {
        (Ok(()), Some(place), Some(identity)) => Ok(RegistrySettings {
            place: RepositorySettings {
                destination: place.into_destination(),
                identity,
            },
            declared,
            declared_registry,
            further,
            file: file.to_owned(),
        }),
        (Err(error), ..) => Err(error),
        // Each part is absent only together with a problem; this keeps the promise without a panic.
        (Ok(()), ..) => Err(SettingsError::incomplete()),
    }
}

/// What is declared of repositories; `None` where no file declares anything, or with a problem.
///
/// Who may pull and which images expire is no matter for a file that a stranger may have written.
pub(super) fn declarations(
    raw: &RawInputs,
    environment: &Environment,
    problems: &mut Problems,
) -> Option<Declarations> {
    let (read, file) = raw.declared_repositories();
    let read = read?;
    let at = Origin::File {
        path: file.to_owned(),
        line: read.line,
        column: read.column,
    };
    may_declare(raw, "repositories", &at, problems)?;
    let files = Files::of(raw, environment, file);
    Some(Declarations {
        defaults: files.settings(&read.defaults, problems),
        patterns: (read.patterns.iter())
            .map(|(pattern, settings)| (pattern.clone(), files.settings(settings, problems)))
            .collect(),
        repositories: (read.repositories.iter())
            .map(|(name, settings)| DeclaredRepository {
                name: name.clone(),
                settings: files.settings(settings, problems),
            })
            .collect(),
    })
}

/// The other registries in ECR that `targets` names, each once.
fn further(
    raw: &RawInputs,
    place: Option<&ResolvedDestination>,
    identity: Option<&IdentitySettings>,
    problems: &mut Problems,
) -> Vec<(RegistryHost, RepositorySettings)> {
    let mut known: Vec<RegistryHost> = place
        .and_then(ResolvedDestination::image)
        .map(|image| image.registry.clone())
        .into_iter()
        .collect();
    let targets = further_targets::read(raw, place, identity, true, &mut Vec::new(), problems);
    let mut further = Vec::new();
    for target in targets {
        let Some(registry) = target.image().map(|image| image.registry.clone()) else {
            continue;
        };
        if let RepositoryPlace::Ecr(settings) = target
            && !known.contains(&registry)
        {
            known.push(registry.clone());
            further.push((registry, *settings));
        }
    }
    further
}

/// Refuses a declaration of a file that a stranger may have written.
fn may_declare(raw: &RawInputs, key: &str, at: &Origin, problems: &mut Problems) -> Option<()> {
    if raw.trust().is_whole() {
        return Some(());
    }
    let (message, _) = raw.trust().refusal(key, "");
    // There is no input of a step for it.
    let hint = match raw.trust() {
        Trust::Foreign => {
            "run this for a commit of the repository itself: the event is about one of another repository, whose file has no \
             say in this"
        }
        Trust::Own | Trust::Named | Trust::Found => "name the file in the workflow: `--config tagship.yaml`",
    };
    problems.add(at, message, hint.to_owned())
}

/// What is declared of the registry's settings; `None` where no file declares anything, or with a problem.
pub(super) fn registry_settings(
    raw: &RawInputs,
    environment: &Environment,
    problems: &mut Problems,
) -> Option<DeclaredRegistry> {
    let (read, file) = raw.declared_registry();
    let read = read?;
    let at = Origin::File {
        path: file.to_owned(),
        line: read.line,
        column: read.column,
    };
    may_declare(raw, "registry-settings", &at, problems)?;
    let files = Files::of(raw, environment, file);
    let mut declared = read.declared.clone();
    if let Some(file) = &read.policy_file {
        let policy = files.document(file, registry_policy_of_file, problems);
        declared.policy = policy.map(|policy| Document::Says(DeclaredRegistryPolicy::Document(policy)));
    }
    let templates = read
        .templates
        .iter()
        .map(|(template, settings)| CreationTemplate {
            settings: files.settings(settings, problems),
            ..template.clone()
        });
    declared.templates = templates.collect();
    Some(declared)
}

/// Reads the files that declarations name.
struct Files {
    paths: Paths,
    workspace: PathBuf,
    config: String,
}

impl Files {
    fn of(raw: &RawInputs, environment: &Environment, file: &str) -> Self {
        Self {
            paths: Paths::new(raw.face(), environment),
            workspace: raw.workspace(environment),
            config: file.to_owned(),
        }
    }

    fn settings(&self, read: &ConfigSettings, problems: &mut Problems) -> DeclaredSettings {
        let mut declared = read.declared.clone();
        if let Some(file) = &read.policy_file {
            let policy = self.document(file, policy_of_file, problems);
            declared.policy = policy.map(Document::Says);
        }
        if let Some(file) = &read.lifecycle_file {
            let lifecycle = self.document(file, lifecycle_of_file, problems);
            declared.lifecycle = lifecycle.map(Document::Says);
        }
        for (part, file) in &read.catalog_files {
            self.add_to_catalog(&mut declared, *part, file, problems);
        }
        for file in &read.protect_files {
            let named = self.text(file, MAX_LIST_BYTES, problems).map(|(text, shown)| {
                let shown = shown.display().to_string();
                declared.protection.add_named_in(&text, &shown)
            });
            if named == Some(0) {
                let message = format!("file `{}` names no image", cleaned(&file.path));
                let hint = "it names images by tag or digest, as task definitions and manifests do: `REGISTRY/team/app:1.0.0`";
                problems.add::<()>(&self.at(file), message, hint.to_owned());
            }
        }
        declared
    }

    fn add_to_catalog(
        &self,
        declared: &mut DeclaredSettings,
        part: CatalogPart,
        file: &FileReference,
        problems: &mut Problems,
    ) {
        if !self.paths.is_within(&self.paths.resolve(&file.path)) {
            let message = format!(
                "`{}` lies outside of the workspace, and the gallery shows it to everybody",
                cleaned(&file.path)
            );
            problems.add::<()>(
                &self.at(file),
                message,
                "put the file into the workspace".to_owned(),
            );
            return;
        }
        let catalog = declared.catalog.get_or_insert_default();
        if part == CatalogPart::Logo {
            let read = |path: &Path| regular_file::bytes(path, Logo::MAX_BYTES as u64);
            let bytes = self.read(file, read, problems).map(|(bytes, _)| bytes);
            catalog.logo = bytes.and_then(|bytes| problems.check(&self.at(file), Logo::of(bytes), None));
            return;
        }
        let Some((text, _)) = self.text(file, MAX_CATALOG_BYTES, problems) else {
            return;
        };
        let text = text.trim_end().to_owned();
        problems.check(&self.at(file), CatalogData::check(part.as_str(), &text), None);
        match part {
            CatalogPart::About => catalog.about = Some(text),
            CatalogPart::Usage => catalog.usage = Some(text),
            CatalogPart::Logo => {}
        }
    }

    fn at(&self, file: &FileReference) -> Origin {
        Origin::File {
            path: self.config.clone(),
            line: file.line,
            column: file.column,
        }
    }

    /// The text of a file, and its path in the workspace.
    fn text(&self, file: &FileReference, most: u64, problems: &mut Problems) -> Option<(String, PathBuf)> {
        self.read(file, |path| regular_file::text(path, most), problems)
    }

    /// What `read` reads of a file, and its path in the workspace.
    fn read<T>(
        &self,
        file: &FileReference,
        read: impl Fn(&Path) -> Result<T, String>,
        problems: &mut Problems,
    ) -> Option<(T, PathBuf)> {
        let path = self.paths.resolve(&file.path);
        let at = self.at(file);
        if self.paths.is_led_out(&path) {
            let message = format!(
                "`{}` is a link that leads out of the workspace",
                cleaned(&file.path)
            );
            return problems.add(&at, message, "put the file itself there".to_owned());
        }
        match read(&path) {
            Ok(content) => {
                let shown = path.strip_prefix(&self.workspace).unwrap_or(&path).to_owned();
                Some((content, shown))
            }
            Err(problem) => {
                let message = format!("file `{}` {problem}", cleaned(&file.path));
                problems.add(&at, message, None)
            }
        }
    }

    fn document<T>(
        &self,
        file: &FileReference,
        read: impl Fn(&str) -> Result<T, Vec<ConfigProblem>>,
        problems: &mut Problems,
    ) -> Option<T> {
        let (text, shown) = self.text(file, MAX_FILE_BYTES, problems)?;
        match read(&text) {
            Ok(document) => Some(document),
            Err(found) => {
                for problem in found {
                    let at = Origin::File {
                        path: cleaned(&shown.display().to_string()),
                        line: problem.line,
                        column: problem.column,
                    };
                    problems.add::<()>(&at, problem.message, problem.hint);
                }
                None
            }
        }
    }
}

/// Reads a list of branches; the error says what is wrong with it, in words that follow its name.
pub fn list_of_branches(path: &Path) -> Result<String, String> {
    regular_file::text(path, MAX_BRANCHES_BYTES)
}
