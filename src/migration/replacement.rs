//! The step of Tagship that stands in place of a build step and of what prepares it.

use super::expression::{inside, references};
use super::image::{
    Named, Registry, is_by_digest, is_pushed_image, name_of_output, registry_of_login, resolved,
};
use super::job::{Job, Step, StepKind, lines_of, session_tags};
use super::needs::is_exporting;
use super::note::MigrationNote;
use super::targets::{Images, TargetLogin};
use crate::schema;

/// The step of Tagship, as far as it is made.
#[derive(Debug, Default)]
pub(super) struct Replacement {
    pub(super) inputs: Vec<(String, String)>,
    pub(super) variables: Vec<(String, String)>,
    pub(super) notes: Vec<MigrationNote>,
    /// The logins that it has taken over.
    pub(super) logins: Vec<TargetLogin>,
    /// The inputs about further repositories.
    targets: Vec<(&'static str, String)>,
}

/// Inputs of the peers that are about what Tagship does in its own way, or does not do.
const NOT_NEEDED: &[&str] = &[
    // configure-aws-credentials: credentials stay in memory, retries are bounded.
    "output-credentials",
    "output-env-credentials",
    "unset-current-credentials",
    "disable-retry",
    "retry-max-attempts",
    "special-characters-workaround",
    "role-skip-session-tagging",
    "action-timeout-s",
    // amazon-ecr-login: nothing is logged in that could be logged out.
    "mask-password",
    "skip-logout",
    // setup-buildx-action and build-push-action: the engine's own BuildKit is used.
    "version",
    "install",
    "use",
    "cleanup",
    "builder",
    "cache-binary",
    "keep-state",
    "driver",
    "name",
];

impl Replacement {
    /// Makes the step for `build` from what prepares it in its job; `None` where nothing goes to ECR.
    pub(super) fn of(job: &Job, build: &Step) -> Option<Self> {
        let mut made = Self::default();
        let steps = || job.steps.iter().take_while(|step| !std::ptr::eq(*step, build));
        let last = |kind: StepKind| steps().filter(|step| step.kind == kind).last();
        let metadata = metadata_of(job, build);
        let images = made.images(job, build, metadata)?;

        for step in [
            last(StepKind::Credentials),
            last(StepKind::EcrLogin),
            last(StepKind::Buildx),
        ]
        .into_iter()
        .flatten()
        {
            made.prepare(step);
        }
        made.destination(
            job,
            &images,
            last(StepKind::Credentials),
            last(StepKind::EcrLogin),
        );
        if let Some(metadata) = metadata {
            made.lists(metadata);
        } else if !build.input("outputs").is_some_and(is_by_digest) {
            made.tags(&images);
        }
        made.build(build);
        if is_exporting(job, build) {
            made.put("export-credentials", "true");
        }
        Some(made)
    }

    fn put(&mut self, name: &str, value: impl Into<String>) {
        if !self.inputs.iter().any(|(known, _)| known == name) {
            self.inputs.push((name.to_owned(), value.into()));
        }
    }

    /// Takes an input of a peer that is called the same here, or says that there is none.
    fn take(&mut self, step: &Step, name: &str, value: &str) {
        let note = |step: &Step| (step.name.clone(), name.to_owned());
        if NOT_NEEDED.contains(&name) {
            let (step, input) = note(step);
            self.notes.push(MigrationNote::NotNeeded { step, input });
        } else if schema::find(name).is_some() {
            self.put(name, value);
        } else {
            let (step, input) = note(step);
            self.notes.push(MigrationNote::NoEquivalent { step, input });
        }
    }

    /// The tags of the repository in ECR that the run is for; `None` where nothing goes to ECR. What else there is becomes
    /// targets, or a note.
    fn images(&mut self, job: &Job, build: &Step, metadata: Option<&Step>) -> Option<Vec<(Named, Registry)>> {
        let list = match metadata {
            Some(metadata) => metadata.input("images").unwrap_or_default(),
            None => match build.input("tags") {
                Some(tags) => tags,
                None => name_of_output(build.input("outputs").unwrap_or_default()).unwrap_or_default(),
            },
        };
        let logins: Vec<&str> = job
            .steps
            .iter()
            .filter(|step| step.kind == StepKind::EcrLogin)
            .filter_map(|step| step.text("id"))
            .collect();
        let lines = list.lines().flat_map(|line| {
            if metadata.is_none() {
                outside_commas(line)
            } else {
                vec![line.to_owned()]
            }
        });
        let lines = lines
            .map(|line| line.trim().to_owned())
            .filter(|line| !line.is_empty());
        let named = lines.map(|line| {
            let mut parts = line.split(',');
            let name = parts.find_map(|part| part.trim().strip_prefix("name="));
            let named = Named::parse(&resolved(name.unwrap_or(&line), &job.variables)).map(|named| {
                let registry = named.registry(&logins, &job.variables);
                (named, registry)
            });
            (line, named)
        });
        let images = Images::of(named.collect(), job, build);
        images.first.first()?;
        for image in images.elsewhere {
            self.notes.push(MigrationNote::OtherRegistry { image });
        }
        for line in images.left {
            self.notes.push(MigrationNote::NoEquivalent {
                step: metadata.unwrap_or(build).name.clone(),
                input: format!("{}: {line}", if metadata.is_some() { "images" } else { "tags" }),
            });
        }
        let variables = images.logins.iter().enumerate().map(|(index, login)| {
            let name = format!("TARGET_PASSWORD_{}", index + 1);
            let line = format!(
                "host={},username={},password-env={name}",
                login.host, login.username
            );
            (line, (name, login.password.clone()))
        });
        let (lines, variables): (Vec<_>, Vec<_>) = variables.unzip();
        self.variables.extend(variables);
        self.logins = images.logins;
        self.targets = [("registry-auth", lines), ("targets", images.targets)]
            .into_iter()
            .filter(|(_, lines)| !lines.is_empty())
            .map(|(name, lines)| (name, lines.join("\n")))
            .collect();
        Some(images.first)
    }

    /// What credentials, login and builder are set up with.
    fn prepare(&mut self, step: &Step) {
        let tags = session_tags(step);
        if !tags.is_empty() {
            self.put("session-tags", tags.join("\n"));
        }
        for (name, value) in &step.with {
            match (step.kind, name.as_str()) {
                (StepKind::Credentials, "custom-tags") if lines_of(value).is_some() => {}
                // They say where the image goes, which is said by its name.
                (StepKind::EcrLogin, "registries") => {}
                (StepKind::EcrLogin, "registry-type") if value == "private" => {}
                _ => self.take(step, name, value),
            }
        }
    }

    fn destination(
        &mut self,
        job: &Job,
        images: &[(Named, Registry)],
        credentials: Option<&Step>,
        login: Option<&Step>,
    ) {
        let Some((named, registry)) = images.first() else {
            return;
        };
        match registry {
            Registry::Ecr(host) => {
                self.put("registry", host.to_string());
                // The host says it.
                self.inputs.retain(|(name, _)| name != "aws-region");
            }
            Registry::Expression(host) => self.put("registry", host.clone()),
            Registry::OfLogin => {
                let input = |step: Option<&Step>, name: &str| {
                    let value = step.and_then(|step| step.input(name));
                    value.map(|value| resolved(value, &job.variables))
                };
                let known = registry_of_login(
                    input(credentials, "role-to-assume").as_deref(),
                    input(login, "registries").as_deref(),
                    input(credentials, "aws-region").as_deref(),
                );
                if let Some(inputs) = known {
                    if inputs.iter().any(|(name, _)| *name == "registry") {
                        self.inputs.retain(|(name, _)| name != "aws-region");
                    }
                    for (name, value) in inputs {
                        self.put(name, value);
                    }
                } else {
                    self.put("account-id", "${{ vars.AWS_ACCOUNT_ID }}");
                    self.notes.push(MigrationNote::AccountUnknown);
                }
            }
            Registry::Other => {}
        }
        self.put("repository", named.repository.clone());
        for (name, lines) in std::mem::take(&mut self.targets) {
            self.put(name, lines);
        }
    }

    /// The lists of metadata-action, read as that action reads them.
    fn lists(&mut self, metadata: &Step) {
        self.put("compat", "metadata-action");
        for (name, value) in &metadata.with {
            match name.as_str() {
                "images" | "github-token" => {}
                "context" => self.notes.push(MigrationNote::NotNeeded {
                    step: metadata.name.clone(),
                    input: name.clone(),
                }),
                _ => self.take(metadata, name, value),
            }
        }
    }

    /// The tags that stand in the build step itself.
    fn tags(&mut self, images: &[(Named, Registry)]) {
        let rules: Vec<String> = images
            .iter()
            .map(|(named, _)| match named.tag.as_deref().unwrap_or("latest") {
                tag if inside(tag) == Some("github.sha") => "type=sha,format=long,prefix=".to_owned(),
                tag => format!("type=raw,value={tag}"),
            })
            .collect();
        self.put("tags", rules.join("\n"));
    }

    fn build(&mut self, build: &Step) {
        let mut secrets: Vec<String> = Vec::new();
        for (name, value) in &build.with {
            let trimmed = value.trim();
            match (name.as_str(), trimmed) {
                ("tags", _)
                | ("load" | "provenance" | "sbom" | "pull" | "no-cache", "false")
                | ("context", ".")
                | ("push", "true") => {}
                ("labels", _) if !references(value).is_empty() => {}
                ("outputs", line) if is_pushed_image(line) => {
                    if is_by_digest(line) {
                        self.put("by-digest", "true");
                        self.notes.push(MigrationNote::ByDigest {
                            step: build.name.clone(),
                        });
                    }
                }
                ("context", context) => match context.strip_prefix("{{defaultContext}}") {
                    Some("") => {}
                    Some(rest) => self.put("context", rest.trim_start_matches(':')),
                    None if is_unknown_address(context) => self.notes.push(MigrationNote::NoEquivalent {
                        step: build.name.clone(),
                        input: "context".to_owned(),
                    }),
                    None => self.put("context", context),
                },
                ("platforms", one) if schema::find("platforms").is_none() && !one.contains([',', '\n']) => {
                    self.put("platform", one);
                }
                ("secrets", lines) => secrets.extend(lines.lines().map(str::to_owned)),
                ("secret-envs", lines) => secrets.extend(sourced(lines, "env")),
                ("secret-files", lines) => secrets.extend(sourced(lines, "src")),
                ("ssh", agents) => {
                    self.put("ssh", agents);
                    self.notes.push(MigrationNote::NeedsSetup {
                        step: build.name.clone(),
                        input: name.clone(),
                    });
                }
                ("github-token", _) => self.notes.push(MigrationNote::NotNeeded {
                    step: build.name.clone(),
                    input: name.clone(),
                }),
                _ => self.take(build, name, value),
            }
        }
        if !secrets.is_empty() {
            self.put("secrets", secrets.join("\n"));
        }
    }
}

/// Whether a context is an address that is no git repository's.
fn is_unknown_address(context: &str) -> bool {
    let address = context.split('#').next().unwrap_or_default();
    address.starts_with("http") && address.strip_suffix(".git").is_none()
}

/// The step of metadata-action that gives the build its tags.
pub(super) fn metadata_of<'a>(job: &'a Job, build: &Step) -> Option<&'a Step> {
    let tags = build.input("tags")?;
    let of_tags = references(tags);
    job.steps.iter().find(|step| {
        let id = step.text("id");
        step.kind == StepKind::Metadata && of_tags.iter().any(|(step, _)| Some(step.as_str()) == id)
    })
}

/// The entries of a line, separated by commas outside of expressions.
fn outside_commas(line: &str) -> Vec<String> {
    let folded = super::expression::Folded::new(line);
    folded
        .text
        .split(',')
        .map(|entry| folded.unfolded(entry))
        .collect()
}

/// `ID=SOURCE` lines as Tagship's secrets.
fn sourced(lines: &str, source: &str) -> Vec<String> {
    let lines = lines.lines().filter_map(|line| line.trim().split_once('='));
    lines
        .map(|(id, from)| format!("id={id},{source}={from}"))
        .collect()
}
