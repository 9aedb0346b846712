//! Every limit of time and size that a run has for its peers, in one table: `docs/limits.md` is made from it.
//!
//! A peer that says nothing or endless ends in an error that says so. What may be silent on purpose, such as a build
//! step, is bounded by the input `stall-timeout`; whether its engine is still there is asked meanwhile.

use std::fmt;
use std::time::Duration;

use buildkit_session::limits as engine;
use oci_registry::RetryPolicy;
use tagship_domain::findings::Scan;

/// How long a connection may take to stand, to any peer.
pub const CONNECT: Duration = oci_registry::CONNECT;

/// How often the operating system asks whether the other end of an idle connection is there.
pub const KEEP_ALIVE: Duration = oci_registry::KEEP_ALIVE;

/// How long an engine may take to answer what it knows: ping, version, upgrade of a connection, its workers.
pub const ENGINE_ANSWER: Duration = engine::ANSWER;
/// How long an engine may take over lists, inspections and removals.
pub const ENGINE_CALL: Duration = engine::CALL;
/// How long an engine may be silent before it is asked whether it is there.
pub const ENGINE_PING: Duration = engine::PING;
/// How long an engine may take to say so.
pub const ENGINE_PONG: Duration = engine::PONG;
/// How long the stream of an image may stand still although the engine is there: it first writes the image to its disk.
pub const ENGINE_EXPORT: Duration = engine::EXPORT;
/// How often a registry is asked whether it is there while an engine pushes to it.
pub const ENGINE_PUSH_PING: Duration = Duration::from_mins(1);
/// How long the registry may take to say so, with repetitions.
pub const ENGINE_PUSH_PONG: Duration = Duration::from_mins(2);
/// The most bytes of an engine's answer about itself.
pub const ENGINE_VERSION_BYTES: u64 = engine::VERSION_BYTES;
/// The most bytes of an engine's list.
pub const ENGINE_LIST_BYTES: u64 = engine::LIST_BYTES;

/// How long a registry is waited for.
pub const REGISTRY: RetryPolicy = RetryPolicy::DEFAULT;

/// How long one try of an AWS call may take.
pub const AWS_TRY: Duration = Duration::from_secs(20);
/// How long one AWS call may take with its repetitions.
pub const AWS_CALL: Duration = Duration::from_mins(1);
/// The most bytes of an answer of STS.
pub const STS_BYTES: u64 = MIB;
/// The most bytes of an answer that holds a token: ECR's or GitHub's.
pub const TOKEN_BYTES: u64 = 64 * KIB;
/// The most bytes of any other answer of ECR's API, which may hold a hundred manifests.
pub const ECR_BYTES: u64 = 64 * MIB;

/// The pause after the first question for a scan that goes on; it doubles from one to the next.
pub const SCAN_FIRST_PAUSE: Duration = Duration::from_secs(2);
/// The longest pause between two questions.
pub const SCAN_LONGEST_PAUSE: Duration = Duration::from_secs(15);
/// How long the registry may take to begin its own scan, before one is begun where that is allowed.
pub const SCAN_BEGIN: Duration = Duration::from_secs(30);
/// How long an enhanced scan that found nothing is asked again.
pub const SCAN_SETTLES: Duration = Duration::from_secs(Scan::SETTLE.as_secs().unsigned_abs());

/// How long a commit may take that a git server gives as the build context.
pub const GIT_FETCH: Duration = Duration::from_mins(15);

/// How long the program git may take to list or push tags.
pub const GIT_REMOTE: Duration = Duration::from_mins(1);

/// How long GitHub may take to give an OIDC token.
pub const OIDC: Duration = Duration::from_secs(15);
/// How long one try of a call to GitHub's API may take.
pub const GITHUB_TRY: Duration = Duration::from_secs(10);
/// The most bytes of an answer of GitHub's API.
pub const GITHUB_BYTES: u64 = 10 * MIB;
/// How long GitHub's API is left alone when it asks for that; for longer the run ends.
pub const GITHUB_PAUSE: Duration = Duration::from_mins(1);
/// How long one try of sending a release's file may take.
pub const GITHUB_UPLOAD: Duration = Duration::from_mins(2);
/// The most pages of a list of GitHub's API, of a hundred entries each.
pub const GITHUB_PAGES: usize = 100;
/// The most pages of commits since the last release, of a hundred each.
pub const GITHUB_COMMIT_PAGES: usize = 20;

/// The most bytes of a document of the registry that a release carries.
pub const RELEASE_DOCUMENT_BYTES: u64 = tagship_domain::release::MAX_DOCUMENT_BYTES;

/// How long one run of a program that signs or verifies may take.
pub const SIGN_PROGRAM: Duration = Duration::from_mins(2);
/// The most bytes that are kept of what it prints, on each stream.
pub const SIGN_PROGRAM_BYTES: u64 = 64 * KIB;
/// How long the program may take that indexes an image's layers: it reads all of them.
pub const SOCI_PROGRAM: Duration = Duration::from_mins(15);
/// How long ECR may take to sign an image.
pub const MANAGED_SIGNING: Duration = Duration::from_mins(5);

/// How long ECR may take to begin to copy an image to another registry.
pub const REPLICATION_BEGIN: Duration = Duration::from_mins(2);
/// How long it may take to copy it. Source: ECR user guide, "Private image replication": most take less than 30 minutes.
pub const REPLICATION: Duration = Duration::from_mins(30);

/// How long one try of sending a notice of a run may take.
pub const NOTICE_TRY: Duration = Duration::from_secs(10);
/// How often a notice is sent again that was not taken.
pub const NOTICE_REPETITIONS: usize = 2;
/// How long the first byte of standard input is waited for.
pub const STANDARD_INPUT_FIRST: Duration = Duration::from_mins(1);
/// How long standard input may be silent after that.
pub const STANDARD_INPUT_SILENCE: Duration = Duration::from_mins(5);

/// How long a program that keeps logins for the docker command may take; it may ask its user.
pub const HELPER: Duration = Duration::from_secs(30);
/// The most bytes of its answer.
pub const HELPER_BYTES: u64 = 64 * KIB;

/// The most bytes that an archive may have that a file of another program's is unpacked to.
pub const UNPACKED_ARCHIVE_BYTES: u64 = 64 * 1024 * MIB;

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;

/// One row of the table.
#[derive(Debug, Clone, Copy)]
pub struct Limit {
    /// What it is for.
    pub peer: &'static str,
    /// What it bounds.
    pub what: &'static str,
    /// The bound.
    pub bound: Bound,
}

/// A bound.
#[derive(Debug, Clone, Copy)]
pub enum Bound {
    /// Of time.
    Time(Duration),
    /// Of bytes.
    Size(u64),
    /// Of tries after the first.
    Repetitions(usize),
}

/// All limits.
pub const LIMITS: &[Limit] = &[
    row("all", "a connection stands", Bound::Time(CONNECT)),
    row(
        "all",
        "an idle connection until it is asked whether its end is there",
        Bound::Time(KEEP_ALIVE),
    ),
    row(
        "all",
        "one operation with its repetitions",
        Bound::Time(REGISTRY.operation),
    ),
    row(
        "engine",
        "ping, version, upgrade, workers",
        Bound::Time(ENGINE_ANSWER),
    ),
    row(
        "engine",
        "a list, an inspection, a removal",
        Bound::Time(ENGINE_CALL),
    ),
    row(
        "engine",
        "silence until it is asked whether it is there",
        Bound::Time(ENGINE_PING),
    ),
    row("engine", "the answer to that", Bound::Time(ENGINE_PONG)),
    row("builder", "its version, its workers", Bound::Time(ENGINE_ANSWER)),
    row(
        "builder",
        "a pull of its image says nothing",
        Bound::Time(engine::PULL),
    ),
    row("builder", "it starts in a container", Bound::Time(engine::START)),
    row(
        "builder",
        "a build until it is asked whether it is there, and the answer, each",
        Bound::Time(ENGINE_PING),
    ),
    row(
        "engine",
        "the stream of an image stands still, though the engine is there",
        Bound::Time(ENGINE_EXPORT),
    ),
    row(
        "registry",
        "silence until it is asked whether it is there, while the engine pushes",
        Bound::Time(ENGINE_PUSH_PING),
    ),
    row(
        "registry",
        "the answer to that, with its repetitions",
        Bound::Time(ENGINE_PUSH_PONG),
    ),
    row("engine", "its version", Bound::Size(ENGINE_VERSION_BYTES)),
    row("engine", "a list, an inspection", Bound::Size(ENGINE_LIST_BYTES)),
    row(
        "registry",
        "one request with a small body",
        Bound::Time(REGISTRY.answer),
    ),
    row(
        "registry",
        "an upload without a byte moving",
        Bound::Time(REGISTRY.stall),
    ),
    row(
        "registry",
        "checking an uploaded blob",
        Bound::Time(REGISTRY.commit),
    ),
    row(
        "registry",
        "silence over an uploaded blob until it is asked whether it is there, and the answer, each",
        Bound::Time(REGISTRY.answer),
    ),
    row(
        "registry",
        "one request",
        Bound::Repetitions(REGISTRY.repetitions),
    ),
    row(
        "registry",
        "a manifest",
        Bound::Size(tagship_domain::content::MAX_MANIFEST_BYTES as u64),
    ),
    row(
        "registry",
        "a bill of materials, provenance or signature that a release carries",
        Bound::Size(RELEASE_DOCUMENT_BYTES),
    ),
    row("AWS", "one try of a call", Bound::Time(AWS_TRY)),
    row("AWS", "a call with its repetitions", Bound::Time(AWS_CALL)),
    row("AWS", "an answer of STS", Bound::Size(STS_BYTES)),
    row("AWS", "an authorization token", Bound::Size(TOKEN_BYTES)),
    row("AWS", "any other answer of ECR", Bound::Size(ECR_BYTES)),
    row(
        "registry",
        "its own scan begins, before `scan: start` begins one",
        Bound::Time(SCAN_BEGIN),
    ),
    row(
        "registry",
        "an enhanced scan that found nothing is asked again",
        Bound::Time(SCAN_SETTLES),
    ),
    row("git server", "a commit with its files", Bound::Time(GIT_FETCH)),
    row(
        "git server",
        "tags that are listed or pushed",
        Bound::Time(GIT_REMOTE),
    ),
    row("GitHub", "an OIDC token", Bound::Time(OIDC)),
    row("GitHub", "an OIDC token", Bound::Size(TOKEN_BYTES)),
    row("GitHub", "one try of a call to the API", Bound::Time(GITHUB_TRY)),
    row("GitHub", "an answer of the API", Bound::Size(GITHUB_BYTES)),
    row(
        "GitHub",
        "a pause that the API asks for",
        Bound::Time(GITHUB_PAUSE),
    ),
    row(
        "GitHub",
        "one try of sending a release's file",
        Bound::Time(GITHUB_UPLOAD),
    ),
    row("soci", "one run", Bound::Time(SOCI_PROGRAM)),
    row("cosign, notation", "one run", Bound::Time(SIGN_PROGRAM)),
    row(
        "cosign, notation",
        "what is kept of its output",
        Bound::Size(SIGN_PROGRAM_BYTES),
    ),
    row(
        "AWS",
        "ECR signs an image, with `sign: managed`",
        Bound::Time(MANAGED_SIGNING),
    ),
    row(
        "AWS",
        "ECR begins to replicate an image, with `wait-for-replication`",
        Bound::Time(REPLICATION_BEGIN),
    ),
    row("AWS", "ECR replicates an image", Bound::Time(REPLICATION)),
    row("webhook", "one try of sending a notice", Bound::Time(NOTICE_TRY)),
    row("webhook", "a notice", Bound::Repetitions(NOTICE_REPETITIONS)),
    row(
        "standard input",
        "its first byte",
        Bound::Time(STANDARD_INPUT_FIRST),
    ),
    row(
        "standard input",
        "silence after that",
        Bound::Time(STANDARD_INPUT_SILENCE),
    ),
    row(
        "file",
        "an archive that is pushed, unpacked",
        Bound::Size(UNPACKED_ARCHIVE_BYTES),
    ),
    row("credential helper", "one answer", Bound::Time(HELPER)),
    row("credential helper", "one answer", Bound::Size(HELPER_BYTES)),
];

const fn row(peer: &'static str, what: &'static str, bound: Bound) -> Limit {
    Limit { peer, what, bound }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Time(time) if time.as_secs() >= 3600 => write!(f, "{} h", time.as_secs() / 3600),
            Self::Time(time) if time.as_secs() > 60 => write!(f, "{} min", time.as_secs() / 60),
            Self::Time(time) => write!(f, "{} s", time.as_secs()),
            Self::Size(bytes) if *bytes >= MIB => write!(f, "{} MiB", bytes / MIB),
            Self::Size(bytes) => write!(f, "{} KiB", bytes / KIB),
            Self::Repetitions(count) => write!(f, "{count} repetitions"),
        }
    }
}
