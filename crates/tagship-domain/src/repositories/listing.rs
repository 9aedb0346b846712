//! What a registry's repositories are and hold, for a list.

use jiff::Timestamp;
use serde::Serialize;

use crate::immutability::Mutability;
use crate::inventory::ScanSummary;
use crate::reference::RepositoryName;

/// A repository of a registry.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ListedRepository {
    /// The repository.
    pub repository: RepositoryName,
    /// Whether it is as declared; absent where nothing is declared, or where that could not be found out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drift: Option<Drift>,
    /// What it is and holds; absent where it is missing.
    #[serde(flatten)]
    pub found: Option<FoundRepository>,
}

/// What a repository is and holds.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct FoundRepository {
    /// Which tags may move.
    pub mutability: Mutability,
    /// Whether images are scanned when they are pushed, as the repository's own setting says.
    pub scan_on_push: bool,
    /// How images are encrypted, by the API's name.
    pub encryption: &'static str,
    /// How many images it holds, archived ones and those of indexes too.
    pub images: usize,
    /// The bytes of all images; layers that several images have are counted in each.
    pub bytes: u64,
    /// When an image was last pushed.
    pub last_push: Option<Timestamp>,
    /// When an image was last pulled, as far as the registry records it: once a day.
    pub last_pull: Option<Timestamp>,
    /// What the scan of the youngest image came to; of an index the sum of its images.
    pub findings: Option<ScanSummary>,
}

/// Whether a repository is as declared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Drift {
    /// It is as declared.
    AsDeclared,
    /// Settings differ.
    Differs,
    /// It cannot become what is declared.
    Refused,
    /// It is declared, and is not there.
    Missing,
    /// It is not declared.
    NotDeclared,
}

impl Drift {
    /// The word for people.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AsDeclared => "as declared",
            Self::Differs => "differs",
            Self::Refused => "cannot become what is declared",
            Self::Missing => "missing",
            Self::NotDeclared => "not declared",
        }
    }

    /// Whether `tagship repo apply` has something to do.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Differs | Self::Refused | Self::Missing)
    }
}
