//! A run as the command does it, with a builder and a history that tests make up.

use super::*;

/// Builds one layer from a text.
struct Text {
    /// What a build from the cache gives, then what those without it give; the last one goes on.
    contents: Mutex<VecDeque<String>>,
    store: ImageStore,
    revision: String,
    version: Option<String>,
}

/// The layer, config and manifest of an image.
pub(super) fn blobs(text: &str, revision: &str, version: Option<&str>) -> (Bytes, Bytes, Manifest) {
    let layer = Bytes::from(text.to_owned());
    let mut labels = BTreeMap::from([("org.opencontainers.image.revision", revision)]);
    labels.extend(version.map(|version| ("org.opencontainers.image.version", version)));
    let config = serde_json::json!({
        "architecture": "amd64", "os": "linux",
        "config": { "Labels": labels },
        "rootfs": { "type": "layers", "diff_ids": [Digest::of(&layer)] },
    });
    let config = Bytes::from(config.to_string());
    let manifest = serde_json::json!({
        "schemaVersion": 2, "mediaType": OCI_MANIFEST,
        "config": Descriptor::new(OCI_CONFIG, Digest::of(&config), config.len() as u64),
        "layers": [Descriptor::new("application/vnd.oci.image.layer.v1.tar", Digest::of(&layer), layer.len() as u64)],
    });
    let manifest = Manifest::new(OCI_MANIFEST, manifest.to_string());
    (layer, config, manifest)
}

#[async_trait]
impl Builder for Text {
    async fn check(&self, _: &BuildRequest) -> Result<EngineSummary, BuildError> {
        Ok(EngineSummary {
            version: "1".to_owned(),
            store: self.store,
            platform: "linux/amd64".to_owned(),
            builders: Vec::new(),
        })
    }

    async fn publish(
        &self,
        request: &BuildRequest,
        registry: &dyn WriteRepository,
    ) -> Result<Digest, BuildError> {
        let content = {
            let mut contents = self.contents.lock().unwrap();
            if contents.len() > 1 && request.no_cache {
                contents.pop_front();
            }
            contents[0].clone()
        };
        let (layer, config, manifest) = blobs(&content, &self.revision, self.version.as_deref());
        registry.put_blob(layer).await?;
        registry.put_blob(config).await?;
        registry
            .put_manifest(&Reference::Digest(manifest.digest()), &manifest)
            .await?;
        Ok(manifest.digest())
    }
}

/// Knows which command succeeds, and what was run where.
#[derive(Debug, Clone, Default)]
pub(super) struct FakeTester {
    pub(super) runs: Arc<Mutex<Vec<String>>>,
}

#[async_trait]
impl TryImage for FakeTester {
    async fn try_image(
        &self,
        image: &ImageRef,
        platforms: &[Platform],
        command: &str,
    ) -> Result<Vec<Platform>, BuildError> {
        self.runs
            .lock()
            .unwrap()
            .push(format!("{image} {platforms:?} {command}"));
        match command {
            "true" => Ok(vec![Platform::parse("linux/s390x").unwrap()]),
            _ => Err(BuildError::StepFailed {
                name: format!("RUN {command}"),
                exit_code: Some(3),
                tail: vec!["no such option".to_owned()],
                location: None,
                message: None,
            }),
        }
    }
}

/// A history of one line of commits.
#[derive(Debug, Clone, Default)]
pub(super) struct FixedHistory {
    pub(super) git_tags: GitTags,
    /// Oldest first; commits that are not among them are unknown.
    pub(super) commits: Vec<String>,
}

#[async_trait]
impl ReadHistory for FixedHistory {
    async fn git_tags(&self) -> Result<GitTags, GitError> {
        Ok(self.git_tags.clone())
    }

    async fn descent(&self, of: &CommitId, from: &CommitId) -> Result<Descent, GitError> {
        let place = |id: &CommitId| self.commits.iter().position(|known| known == id.as_str());
        Ok(match (place(of), place(from)) {
            (Some(of), Some(from)) if of < from => Descent::Before,
            (Some(_), Some(_)) => Descent::After,
            _ => Descent::Unknown {
                is_shallow: self.git_tags.is_shallow,
            },
        })
    }
}

struct Silent;

impl Reporter for Silent {
    fn mask(&self, _: &secrecy::SecretString) {}
    fn event(&self, _: crate::ports::RunEvent<'_>) {}
}

/// Where the Dockerfile of a test lies.
pub(super) fn places() -> Places {
    Places {
        dockerfile: b"Dockerfile".to_vec(),
        ..Places::default()
    }
}

pub(super) fn image() -> ImageName {
    ImageName {
        registry: RegistryHost::parse("127.0.0.1:5510").unwrap(),
        repository: RepositoryName::parse("team/app").unwrap(),
    }
}

/// A further target.
pub(super) fn further(number: usize) -> ImageName {
    ImageName {
        repository: RepositoryName::parse(&format!("further/app{number}")).unwrap(),
        ..image()
    }
}

/// One whole run, as the command does it, on branch `main`.
#[derive(Debug, Clone)]
pub(super) struct Run {
    pub(super) plan_request: PlanRequest,
    pub(super) content: String,
    /// What builds without the cache give, if not the same.
    pub(super) uncached: Vec<&'static str>,
    pub(super) store: ImageStore,
    pub(super) past: FixedHistory,
    /// The command that must succeed.
    pub(super) test: Option<String>,
    /// What a command in the image comes to.
    pub(super) tester: FakeTester,
    /// Scans, and the time that they take.
    pub(super) scans: FakeScans,
    /// The gate, if there is one.
    pub(super) gate: Option<GatePlan>,
}

impl Run {
    pub(super) fn new(commit: &str, version: Option<&str>, rules: &[&str], content: &str) -> Self {
        let commit = CommitId::parse(commit).unwrap();
        let version = version.map(|version| Version::parse(version).unwrap());
        let event = Event::of_checkout(Some("main"), None, commit.clone());
        let given = TagContext {
            mode: Mode::Strict,
            event: &event,
            repository: &RepositoryInfo::default(),
            version: version.as_ref(),
            tag_prefix: None,
            now: jiff::Timestamp::UNIX_EPOCH,
            committed_at: None,
            short_digits: None,
            is_dirty: false,
        };
        let rules: Vec<TagRule> = rules.iter().map(|rule| TagRule::parse(rule).unwrap()).collect();
        let wanted = TagSet::of(&evaluate(&rules, &Flavor::plain(), &given).unwrap()).unwrap();
        let source = Source {
            commit,
            committed_at: jiff::Timestamp::UNIX_EPOCH,
            tags: Vec::new(),
            changes: Vec::new(),
            change_count: 0,
            url: None,
            is_given: false,
        };
        let build = BuildRequest {
            context: PathBuf::from("/src"),
            dockerfile: PathBuf::from("/src/Dockerfile"),
            ..BuildRequest::default()
        };
        Self {
            plan_request: PlanRequest {
                image: image(),
                source,
                version,
                wanted,
                also: Vec::new(),
                request: RequestHash::of(&build, &places()),
                missing_git_tag: None,
                is_declared: false,
                rebuild: false,
                bases: None,
                scope: Scope::Whole,
                build,
            },
            content: content.to_owned(),
            uncached: Vec::new(),
            store: ImageStore::Classic,
            past: FixedHistory::default(),
            test: None,
            tester: FakeTester::default(),
            scans: FakeScans::default(),
            gate: None,
        }
    }

    /// Reads and plans.
    pub(super) async fn plan(&self, registry: &Memory) -> Result<Plan, PipelineError> {
        let facts = gather(registry, &self.past, &self.plan_request).await?;
        let mut plan = Plan::new(self.plan_request.clone(), Ok(&facts));
        if let Some(gate) = self.gate.clone().filter(|_| !plan.is_fulfilled()) {
            plan.guard(gate);
        }
        Ok(plan)
    }

    /// Plans and publishes.
    pub(super) async fn ship(&self, registry: &Memory) -> (Result<(), PipelineError>, Report) {
        self.ship_to(registry, &[]).await
    }

    /// Plans and publishes, to further targets too.
    pub(super) async fn ship_to(
        &self,
        registry: &Memory,
        targets: &[&Memory],
    ) -> (Result<(), PipelineError>, Report) {
        let ledger = Ledger::default();
        let writers: Vec<&dyn WriteRepository> = targets
            .iter()
            .map(|target| *target as &dyn WriteRepository)
            .collect();
        let result = async {
            let mut plan = self.plan(registry).await?;
            let wanted = &self.plan_request.wanted.tags;
            for (number, target) in targets.iter().enumerate() {
                let candidate = plan.candidate(plan.published());
                let facts = gather_copy(*target, &self.past, wanted, candidate).await?;
                let planned = TargetPlan::new(further(number), wanted, candidate, Ok(&facts));
                plan.targets.push(planned);
            }
            plan.test.clone_from(&self.test);
            ledger.planned(&plan);
            let builder = Text {
                contents: Mutex::new(
                    std::iter::once(self.content.clone())
                        .chain(self.uncached.iter().map(|content| (*content).to_owned()))
                        .collect(),
                ),
                store: self.store,
                revision: self.plan_request.source.commit.to_string(),
                version: self.plan_request.version.as_ref().map(ToString::to_string),
            };
            let writers = Writers {
                dockerfile: std::path::Path::new("Dockerfile"),
                registry,
                targets: FurtherTargets {
                    source: registry,
                    repositories: &writers,
                    signers: &[],
                },
                builder: &builder,
                tester: &self.tester,
                scans: &self.scans,
                clock: &self.scans,
                put: None,
                signer: None,
                forge: None,
            };
            execute(&plan, &writers, &self.past, &Silent, &ledger).await
        };
        let result = result.await;
        (result, ledger.report())
    }
}
