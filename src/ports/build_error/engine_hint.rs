//! What to do about an engine or a BuildKit daemon.

use buildkit_session::Error;

/// What to do about an engine, in the words of the inputs.
pub(super) fn engine_hint(error: &Error) -> Option<&'static str> {
    Some(match error {
        Error::Address { .. } => {
            "give `docker-host` as `unix:///path`, `tcp://host:port` or `ssh://user@host`"
        }
        Error::SocketMissing { .. } | Error::Unreachable { .. } => {
            "start Docker, or name its address with `docker-host`"
        }
        Error::SocketDenied { .. } => "add the user to the group of the socket, usually `docker`",
        Error::SshMissing => "install an OpenSSH client, or name another address with `docker-host`",
        Error::TlsOnly { .. } => {
            "set `DOCKER_TLS_VERIFY=1`, and `DOCKER_CERT_PATH` to the folder of `ca.pem`, `cert.pem` and `key.pem`; a docker context has its own, which `docker context update` gives it"
        }
        Error::EngineCertificates { .. } => {
            "look at `ca.pem`, `cert.pem` and `key.pem`, in `DOCKER_CERT_PATH` or in the docker context, which `docker context update` gives others"
        }
        Error::NotAnEngine { .. } => "check the address in `docker-host`",
        Error::TooOld { .. } => "update the engine to 20.10 or later",
        Error::NotLinux { .. } => {
            "switch the engine to Linux containers, or name another one with `docker-host`"
        }
        Error::Certificates { .. } => {
            "give `ca`, `cert` and `key` in `builders` as files of PEM, or as variables by `ca-env` and so on"
        }
        Error::NoDaemon { .. } => {
            "check the line in `builders`, that buildkitd listens there, and that its certificates and `ca`, `cert` and `key` belong together"
        }
        Error::Container { .. } => {
            "check the engine's name of the image in `image`, and that containers may be privileged there"
        }
        Error::OtherContainer { .. } => {
            "remove it with `docker rm --force`, which keeps its cache in a volume, or choose another name"
        }
        Error::NotABuilder { .. } => {
            "name another builder in `builders`; `docker-host` is for Docker Engines"
        }
        Error::NoBuildKit { .. } => {
            "use Docker Engine 20.10 or later; other engines' BuildKit API is not enough"
        }
        Error::Context { .. } => "name the folder with `context`, relative to the workspace",
        Error::IgnoreFile { .. } => "correct it, or take the pattern out",
        Error::Dockerfile { .. } => "name the Dockerfile with `file`, relative to the workspace",
        Error::ContextFile { .. } => "make the file readable, or leave it out by `.dockerignore`",
        Error::Secret { .. } => "check the input `secrets`",
        Error::Output { .. } => "check the folders in `outputs`, and the space that is left",
        Error::Randomness { .. } | Error::Login { .. } => return None,
    })
}
