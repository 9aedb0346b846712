//! Builds whose result stays on this machine.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use buildkit_session::{Error, ExporterResponse, random_id};

use super::destination::Destination;
use super::export::{archive, digest_of, into_store};
use super::runner::BuildRunner;
use crate::ports::{BuildError, BuiltImage};
use tagship_domain::build::{ArchiveKind, BuildOutput, BuildRequest};

impl BuildRunner {
    /// Builds, and brings the result to each output; with none it is built and thrown away.
    ///
    /// One build for each output, since old engines take the first alone: all but one find every step in the cache.
    /// Dropping the future cancels the build.
    pub async fn build_outputs(
        &self,
        request: &BuildRequest,
        outputs: &[BuildOutput],
    ) -> Result<BuiltImage, BuildError> {
        let engine = self.engine().await?;
        let mut request = request.clone();
        let mut progress = self.progress(&request);
        let mut built = BuiltImage::default();
        if outputs.is_empty() {
            self.build(engine, &request, Destination::default(), &mut progress)
                .await?;
        }
        for output in outputs {
            let begun = Begun::of(output)?;
            let destination = begun.destination(output)?;
            let response = self.build(engine, &request, destination, &mut progress).await?;
            begun.finish(output)?;
            if let BuildOutput::Store(names) = output {
                built.id = Some(image_id(&response)?);
                built.names.extend(names.iter().cloned());
            }
            // The steps ran a moment ago.
            request.no_cache = false;
        }
        Ok(built)
    }
}

/// What the engine calls the image: the config's digest in a classic store, the manifest's in the other.
fn image_id(response: &ExporterResponse) -> Result<tagship_domain::reference::Digest, BuildError> {
    digest_of(response, "containerimage.digest")
        .or_else(|_| digest_of(response, "containerimage.config.digest"))
}

/// A file that is being written beside its place, and removed unless it comes to be whole.
struct Begun(Option<PathBuf>);

impl Begun {
    fn of(output: &BuildOutput) -> Result<Self, BuildError> {
        let folder = match output {
            BuildOutput::Store(_) => return Ok(Self(None)),
            BuildOutput::Folder(folder) => folder.clone(),
            BuildOutput::File(_, file) => {
                let file = behind_links(file);
                refuse_other_than_file(&file)?;
                file.parent().unwrap_or(Path::new(".")).to_owned()
            }
        };
        let folder = folder.as_path();
        fs::create_dir_all(folder).map_err(|error| unwritable(folder, &error))?;
        Ok(Self(Some(folder.join(format!(".tagship-{}", random_id()?)))))
    }

    fn destination(&self, output: &BuildOutput) -> Result<Destination, BuildError> {
        let kind = match output {
            BuildOutput::Store(names) => return Ok(Destination::export(into_store(names))),
            // The same files as with `type=local`, and no path of the engine's to be trusted.
            BuildOutput::Folder(_) => ArchiveKind::Tar,
            BuildOutput::File(kind, _) => *kind,
        };
        let file = self.0.as_deref().map(create).transpose()?;
        Ok(Destination {
            exports: vec![archive(kind)],
            file,
        })
    }

    fn finish(&self, output: &BuildOutput) -> Result<(), BuildError> {
        let Some(written) = &self.0 else { return Ok(()) };
        match output {
            BuildOutput::Store(_) => Ok(()),
            BuildOutput::File(_, file) => {
                let file = behind_links(file);
                refuse_other_than_file(&file)?;
                fs::rename(written, &file).map_err(|error| unwritable(&file, &error))
            }
            BuildOutput::Folder(folder) => {
                unpack(written, folder).map_err(|error| unwritable(folder, &error))
            }
        }
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        if let Some(written) = &self.0 {
            // Renamed it is gone already.
            drop(fs::remove_file(written));
        }
    }
}

/// The file that a path leads to, which links may stand before; the path itself where there is none yet.
fn behind_links(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

/// Refuses to put a file in the place of a device, a pipe or a folder, which would be gone.
fn refuse_other_than_file(path: &Path) -> Result<(), BuildError> {
    match fs::metadata(path) {
        Ok(there) if !there.is_file() => {
            let what = if there.is_dir() {
                "is a folder"
            } else {
                "is no regular file"
            };
            Err(unwritable(path, &io::Error::other(what)))
        }
        _ => Ok(()),
    }
}

fn create(path: &Path) -> Result<File, BuildError> {
    let file = OpenOptions::new().write(true).create_new(true).open(path);
    file.map_err(|error| unwritable(path, &error))
}

/// Unpacks an archive into a folder, and nowhere else: paths that climb out and links on the way are refused.
fn unpack(archive: &Path, folder: &Path) -> io::Result<()> {
    let mut archive = tar::Archive::new(File::open(archive)?);
    archive.set_preserve_permissions(true);
    archive.set_overwrite(true);
    archive.unpack(folder)
}

fn unwritable(path: &Path, error: &io::Error) -> BuildError {
    let problem = format!("`{}`: {error}", path.display());
    Error::Output { problem }.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_takes_the_place_of_a_file_alone() {
        let work = tempfile::tempdir().unwrap();
        let path = |name: &str| work.path().join(name);
        let write = |name: &str| -> Result<(), BuildError> {
            let output = BuildOutput::File(ArchiveKind::Tar, path(name));
            let begun = Begun::of(&output)?;
            let destination = begun.destination(&output)?;
            fs::write(begun.0.as_ref().unwrap(), "new").unwrap();
            drop(destination);
            begun.finish(&output)
        };
        fs::write(path("old"), "old").unwrap();
        std::os::unix::fs::symlink("old", path("link")).unwrap();
        write("link").unwrap();
        assert_eq!(fs::read_to_string(path("old")).unwrap(), "new");
        assert!(path("link").is_symlink());
        write("fresh/file").unwrap();
        assert_eq!(fs::read_to_string(path("fresh/file")).unwrap(), "new");
        let pipe = std::process::Command::new("mkfifo").arg(path("pipe")).status();
        assert!(pipe.unwrap().success());
        std::os::unix::fs::symlink("/dev/null", path("device")).unwrap();
        for (name, what) in [
            ("pipe", "no regular file"),
            ("device", "no regular file"),
            ("fresh", "a folder"),
        ] {
            let error = write(name).unwrap_err().to_string();
            assert!(error.contains(what), "{name}: {error}");
        }
        let left = fs::read_dir(work.path()).unwrap().count();
        assert_eq!(left, 5, "nothing is left behind");
    }

    /// What the engine sends is hostile.
    #[test]
    fn nothing_is_written_outside_of_the_folder() {
        let work = tempfile::tempdir().unwrap();
        let folder = work.path().join("out");
        fs::create_dir(&folder).unwrap();
        let archive = |entries: &[(&str, Option<&str>)]| {
            let mut builder = tar::Builder::new(Vec::new());
            for (path, link) in entries {
                let mut header = tar::Header::new_gnu();
                let name = header.as_gnu_mut().unwrap();
                name.name[..path.len()].copy_from_slice(path.as_bytes());
                header.set_mode(0o644);
                header.set_size(u64::from(!link.is_some()));
                match link {
                    Some(to) => {
                        header.set_entry_type(tar::EntryType::Symlink);
                        header.set_link_name_literal(to).unwrap();
                    }
                    None => header.set_entry_type(tar::EntryType::Regular),
                }
                header.set_cksum();
                let content: &[u8] = if link.is_some() { b"" } else { b"x" };
                builder.append(&header, content).unwrap();
            }
            let path = work.path().join("archive");
            fs::write(&path, builder.into_inner().unwrap()).unwrap();
            path
        };
        for entries in [
            &[("../escaped", None)][..],
            &[("up", Some("..")), ("up/escaped", None)],
            &[("up", Some("/tmp")), ("up/tagship-escaped", None)],
        ] {
            // Refused or left out, it is not there.
            drop(unpack(&archive(entries), &folder));
            assert!(!work.path().join("escaped").exists(), "{entries:?}");
            assert!(!Path::new("/tmp/tagship-escaped").exists(), "{entries:?}");
            drop(fs::remove_file(folder.join("up")));
        }
        unpack(&archive(&[("inside", None), ("link", Some("inside"))]), &folder).unwrap();
        assert_eq!(fs::read_to_string(folder.join("link")).unwrap(), "x");
    }
}
