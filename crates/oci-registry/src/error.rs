//! What can go wrong with a registry.

use std::borrow::Cow;

use super::layout::LayoutProblem;
use super::login::LoginError;
use tagship_domain::content::InvalidManifest;
use tagship_domain::error::{Diagnose, FailureKind};
use tagship_domain::reference::{Digest, ImageName, RegistryHost, RepositoryName, Tag};

/// What can go wrong with a registry.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// There is no credential.
    #[error("no credential for registry `{host}`")]
    Login {
        /// The registry.
        host: RegistryHost,
        /// Why.
        #[source]
        source: LoginError,
    },
    /// The registry refuses a credential that was just issued.
    #[error("registry `{host}` refuses the credential: {message}")]
    Unauthorized {
        /// The registry.
        host: RegistryHost,
        /// The registry's words, cleaned.
        message: String,
    },
    /// The role lacks a permission.
    #[error("the role may not do `{action}` on repository `{repository}`")]
    NotPermitted {
        /// The IAM action, such as `ecr:PutImage`.
        action: String,
        /// The repository.
        repository: RepositoryName,
    },
    /// The session's policy does not allow what the role may allow.
    #[error(
        "a session policy does not allow `{action}` in repository `{repository}`, whatever the role allows"
    )]
    SessionNotPermitted {
        /// The IAM action, such as `ecr:PutImage`.
        action: String,
        /// The repository.
        repository: RepositoryName,
    },
    /// The role lacks permissions that a push needs.
    #[error("the role may not push to repository `{repository}`: it lacks `{}`", missing.join("`, `"))]
    PushNotPermitted {
        /// The IAM actions, in the order in which a push needs them.
        missing: Vec<&'static str>,
        /// The repository.
        repository: RepositoryName,
    },
    /// The repository does not exist.
    #[error("repository `{repository}` does not exist in registry `{host}`")]
    RepositoryMissing {
        /// The repository.
        repository: RepositoryName,
        /// The registry.
        host: RegistryHost,
    },
    /// The tag exists and the registry does not move it.
    #[error("tag `{tag}` exists already and the registry does not move it")]
    TagTaken {
        /// The tag.
        tag: Tag,
    },
    /// Content that should be there is not.
    #[error("content `{digest}` is missing")]
    ContentMissing {
        /// The digest.
        digest: Digest,
    },
    /// Bytes came that are not what was asked for.
    #[error("what came for `{expected}` is other content: {found}")]
    ContentMismatch {
        /// What was asked for.
        expected: Digest,
        /// What came.
        found: String,
    },
    /// A layout on a disk cannot be used.
    #[error("layout `{path}`: {problem}")]
    Layout {
        /// Where it is.
        path: String,
        /// What is wrong.
        problem: LayoutProblem,
    },
    /// A manifest cannot be read.
    #[error(transparent)]
    Manifest(#[from] InvalidManifest),
    /// The registry refuses the request for another reason.
    #[error("registry `{host}` refuses {operation}: {message}")]
    Refused {
        /// The registry.
        host: RegistryHost,
        /// What was tried, such as ``putting manifest `1.2.3` ``.
        operation: Box<str>,
        /// The registry's words, cleaned.
        message: String,
    },
    /// The registry cannot be reached, is overloaded or broke off.
    #[error("{operation} with registry `{host}` failed: {message}")]
    Unavailable {
        /// The registry.
        host: RegistryHost,
        /// What was tried.
        operation: Box<str>,
        /// What happened.
        message: String,
        /// Whether it was asked again and again already: repetitions of repetitions would take their product.
        was_repeated: bool,
    },
    /// The bytes to upload could not be read.
    #[error("the content to upload could not be read: {0}")]
    Source(String),
}

impl RegistryError {
    /// Whether the caller should try again now: what was tried once broke off.
    pub fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::Unavailable {
                was_repeated: false,
                ..
            }
        )
    }

    /// Whether the registry gave no answer, however often it was asked.
    pub fn is_unavailable(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }

    /// Whether the role may not read blobs, which a role that only pushes need not.
    pub fn is_unreadable_blob(&self) -> bool {
        matches!(self, Self::NotPermitted { action, .. } if action == READ_BLOB)
    }
}

/// The action that reads a blob. A role that pushes need not have it.
pub const READ_BLOB: &str = "ecr:GetDownloadUrlForLayer";

/// What a push needs, in the order in which it needs it.
/// Source: ECR user guide, "Required IAM permissions for pushing an image"; manifests are read by `BatchGetImage`.
const PUSH: [&str; 6] = [
    "ecr:BatchGetImage",
    "ecr:BatchCheckLayerAvailability",
    "ecr:InitiateLayerUpload",
    "ecr:UploadLayerPart",
    "ecr:CompleteLayerUpload",
    "ecr:PutImage",
];

/// What a push to ECR Public needs, where everybody may read.
/// Source: ECR Public user guide, "Public repository policy examples".
const PUBLIC_PUSH: [&str; 5] = [
    "ecr-public:BatchCheckLayerAvailability",
    "ecr-public:InitiateLayerUpload",
    "ecr-public:UploadLayerPart",
    "ecr-public:CompleteLayerUpload",
    "ecr-public:PutImage",
];

/// What to allow: with one action of a push all of them, since the next run would only find the next one missing.
fn permission_hint(action: &str, repository: &RepositoryName) -> String {
    let pushes = [&PUSH[..], &PUBLIC_PUSH[..]];
    let Some(all) = pushes.into_iter().find(|all| all.contains(&action)) else {
        return format!("allow `{action}` in the role's permission policy");
    };
    let all: Vec<String> = all.iter().map(|action| format!("`{action}`")).collect();
    format!(
        "let the role's permission policy allow all that a push to `{repository}` needs: {}",
        all.join(", ")
    )
}

impl Diagnose for RegistryError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::Login { source, .. } => source.kind(),
            Self::Unauthorized { .. }
            | Self::NotPermitted { .. }
            | Self::SessionNotPermitted { .. }
            | Self::PushNotPermitted { .. } => FailureKind::Credentials,
            Self::TagTaken { .. } => FailureKind::TagConflict,
            _ => FailureKind::Operation,
        }
    }

    fn hint(&self) -> Option<Cow<'static, str>> {
        match self {
            Self::Login { source, .. } => source.hint(),
            Self::Unauthorized { .. } => Some("check that the role belongs to the registry's account or is allowed by its repository policy".into()),
            Self::NotPermitted { action, repository } => Some(permission_hint(action, repository).into()),
            Self::SessionNotPermitted { .. } => Some("sessions are narrowed to the repositories that a run writes to; `session-policy: none` leaves them as the role is".into()),
            Self::PushNotPermitted { repository, .. } => Some(permission_hint(PUSH[0], repository).into()),
            Self::RepositoryMissing { repository, host } if host.is_public_ecr() => {
                let image = ImageName { registry: host.clone(), repository: repository.clone() };
                let (options, name) = (host.aws_options(), image.name_in_api());
                let create = format!("create it: aws{options} ecr-public create-repository --repository-name {name}");
                Some(match image.in_public_registry() {
                    Some((alias, _)) => format!("check that `{alias}` is the alias of the registry, or {create}").into(),
                    None => create.into(),
                })
            }
            Self::RepositoryMissing { repository, host } => {
                let options = host.aws_options();
                Some(format!("create it: aws{options} ecr create-repository --repository-name {repository} --image-tag-mutability IMMUTABLE").into())
            }
            Self::ContentMissing { .. } => {
                Some("the image is not whole where it is: push or copy it there again".into())
            }
            Self::ContentMismatch { .. } => {
                Some("nothing was taken of it; repeat, and if it stays, push or copy the image there again".into())
            }
            Self::Layout { problem, .. } => problem.hint(),
            Self::Unavailable { .. } => Some("run again: what was pushed is kept, and no tag was moved half-way".into()),
            _ => None,
        }
    }
}

impl RegistryError {
    /// Returns what a refusal of `action` means, by the registry's own words.
    ///
    /// Source: IAM user guide, "Access denied error messages".
    pub fn not_permitted(action: &str, repository: &RepositoryName, message: &str) -> Self {
        let (action, repository) = (action.to_owned(), repository.clone());
        if message.contains("no session policy allows") {
            return Self::SessionNotPermitted { action, repository };
        }
        Self::NotPermitted { action, repository }
    }
}

/// The IAM action in `User: … is not authorized to perform: ecr:PutImage on resource: …`.
pub fn missing_permission(message: &str) -> Option<&str> {
    let (_, rest) = message.split_once("perform: ")?;
    let action = rest.split([' ', ',', '.']).next()?;
    let name = action
        .strip_prefix("ecr:")
        .or_else(|| action.strip_prefix("ecr-public:"))?;
    let legal = (1..=64).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphabetic());
    legal.then_some(action)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_the_action_of_either_registry() {
        let said = |action: &str| {
            format!(
                "User: arn:aws:sts::1:assumed-role/ci/x is not authorized to perform: {action} on resource: r"
            )
        };
        for action in ["ecr:PutImage", "ecr-public:PutImage"] {
            assert_eq!(missing_permission(&said(action)), Some(action));
        }
        for other in ["s3:PutObject", "ecr-public:", "ecr-public:Put-Image"] {
            assert_eq!(missing_permission(&said(other)), None, "{other}");
        }
    }

    #[test]
    fn what_a_public_repository_lacks_is_said_in_its_own_words() {
        let repository = RepositoryName::parse("a1b2c3d4/team/app").unwrap();
        let missing = RegistryError::RepositoryMissing {
            repository: repository.clone(),
            host: RegistryHost::parse_destination("public.ecr.aws").unwrap(),
        };
        assert_eq!(
            missing.hint().as_deref(),
            Some(
                "check that `a1b2c3d4` is the alias of the registry, or create it: aws --region us-east-1 ecr-public create-repository --repository-name team/app"
            )
        );
        let refused = RegistryError::not_permitted("ecr-public:PutImage", &repository, "");
        let hint = refused.hint().unwrap();
        assert!(hint.contains("`ecr-public:UploadLayerPart`"), "{hint}");
        assert!(!hint.contains("ecr:"), "{hint}");
    }
}
