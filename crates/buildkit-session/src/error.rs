//! What can go wrong with an engine, and with what a build needs of this machine.

use std::path::PathBuf;

/// Why an engine cannot be used, or what a build needs of this machine is not there.
#[derive(Debug, thiserror::Error)]
pub enum Error {
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
    #[error("the engine at `{address}` speaks TLS only")]
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
    /// The engine runs Windows containers.
    #[error("the engine runs `{os}` containers; images are built on Linux engines only")]
    NotLinux {
        /// The operating system of its containers.
        os: String,
    },
    /// The certificates for an engine cannot be used.
    #[error("the certificates for the engine at `{address}` cannot be used: {problem}")]
    EngineCertificates {
        /// The engine's address.
        address: String,
        /// What is wrong, and with which.
        problem: String,
    },
    /// The certificates for a daemon cannot be used.
    #[error("the certificates for builder `{address}` cannot be used: {problem}")]
    Certificates {
        /// The daemon's address.
        address: String,
        /// What is wrong, and with which.
        problem: String,
    },
    /// No daemon answers.
    #[error("no BuildKit daemon answers at `{address}`: {message}")]
    NoDaemon {
        /// The daemon's address.
        address: String,
        /// Why.
        message: String,
    },
    /// The container of a daemon cannot be made or used.
    #[error("the container `{name}` for BuildKit cannot be used: {message}")]
    Container {
        /// Its name.
        name: String,
        /// Why.
        message: String,
    },
    /// There is a container of that name with another image or configuration.
    #[error("the container `{name}` was made of another image or configuration than `builders` says")]
    OtherContainer {
        /// Its name.
        name: String,
    },
    /// What answers is no daemon that an image can be pushed with.
    #[error("what answers at `{address}` cannot be used as a builder: {problem}")]
    NotABuilder {
        /// The address.
        address: String,
        /// What is wrong with it.
        problem: String,
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
    /// The file that says what is left out of the context cannot be used.
    #[error("ignore file `{}` cannot be used: {problem}", path.display())]
    IgnoreFile {
        /// The file.
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
    /// What was built cannot be written here.
    #[error("the result of the build cannot be written: {problem}")]
    Output {
        /// Why.
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
    /// The credential that the engine asks for is not there.
    #[error("no credential for registry `{host}`")]
    Login {
        /// The registry, as the engine names it.
        host: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}
