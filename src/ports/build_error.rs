use std::borrow::Cow;
use std::fmt;
use std::path::PathBuf;

use super::RegistryError;
use tagship_domain::error::{Diagnose, Kind};
use tagship_domain::reference::Digest;

/// What can go wrong with the engine and the build.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The engine's address is not one.
    #[error("engine address `{address}` {problem}")]
    Address {
        /// The address.
        address: String,
        /// What is wrong with it.
        problem: String,
    },
    /// There is no socket.
    #[error("no Docker Engine listens at `{}`: there is no such socket", path.display())]
    SocketMissing {
        /// The socket.
        path: PathBuf,
    },
    /// The socket is not ours to use.
    #[error("this user may not use the Docker Engine's socket `{}`", path.display())]
    SocketDenied {
        /// The socket.
        path: PathBuf,
    },
    /// The operating system gives no random bytes, so no session can be named.
    #[error("the operating system gives no random bytes")]
    Randomness {
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// There is no ssh.
    #[error("the engine's address needs the program `ssh`, which is not there")]
    SshMissing,
    /// No engine answers.
    #[error("no Docker Engine answers at `{address}`: {message}")]
    Unreachable {
        /// The engine's address.
        address: String,
        /// Why.
        message: String,
    },
    /// The engine wants TLS.
    #[error("the engine at `{address}` speaks TLS only, which is not supported")]
    TlsOnly {
        /// The engine's address.
        address: String,
    },
    /// Something else answers.
    #[error("what answers at `{address}` is not a Docker Engine: {message}")]
    NotAnEngine {
        /// The address.
        address: String,
        /// How it differs.
        message: String,
    },
    /// The engine is older than its BuildKit's API.
    #[error("engine {version} is too old; 20.10 is the first with the API that the build needs")]
    TooOld {
        /// The engine's version.
        version: String,
    },
    /// The engine cannot do what `reproducible` asks for.
    #[error(
        "engine {version} with the containerd image store cannot set the times in layers, which `reproducible` needs"
    )]
    NotReproducible {
        /// The engine's version.
        version: String,
    },
    /// The engine runs Windows containers.
    #[error("the engine runs `{os}` containers; images are built on Linux engines only")]
    NotLinux {
        /// The operating system of its containers.
        os: String,
    },
    /// The engine does not serve BuildKit's API.
    #[error("the engine does not serve BuildKit's API: {message}")]
    NoBuildKit {
        /// How it answers.
        message: String,
    },
    /// The build context cannot be used.
    #[error("build context `{}` cannot be used: {problem}", path.display())]
    Context {
        /// The folder.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// The Dockerfile cannot be used.
    #[error("Dockerfile `{}` cannot be used: {problem}", path.display())]
    Dockerfile {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// A file of the context cannot be sent.
    #[error("the build context cannot be sent: {problem}")]
    ContextFile {
        /// The path, within the context, and what is wrong with it.
        problem: String,
    },
    /// A secret has no value.
    #[error("secret `{id}` {problem}")]
    Secret {
        /// The name that the Dockerfile knows it by.
        id: String,
        /// What is wrong.
        problem: String,
    },
    /// A build step failed.
    #[error("{}build step `{name}` failed{}{}", At(location.as_ref()), ExitCode(*exit_code), Because(message.as_deref()))]
    StepFailed {
        /// The step's name.
        name: String,
        /// The exit code of its command.
        exit_code: Option<i32>,
        /// Its own last lines of output. Hostile text.
        tail: Vec<String>,
        /// Where in the Dockerfile.
        location: Option<SourceLocation>,
        /// What the engine says, unless that is the exit code only.
        message: Option<String>,
    },
    /// The Dockerfile is wrong.
    #[error("{}the Dockerfile cannot be built: {message}", At(location.as_ref()))]
    DockerfileInvalid {
        /// What is wrong.
        message: String,
        /// Where.
        location: Option<SourceLocation>,
    },
    /// An image that the Dockerfile begins with or copies from cannot be had.
    #[error("{}base image `{image}` cannot be had: {message}", At(location.as_ref()))]
    BaseImage {
        /// The image's reference.
        image: String,
        /// Why.
        message: String,
        /// Where in the Dockerfile.
        location: Option<SourceLocation>,
    },
    /// A file that is to be copied is not there.
    #[error("{}`{path}`, which is to be copied, does not exist", At(location.as_ref()))]
    SourceMissing {
        /// The path.
        path: String,
        /// Where in the Dockerfile.
        location: Option<SourceLocation>,
    },
    /// The Dockerfile has no such stage.
    #[error("the Dockerfile has no stage `{target}`")]
    TargetMissing {
        /// The stage.
        target: String,
    },
    /// The engine's disk is full.
    #[error("the engine has no space left on its disk")]
    NoSpace,
    /// The build failed for another reason.
    #[error("{}the build failed: {message}", At(location.as_ref()))]
    Failed {
        /// The engine's words, cleaned.
        message: String,
        /// Where in the Dockerfile.
        location: Option<SourceLocation>,
    },
    /// The engine does not give out what it built.
    #[error("the engine does not give image `{}`: {message}", image.short())]
    Archive {
        /// The image's id.
        image: Digest,
        /// Why.
        message: String,
    },
    /// Pushing what was built failed.
    #[error(transparent)]
    Push(#[from] RegistryError),
}

/// A line of a file.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct SourceLocation {
    /// The file, relative to the workspace where it lies in it.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
}

impl fmt::Display for SourceLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// The beginning of a sentence about a place, if it is known.
struct At<'a>(Option<&'a SourceLocation>);

impl fmt::Display for At<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|location| write!(f, "{location}: "))
    }
}

struct ExitCode(Option<i32>);

impl fmt::Display for ExitCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .iter()
            .try_for_each(|code| write!(f, " with exit code {code}"))
    }
}

struct Because<'a>(Option<&'a str>);

impl fmt::Display for Because<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|message| write!(f, ": {message}"))
    }
}

impl Diagnose for BuildError {
    fn kind(&self) -> Kind {
        match self {
            Self::Address { .. }
            | Self::Context { .. }
            | Self::Dockerfile { .. }
            | Self::Secret { .. }
            | Self::TargetMissing { .. } => Kind::Usage,
            Self::Push(error) => error.kind(),
            _ => Kind::Operation,
        }
    }

    fn hint(&self) -> Option<Cow<'static, str>> {
        let hint = match self {
            Self::Address { .. } => {
                "give `docker-host` as `unix:///path`, `tcp://host:port` or `ssh://user@host`"
            }
            Self::SocketMissing { .. } | Self::Unreachable { .. } => {
                "start Docker, or name its address with `docker-host`"
            }
            Self::SocketDenied { .. } => "add the user to the group of the socket, usually `docker`",
            Self::Randomness { .. } => return None,
            Self::SshMissing => "install an OpenSSH client, or name another address with `docker-host`",
            Self::TlsOnly { .. } => "reach the engine by `ssh://user@host` in `docker-host`",
            Self::NotAnEngine { .. } => "check the address in `docker-host`",
            Self::TooOld { .. } => "update the engine to 20.10 or later",
            Self::NotReproducible { .. } => "update the engine to 26.0 or later, or leave `reproducible` out",
            Self::NotLinux { .. } => {
                "switch the engine to Linux containers, or name another one with `docker-host`"
            }
            Self::NoBuildKit { .. } => {
                "use Docker Engine 20.10 or later; other engines' BuildKit API is not enough"
            }
            Self::Context { .. } => "name the folder with `context`, relative to the workspace",
            Self::Dockerfile { .. } => "name the Dockerfile with `file`, relative to the workspace",
            Self::ContextFile { .. } => "make the file readable, or leave it out by `.dockerignore`",
            Self::Secret { .. } => "check the input `secrets`",
            Self::StepFailed {
                message: Some(message),
                ..
            } if message.contains("exec format error") => {
                "install emulation for the platform on the engine, or build on an engine of that platform"
            }
            Self::StepFailed { tail, .. } if tail.iter().any(|line| line.contains("exec format error")) => {
                "install emulation for the platform on the engine, or build on an engine of that platform"
            }
            Self::StepFailed { .. } => "the step's own output says why",
            Self::DockerfileInvalid { .. } => "correct the Dockerfile",
            Self::BaseImage { .. } => {
                "check the image's name, and that the engine may pull it; private images of other registries are not supported"
            }
            Self::SourceMissing { .. } => {
                "check the path, which is relative to `context`, and whether `.dockerignore` leaves it out"
            }
            Self::TargetMissing { .. } => "name a stage of the Dockerfile with `target`",
            Self::NoSpace => "free some with `docker system prune`, or give the engine a larger disk",
            Self::Failed { .. } => "the build's output above may say more",
            Self::Archive { .. } => "run again; another process may have removed the image",
            Self::Push(error) => return error.hint(),
        };
        Some(hint.into())
    }

    fn output(&self) -> &[String] {
        match self {
            Self::StepFailed { tail, .. } => tail,
            _ => &[],
        }
    }
}
