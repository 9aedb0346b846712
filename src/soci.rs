//! SOCI: an index of an image's layers, by which AWS Fargate and others load them lazily. The program `soci` makes it.
//!
//! 1. Before the build: the program is there, and converts without containerd.
//! 2. After it: the image is read back into a layout on this machine, the program makes one of it that holds the index, and
//!    that is pushed by digest. No tag exists yet, and whatever follows is about the result.
//! 3. What it made is held against what was built: the same blobs, and an index beside at least one image.
//!
//! Source: awslabs/soci-snapshotter, `docs/soci-index-manifest-v2.md`, and `cmd/soci/commands/convert.go` for `--standalone`.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use async_trait::async_trait;
use oci_registry::{BlobProgress, CopyPlan, ImageTree, OciLayout, copy};
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::Command;
use tokio::time::timeout;

use crate::limits;
use crate::ports::{
    BuildError, Builder, EngineSummary, ReadWhole, RegistryError, Reporter, RunEvent, SociProblem,
    WriteRepository,
};
use tagship_domain::build::BuildRequest;
use tagship_domain::content::{Content, Descriptor};
use tagship_domain::error::cleaned;
use tagship_domain::reference::Digest;

/// The most lines of the program's words that are shown.
const MAX_LINES: usize = 3;

/// A builder whose images get an index of their layers.
pub struct SociBuilder<'a> {
    inner: &'a dyn Builder,
    /// The repository that is published to.
    source: &'a dyn ReadWhole,
    program: SociProgram<'a>,
    reporter: &'a dyn Reporter,
}

/// The program with the variables that it is given, and no others.
struct SociProgram<'a> {
    name: &'a OsStr,
    variables: &'a BTreeMap<String, String>,
    limit: Duration,
}

impl<'a> SociBuilder<'a> {
    /// Takes what builds and publishes, and the repository that it publishes to.
    pub fn new(
        inner: &'a dyn Builder,
        source: &'a dyn ReadWhole,
        variables: &'a BTreeMap<String, String>,
        reporter: &'a dyn Reporter,
    ) -> Self {
        let name = OsStr::new("soci");
        let limit = limits::SOCI_PROGRAM;
        Self {
            inner,
            source,
            program: SociProgram {
                name,
                variables,
                limit,
            },
            reporter,
        }
    }

    /// Has the image converted; gives the digest of what it became.
    async fn convert(&self, built: Digest, registry: &dyn WriteRepository) -> Result<Digest, BuildError> {
        let folder = tempfile::Builder::new()
            .prefix("tagship-soci-")
            .permissions(Permissions::from_mode(0o700))
            .tempdir()
            .map_err(|error| SociProblem::Failed(error.to_string()))?;
        let (from, to) = (folder.path().join("image"), folder.path().join("converted"));
        let missing = RegistryError::ContentMissing { digest: built };
        let root = self.source.manifest(&built).await?.ok_or(missing)?;
        let tree = ImageTree::read(root, self.source).await?;
        self.reporter
            .event(RunEvent::Note("`soci` makes an index of the image's layers"));
        let layout = OciLayout::open_or_create(&from)?;
        let unheard: BlobProgress<'_> = &|_, _| ();
        copy(&CopyPlan::of_all(&tree), self.source, &layout, None, unheard).await?;
        layout.list_untagged(tree.root()).await?;
        layout.finish()?;
        self.program.convert(folder.path(), &from, &to).await?;
        let layout = OciLayout::open(&to)?;
        let (_, root) = layout.only().await?;
        let converted = ImageTree::read(root, &layout).await?;
        check(&tree, &converted)?;
        let plan = CopyPlan::new(&converted, registry).await?;
        copy(&plan, &layout, registry, None, unheard).await?;
        Ok(plan.root)
    }
}

/// Refuses what is not the image with an index of its layers.
fn check(built: &ImageTree, converted: &ImageTree) -> Result<(), SociProblem> {
    let Ok(Content::Index(index)) = converted.root().content() else {
        return Err(SociProblem::Unexpected("it is no index"));
    };
    if !index.manifests.iter().any(Descriptor::is_soci_index) {
        return Err(SociProblem::Unexpected("it has none"));
    }
    let blobs = converted.blobs();
    if built.blobs().keys().all(|blob| blobs.contains_key(blob)) {
        Ok(())
    } else {
        Err(SociProblem::Unexpected("a config or layer is missing"))
    }
}

#[async_trait]
impl Builder for SociBuilder<'_> {
    async fn check(&self, request: &BuildRequest) -> Result<EngineSummary, BuildError> {
        self.program.check().await?;
        self.inner.check(request).await
    }

    async fn publish(
        &self,
        request: &BuildRequest,
        registry: &dyn WriteRepository,
    ) -> Result<Digest, BuildError> {
        let built = self.inner.publish(request, registry).await?;
        self.convert(built, registry).await
    }
}

impl SociProgram<'_> {
    /// Finds out, without an effect, whether it is there and does what is asked of it.
    async fn check(&self) -> Result<(), SociProblem> {
        let (_, output, _) = self
            .run(&["convert", "--help"].map(OsStr::new), Path::new("/"))
            .await?;
        if output.contains("--standalone") {
            Ok(())
        } else {
            Err(SociProblem::TooOld)
        }
    }

    async fn convert(&self, folder: &Path, from: &Path, to: &Path) -> Result<(), SociProblem> {
        let options = [
            "convert",
            "--standalone",
            "--format",
            "oci-dir",
            "--all-platforms",
        ];
        let mut arguments: Vec<&OsStr> = options.map(OsStr::new).to_vec();
        arguments.extend([from.as_os_str(), to.as_os_str()]);
        match self.run(&arguments, folder).await? {
            (true, _, _) => Ok(()),
            (false, _, words) => Err(SociProblem::Failed(words)),
        }
    }

    /// Runs the program to its end: whether it succeeded, what it prints, and its last words. It ends with the future.
    async fn run(&self, arguments: &[&OsStr], folder: &Path) -> Result<(bool, String, String), SociProblem> {
        let mut child = Command::new(self.name)
            .args(arguments)
            .env_clear()
            .envs(self.variables)
            // Its own copies of the image are gone with the folder.
            .env("TMPDIR", folder)
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(SociProblem::Unusable)?;
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let ended = async {
            let (output, errors, status) = tokio::join!(bounded(stdout), bounded(stderr), child.wait());
            status.map(|status| (status.success(), output, errors))
        };
        match timeout(self.limit, ended).await {
            Ok(ended) => {
                let (has_succeeded, output, errors) = ended.map_err(SociProblem::Unusable)?;
                Ok((has_succeeded, output, words(&errors)))
            }
            Err(_elapsed) => Err(SociProblem::Late {
                seconds: self.limit.as_secs(),
            }),
        }
    }
}

/// The beginning of what is printed; the rest is read too, so that the program does not wait for a reader.
async fn bounded(from: Option<impl AsyncRead + Unpin>) -> String {
    let mut output = Vec::new();
    if let Some(mut from) = from {
        // A pipe that breaks ends what is printed.
        let mut beginning = (&mut from).take(limits::SIGN_PROGRAM_BYTES);
        drop(beginning.read_to_end(&mut output).await);
        drop(tokio::io::copy(&mut from, &mut tokio::io::sink()).await);
    }
    String::from_utf8_lossy(&output).into_owned()
}

/// The last lines, which say why.
fn words(errors: &str) -> String {
    let lines: Vec<&str> = errors
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    match &lines[lines.len().saturating_sub(MAX_LINES)..] {
        [] => "it says nothing".to_owned(),
        last => cleaned(&last.join(" ")),
    }
}

impl std::fmt::Debug for SociBuilder<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SociBuilder").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
