//! Free space on this machine's disks, looked at before something is written there.

use std::path::{Path, PathBuf};

use bollard::Docker;
use buildkit_session::{Connection, EngineAddress};

use crate::ports::BuildError;
use tagship_domain::build::{BuildOutput, TooLittleSpace};
use tagship_domain::error::cleaned;
use tagship_domain::reference::Digest;

/// What any output takes at least, in bytes; how much a build makes is known afterwards.
const LEAST: u64 = 1_000_000;

/// The smallest image, in bytes, whose export an engine is asked about.
const SMALLEST_EXPORT: u64 = 100_000_000;

/// Refuses outputs on a disk that is full already, before anything is built.
pub(super) fn check_outputs(outputs: &[BuildOutput]) -> Result<(), BuildError> {
    let places = outputs.iter().filter_map(|output| match output {
        BuildOutput::Store(_) => None,
        BuildOutput::Folder(folder) => Some(folder.as_path()),
        BuildOutput::File(_, file) => file.parent(),
    });
    places.into_iter().try_for_each(|place| check(place, LEAST))
}

/// Refuses the export of an image that the engine's disk cannot take: `docker save` of a classic store writes all of it there
/// before the first byte comes. Nothing is refused where the engine's data is not on this machine, or may not be looked at.
///
/// Source: moby, `image/tarexport/save.go`, `imagesToSave`; `daemon`, `DOCKER_TMPDIR`.
pub(super) async fn check_export(connection: &Connection, id: Digest, size: u64) -> Result<(), BuildError> {
    if size < SMALLEST_EXPORT || !matches!(connection.address(), EngineAddress::Unix(_)) {
        return Ok(());
    }
    match data_root(connection.docker(), id).await {
        Some(root) => check(&root, size),
        None => Ok(()),
    }
}

/// Returns the folder of the engine's data, where the image's own config is found in it: a folder of the same name may be another one.
async fn data_root(docker: &Docker, id: Digest) -> Option<PathBuf> {
    let engine = docker.info().await.ok()?;
    let root = PathBuf::from(engine.docker_root_dir?);
    let config = format!("image/{}/imagedb/content/sha256/{}", engine.driver?, id.hex());
    root.join(config).is_file().then_some(root)
}

fn check(place: &Path, needed: u64) -> Result<(), BuildError> {
    match free(place) {
        Some(free) if free < needed => Err(TooLittleSpace {
            place: cleaned(&place.display().to_string()),
            free,
            needed,
        }
        .into()),
        _ => Ok(()),
    }
}

/// Returns how many bytes this process may still write to the file system of `place`, or of the first folder above it that is there;
/// `None` where it does not say.
pub fn free(place: &Path) -> Option<u64> {
    let there = place.ancestors().find(|folder| folder.exists())?;
    let found = rustix::fs::statvfs(there).ok()?;
    // Some file systems count no blocks at all.
    (found.f_blocks > 0).then(|| found.f_bavail.saturating_mul(found.f_frsize))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_is_still_to_be_made_is_on_the_disk_of_the_one_above() {
        let folder = tempfile::tempdir().unwrap();
        let here = free(folder.path()).unwrap();
        let deeper = free(&folder.path().join("a/b/c")).unwrap();
        assert!(here > 0 && here.abs_diff(deeper) < 1 << 30, "{here} {deeper}");
        assert_eq!(free(Path::new("/proc")), None, "it has no blocks");
    }

    #[test]
    fn what_does_not_fit_is_refused_with_both_numbers() {
        let folder = tempfile::tempdir().unwrap();
        assert!(check(folder.path(), 1).is_ok());
        let error = check(folder.path(), u64::MAX).unwrap_err();
        assert!(
            matches!(&error, BuildError::TooLittleSpace(space) if space.needed == u64::MAX),
            "{error}"
        );
        let error = TooLittleSpace {
            place: "/out".to_owned(),
            free: 2_999_999,
            needed: 3_000_001,
        };
        assert_eq!(
            error.to_string(),
            "`/out` has 2 MB free, and at least 4 MB are to be written there"
        );
    }
}
