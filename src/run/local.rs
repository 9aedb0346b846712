//! Where the image goes: a registry, or the embedded ECR, started for this run when nobody serves its data.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use super::{Outcome, RunError};
use crate::domain::immutability::Mutability;
use crate::domain::reference::{ImageName, RepositoryName};
use crate::local::LocalEcr;
use crate::ports::{Event, Reporter};
use crate::settings::{Destination, IdentitySettings, LocalServerSettings, Settings};

/// Where the image goes, and whom to be there.
pub(super) struct Place {
    pub(super) image: ImageName,
    pub(super) identity: IdentitySettings,
    emulator: Option<LocalEcr>,
}
