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

/// A text of lines `NAME=value` in which a variable has this value: in its own line, else in one at the end. Every other byte
/// stays.
fn with_line(existing: &str, name: &str, value: &str) -> String {
    let entries = entries(existing);
    // The last one counts to those who read such files.
    let own = entries
        .iter()
        .rposition(|entry| before_value(entry, name).is_some());
    if let Some(own) = own {
        let changed = entries
            .iter()
            .enumerate()
            .map(|(place, entry)| match before_value(entry, name) {
                Some(before) if place == own => format!("{before}={value}{}", line_end(entry)),
                _ => (*entry).to_owned(),
            });
        return changed.collect();
    }
    let end = if existing.contains("\r\n") { "\r\n" } else { "\n" };
    let gap = if existing.is_empty() || existing.ends_with('\n') {
        ""
    } else {
        end
    };
    format!("{existing}{gap}{name}={value}{end}")
}

/// What stands before the `=` of an entry of this variable, `export` included; `None` of another entry.
fn before_value<'a>(entry: &'a str, name: &str) -> Option<&'a str> {
    let begin = entry.trim_start_matches('\u{feff}').trim_start();
    let begin = match begin.strip_prefix("export") {
        Some(rest) if rest.starts_with([' ', '\t']) => rest.trim_start(),
        _ => begin,
    };
    let rest = begin.strip_prefix(name)?;
    rest.trim_start()
        .starts_with('=')
        .then(|| &entry[..entry.len() - rest.len()])
}

fn line_end(entry: &str) -> &'static str {
    if entry.ends_with("\r\n") {
        "\r\n"
    } else if entry.ends_with('\n') {
        "\n"
    } else {
        ""
    }
}

/// The entries of such a text with their line ends: lines, or several where a value in quotes goes over them.
///
/// Source: the README of dotenv, "Multiline values"; `docker run --env-file` knows none, and takes quotes as they are.
fn entries(text: &str) -> Vec<&str> {
    let mut entries = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let begin = end_of_quotes(rest).unwrap_or_default();
        let end = rest[begin..].find('\n').map_or(rest.len(), |end| begin + end + 1);
        let (entry, others) = rest.split_at(end);
        entries.push(entry);
        rest = others;
    }
    entries
}

/// Where the quotes end that the value of the first line begins with, if only a comment follows them in their line.
fn end_of_quotes(text: &str) -> Option<usize> {
    let line = text.lines().next()?;
    let value = line.find('=')? + 1;
    let value = value + (line[value..].len() - line[value..].trim_start().len());
    let quote = line[value..]
        .chars()
        .next()
        .filter(|first| "\"'`".contains(*first))?;
    if line.trim_start().starts_with('#') {
        return None;
    }
    let mut is_escaped = false;
    let inside = &text[value + 1..];
    let end = inside.find(|c: char| {
        let ends = c == quote && !is_escaped;
        is_escaped = c == '\\' && quote == '"' && !is_escaped;
        ends
    })?;
    let end = value + 1 + end + 1;
    let after = text[end..].lines().next().unwrap_or_default().trim_start();
    (after.is_empty() || after.starts_with('#')).then_some(end)
}
