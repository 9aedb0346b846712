//! What a file says once an image is published.

use super::entry::{DeployFile, DeployForm, ImagePart};
use super::invalid::DeployFileProblem;
use super::{json, kustomize, yaml};
use crate::content::Platform;
use crate::facts::PlatformManifest;
use crate::reference::{Digest, ImageName, Tag};

/// The image that a file names.
#[derive(Debug, Clone, Copy)]
pub struct DeployedImage<'a> {
    /// Where it is.
    pub name: &'a ImageName,
    /// Its digest.
    pub digest: Digest,
    /// The release tag, else the commit tag.
    pub tag: Option<&'a Tag>,
    /// One manifest for each platform.
    pub platforms: &'a [PlatformManifest],
}

impl DeployedImage<'_> {
    fn reference(&self) -> String {
        self.name.at(self.digest).to_string()
    }

    fn part(&self, part: ImagePart) -> Result<String, DeployFileProblem> {
        Ok(match part {
            ImagePart::Reference => self.reference(),
            ImagePart::Digest => self.digest.to_string(),
            ImagePart::Tag => self.tag.ok_or(DeployFileProblem::NoTag)?.to_string(),
            ImagePart::Repository => self.name.to_string(),
        })
    }

    /// The image for one platform: in an index the manifest that it names.
    fn of_platform(&self, wanted: Option<&Platform>) -> Result<String, DeployFileProblem> {
        let known = || {
            self.platforms
                .iter()
                .map(|known| known.platform.to_string())
                .collect()
        };
        let found = match (wanted, self.platforms) {
            (None, [only]) => only,
            (None, _) => return Err(DeployFileProblem::SeveralPlatforms { known: known() }),
            (Some(wanted), platforms) => {
                let found = platforms.iter().find(|known| known.platform == *wanted);
                found.ok_or_else(|| DeployFileProblem::NoPlatform {
                    platform: wanted.to_string(),
                    known: known(),
                })?
            }
        };
        Ok(self.name.at(found.digest).to_string())
    }
}

impl DeployFile {
    /// Returns the file whose text [`DeployFile::render`] is given; `None` where nothing is read.
    pub fn source(&self) -> Option<&std::path::Path> {
        match &self.form {
            DeployForm::Lambda { .. } => None,
            form => Some(form.from().unwrap_or(&self.path)),
        }
    }

    /// Returns what the file is to say; `existing` is what its source says, if that is there.
    pub fn render(
        &self,
        existing: Option<&str>,
        image: &DeployedImage<'_>,
    ) -> Result<String, DeployFileProblem> {
        let needed = || existing.ok_or(DeployFileProblem::Missing);
        match &self.form {
            DeployForm::ImageDefinitions { container } => {
                json::image_definitions(existing, container, &image.reference())
            }
            DeployForm::TaskDefinition { container, .. } => {
                json::task_definition(needed()?, container, &image.reference())
            }
            DeployForm::Kustomize { name } => {
                let repository = image.name.to_string();
                let name = name.as_deref().unwrap_or(&repository);
                Ok(kustomize::set_image(needed()?, name, &repository, &image.digest)?)
            }
            DeployForm::HelmValues { key, value } => Ok(yaml::set(needed()?, key, &image.part(*value)?)?),
            DeployForm::Lambda { function, platform } => {
                let image = image.of_platform(platform.as_ref())?;
                Ok(json::function_code(function, &image))
            }
            DeployForm::AppRunner { .. } => {
                let reference = match image.platforms {
                    [] | [_] => image.reference(),
                    // Source: AWS App Runner developer guide, "App Runner service based on a source image".
                    _ => image.of_platform(Platform::parse("linux/amd64").ok().as_ref())?,
                };
                json::service(needed()?, image.name, &reference)
            }
            DeployForm::Env { name } => Ok(with_line(existing.unwrap_or_default(), name, &image.reference())),
        }
    }
}

/// A text of lines `NAME=value` in which a variable has this value: in its own line, else in one at the end.
fn with_line(existing: &str, name: &str, value: &str) -> String {
    let line = format!("{name}={value}");
    let is_own = |line: &str| {
        let line = line.trim_start();
        let line = line.strip_prefix("export ").map_or(line, str::trim_start);
        line.strip_prefix(name)
            .is_some_and(|rest| rest.trim_start().starts_with('='))
    };
    let mut lines: Vec<&str> = existing.lines().collect();
    let own = lines.iter().rposition(|line| is_own(line));
    match own {
        // The last one counts to those who read such files.
        Some(place) => lines[place] = &line,
        None => lines.push(&line),
    }
    lines.join("\n") + "\n"
}
