//! What a registry refuses, in the words of ECR.

use serde_json::{Map, Value};

use tagship_domain::reference::{AccountId, Digest, RepositoryName, Tag};

/// Which words ECR has for a tag that must not move; both are seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ImmutableWording {
    /// "… because the repository is immutable."
    #[default]
    Repository,
    /// "… because the tag is immutable."
    Tag,
}

/// A request that the registry refuses; each is an exception of ECR's API.
///
/// The texts are those that ECR gives. Source: ECR API reference, and the texts quoted in public reports.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("{0}")]
    InvalidParameter(String),
    #[error("The repository with name '{repository}' does not exist in the registry with id '{registry}'")]
    RepositoryNotFound { repository: String, registry: String },
    #[error("The repository with name '{repository}' already exists in the registry with id '{registry}'")]
    RepositoryAlreadyExists {
        repository: RepositoryName,
        registry: AccountId,
    },
    #[error(
        "The repository with name '{repository}' in registry with id '{registry}' cannot be deleted because it still contains images"
    )]
    RepositoryNotEmpty {
        repository: RepositoryName,
        registry: AccountId,
    },
    #[error(
        "The image with imageId {{imageDigest:'{}', imageTag:'{}'}} does not exist within the repository with name '{repository}' in the registry with id '{registry}'",
        or_null(digest.as_ref()), or_null(tag.as_ref())
    )]
    ImageNotFound {
        digest: Option<String>,
        tag: Option<String>,
        repository: RepositoryName,
        registry: AccountId,
    },
    #[error(
        "Image with digest '{digest}' and tag '{}' already exists in the repository with name '{repository}' in registry with id '{registry}'",
        or_null(tag.as_ref())
    )]
    ImageAlreadyExists {
        digest: Digest,
        tag: Option<Tag>,
        repository: RepositoryName,
        registry: AccountId,
    },
    #[error(
        "The image tag '{tag}' already exists in the '{repository}' repository and cannot be overwritten because the {} is immutable.",
        match wording { ImmutableWording::Repository => "repository", ImmutableWording::Tag => "tag" }
    )]
    ImageTagAlreadyExists {
        tag: Tag,
        repository: RepositoryName,
        wording: ImmutableWording,
    },
    #[error(
        "Layers with digests '[{}]' required for pushing image into repository with name '{repository}' in the registry with id '{registry}' do not exist",
        list(digests)
    )]
    LayersNotFound {
        digests: Vec<Digest>,
        repository: RepositoryName,
        registry: AccountId,
    },
    #[error(
        "Images with digests '[{}]' required for pushing image into repository with name '{repository}' in the registry with id '{registry}' do not exist",
        list(digests)
    )]
    ReferencedImagesNotFound {
        digests: Vec<Digest>,
        repository: RepositoryName,
        registry: AccountId,
    },
    #[error(
        "The image with digest '{digest}' in repository '{repository}' and registry ID '{registry}' does not match the image digest that Amazon ECR has calculated."
    )]
    ImageDigestDoesNotMatch {
        digest: Digest,
        repository: RepositoryName,
        registry: AccountId,
    },
    #[error(
        "Upload with id '{upload}' does not exist in the repository with name '{repository}' in the registry with id '{registry}'"
    )]
    UploadNotFound {
        upload: String,
        repository: RepositoryName,
        registry: AccountId,
    },
    #[error("None of the provided layer digests match the calculated layer digest")]
    InvalidLayer,
    #[error("The upload does not contain any layer parts")]
    EmptyUpload,
    #[error("All layer parts except the last part should be at least 5MB")]
    LayerPartTooSmall,
    #[error("The layer part is not valid: {problem}")]
    InvalidLayerPart {
        problem: &'static str,
        /// The bytes that are there.
        next: u64,
        upload: String,
        repository: RepositoryName,
        registry: AccountId,
    },
    #[error("Requested image not found")]
    ManifestNotFound,
    #[error("The layer with digest '{digest}' does not exist in the repository with name '{repository}'")]
    LayerNotFound {
        digest: Digest,
        repository: RepositoryName,
    },
    /// Any other exception of the API, by its name.
    #[error("{message}")]
    Modelled { code: &'static str, message: String },
    #[error("{0}")]
    AccessDenied(String),
    #[error("Your authorization token has expired. Reauthenticate and try again.")]
    TokenExpired,
    #[error("{0}")]
    Serialization(String),
    #[error("{0}")]
    UnknownOperation(String),
    #[error("the emulator's state cannot be read or written")]
    State(#[source] Box<dyn std::error::Error + Send + Sync>),
}

fn or_null<T: ToString>(value: Option<&T>) -> String {
    value.map_or_else(|| "null".to_owned(), ToString::to_string)
}

fn list(digests: &[Digest]) -> String {
    let texts: Vec<String> = digests.iter().map(ToString::to_string).collect();
    texts.join(", ")
}

impl Refusal {
    /// "Invalid parameter at 'P' failed to satisfy constraint: 'C'".
    pub(crate) fn parameter(parameter: &str, constraint: impl std::fmt::Display) -> Self {
        Self::InvalidParameter(format!(
            "Invalid parameter at '{parameter}' failed to satisfy constraint: '{constraint}'"
        ))
    }

    /// An exception that has no rules of its own here.
    pub(crate) fn modelled(code: &'static str, message: impl Into<String>) -> Self {
        Self::Modelled {
            code,
            message: message.into(),
        }
    }

    /// A failure of the disk or the database.
    pub(crate) fn state(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::State(error.into())
    }

    /// What the exception has beside its message, in the JSON API.
    pub(crate) fn members(&self) -> Map<String, Value> {
        let mut members = Map::new();
        if let Self::InvalidLayerPart {
            next,
            upload,
            repository,
            registry,
            ..
        } = self
        {
            members.insert("registryId".to_owned(), registry.to_string().into());
            members.insert("repositoryName".to_owned(), repository.to_string().into());
            members.insert("uploadId".to_owned(), upload.as_str().into());
            if let Some(last) = next.checked_sub(1) {
                members.insert("lastValidByteReceived".to_owned(), last.into());
            }
        }
        members
    }

    /// The exception's name in the JSON API.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::InvalidParameter(_) => "InvalidParameterException",
            Self::RepositoryNotFound { .. } => "RepositoryNotFoundException",
            Self::RepositoryAlreadyExists { .. } => "RepositoryAlreadyExistsException",
            Self::RepositoryNotEmpty { .. } => "RepositoryNotEmptyException",
            Self::ImageNotFound { .. } | Self::ManifestNotFound => "ImageNotFoundException",
            Self::ImageAlreadyExists { .. } => "ImageAlreadyExistsException",
            Self::ImageTagAlreadyExists { .. } => "ImageTagAlreadyExistsException",
            Self::LayersNotFound { .. } | Self::LayerNotFound { .. } => "LayersNotFoundException",
            Self::ReferencedImagesNotFound { .. } => "ReferencedImagesNotFoundException",
            Self::ImageDigestDoesNotMatch { .. } => "ImageDigestDoesNotMatchException",
            Self::UploadNotFound { .. } => "UploadNotFoundException",
            Self::InvalidLayer => "InvalidLayerException",
            Self::EmptyUpload => "EmptyUploadException",
            Self::LayerPartTooSmall => "LayerPartTooSmallException",
            Self::InvalidLayerPart { .. } => "InvalidLayerPartException",
            Self::Modelled { code, .. } => code,
            Self::AccessDenied(_) => "AccessDeniedException",
            Self::TokenExpired => "ExpiredTokenException",
            Self::Serialization(_) => "SerializationException",
            Self::UnknownOperation(_) => "UnknownOperationException",
            Self::State(_) => "ServerException",
        }
    }
}

/// Every way in which the database fails is a failure of the state.
macro_rules! database_failures {
    ($($error:ty),*) => {$(
        impl From<$error> for Refusal {
            fn from(error: $error) -> Self {
                Self::state(redb::Error::from(error))
            }
        }
    )*};
}
database_failures!(
    redb::DatabaseError,
    redb::TransactionError,
    redb::TableError,
    redb::StorageError,
    redb::CommitError
);

impl From<std::io::Error> for Refusal {
    fn from(error: std::io::Error) -> Self {
        Self::state(error)
    }
}

impl From<tokio::task::JoinError> for Refusal {
    fn from(error: tokio::task::JoinError) -> Self {
        Self::state(error)
    }
}
