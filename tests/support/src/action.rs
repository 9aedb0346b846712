//! Tagship's own action: what `action.yml` says, its image, and a job that uses it.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::json;
use tagship_domain::immutability::Mutability;

use super::checkout::{Checkout, RUNNER_USER, give_to};
use super::engines::{Engine, Image};
use super::local::{Ecr, REGION, ROLE_ARN};
use super::process::output_of;
use super::runner::environment::JobContext;
use super::runner::folders::Folders;
use super::runner::run::{Running, Step, start};

/// The repository of the simulated job.
pub const GITHUB_REPOSITORY: &str = "octo-org/octo-app";

/// The part of `action.yml` that the runner reads.
#[derive(Debug, Deserialize)]
pub struct Action {
    inputs: BTreeMap<String, Input>,
    /// The declared outputs.
    pub outputs: BTreeMap<String, serde_json::Value>,
    runs: Runs,
}

#[derive(Debug, Deserialize)]
struct Input {
    #[serde(default)]
    default: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Runs {
    #[serde(default)]
    args: Vec<String>,
}

/// The action of this package.
pub fn action() -> Action {
    let path = crate::process::repository_root().join("action.yml");
    let text = fs::read_to_string(path).expect("`action.yml` can be read");
    serde_yaml::from_str(&text).expect("`action.yml` is an action")
}

/// The action's image, made of what `scripts/build-image` staged.
pub fn image(engine: &'static Engine) -> Image {
    let package = crate::process::repository_root();
    let staged = package.join("dist/THIRD-PARTY-LICENSES.txt");
    assert!(
        staged.is_file(),
        "nothing is staged in `dist`: run the tests by `scripts/test`"
    );
    engine.build(package)
}

/// A job that a push started, and whose one step is the action.
#[derive(Debug)]
pub struct Job {
    engine: &'static Engine,
    /// The registry.
    pub ecr: Arc<Ecr>,
    /// The runner's folders.
    pub folders: Folders,
    /// What workflow and event tell.
    pub context: JobContext,
    /// The step's inputs.
    pub inputs: BTreeMap<String, String>,
    /// Whether the engine's socket is mounted.
    pub socket: bool,
    /// Flags that make the step see another world: names, authorities.
    pub world: Vec<String>,
}

impl Job {
    /// A job of the tag `v1.0.0`, with a registry of its own.
    pub fn new(engine: &'static Engine, checkout: &Checkout) -> Self {
        let ecr = Ecr::start_for_containers();
        ecr.create_repository(super::shipping::REPOSITORY, &Mutability::Immutable);
        Self::at(engine, checkout, "refs/tags/v1.0.0", Arc::new(ecr))
    }

    /// A job of `git_ref`. The workspace holds `checkout`; the inputs are the least that a user gives.
    pub fn at(engine: &'static Engine, checkout: &Checkout, git_ref: &str, ecr: Arc<Ecr>) -> Self {
        let event = json!({ "ref": git_ref, "repository": { "full_name": GITHUB_REPOSITORY } });
        let folders = Folders::new(GITHUB_REPOSITORY, &event);
        let from = format!("{}/.", checkout.path().display());
        output_of(
            std::process::Command::new("cp")
                .args(["--archive", &from])
                .arg(folders.workspace()),
        );
        give_to(&folders.workspace(), RUNNER_USER);
        let mut context = JobContext::push(GITHUB_REPOSITORY, git_ref, &checkout.head());
        let gateway = engine.gateway();
        context.id_token = Some(ecr.oidc_request_from(&gateway));
        let host = ecr.host_from(&gateway);
        // GitHub is out of reach; what listens there instead does not know the repository.
        context.api_url = format!("http://{host}");
        let inputs = [
            ("repository", super::shipping::REPOSITORY.to_owned()),
            ("endpoint-url", format!("http://{host}")),
            ("registry", host),
            ("aws-region", REGION.to_owned()),
            ("role-to-assume", ROLE_ARN.to_owned()),
        ];
        Self {
            engine,
            ecr,
            folders,
            context,
            inputs: inputs.map(|(name, value)| (name.to_owned(), value)).into(),
            socket: true,
            world: Vec::new(),
        }
    }

    /// Gives an input.
    pub fn input(&mut self, name: &str, value: &str) -> &mut Self {
        self.inputs.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Starts the step: declared inputs have their defaults, as the runner evaluates them.
    pub fn start(&self, image: &Image) -> Running {
        let action = action();
        let mut step = Step::new(&image.name, &[]);
        step.socket = self.socket;
        step.world.clone_from(&self.world);
        step.args = action.runs.args;
        for (name, input) in action.inputs {
            let default = input.default.unwrap_or_default();
            let evaluated = default.replace("${{ github.token }}", "ghs_the-token-of-the-simulated-job");
            step.inputs.insert(name, evaluated);
        }
        step.inputs.extend(self.inputs.clone());
        start(self.engine, &self.folders, &self.context, &step)
    }
}
