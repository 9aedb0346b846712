//! The flags of `tagship copy`.

use std::path::PathBuf;

use clap::Args;

use super::layout;
use super::repository::{CreationArgument, RepositoryArgumentError, RepositoryArguments};
use crate::inputs::{self, Environment};
use crate::run::{CopyRequest, Selection};
use crate::settings::{CopyPlace, LoginSettings};
use tagship_domain::content::{InvalidPlatform, Platform};
use tagship_domain::immutability::TagFilter;
use tagship_domain::reference::{PartialRef, Reference};

/// The most bytes of a list of copies.
const MAX_LIST_BYTES: usize = 1024 * 1024;

/// The flags of `tagship copy`.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(super) struct CopyArguments {
    /// What is copied: `[HOST/]REPOSITORY[:TAG][@DIGEST]`, or a layout as `oci:FOLDER[:TAG]`, `oci-archive:FILE[:TAG]`
    #[arg(value_name = "SOURCE", required_unless_present = "from_file")]
    source: Option<String>,
    /// Where it goes: `[HOST/]REPOSITORY[:TAG]`, or a layout; the tag is that of the source unless it is given
    #[arg(value_name = "TARGET", required_unless_present = "from_file")]
    target: Option<String>,
    /// Copy all tags
    #[arg(long, help_heading = "Copy")]
    all_tags: bool,
    /// Copy the tags that match, as `1.*`; may be repeated
    #[arg(long, value_name = "GLOB", value_parser = pattern, help_heading = "Copy")]
    tag_pattern: Vec<TagFilter>,
    /// Copy the one image of this platform, with its own digest
    #[arg(long, value_name = "OS/ARCH", value_parser = platform, help_heading = "Copy")]
    platform: Option<Platform>,
    /// Copy what refers to an image too: signatures, attestations, bills of materials
    #[arg(long, help_heading = "Copy")]
    referrers: bool,
    /// Leave every tag that exists where it is
    #[arg(long, help_heading = "Copy")]
    no_clobber: bool,
    /// Let tags go back to an image of a smaller version
    #[arg(long, help_heading = "Copy")]
    rollback: bool,
    #[command(flatten, next_help_heading = "Copy")]
    creation: CreationArgument,
    /// Show what would be sent, and write nothing
    #[arg(long, help_heading = "Copy")]
    dry_run: bool,
    /// Copy what a file lists: on each line a source and a target
    #[arg(long, value_name = "FILE", conflicts_with_all = ["source", "target"], help_heading = "Copy")]
    from_file: Option<PathBuf>,
    #[command(flatten)]
    repository: RepositoryArguments,
}

fn pattern(text: &str) -> Result<TagFilter, String> {
    TagFilter::parse(text).map_err(|error| error.to_string())
}

pub(super) fn platform(text: &str) -> Result<Platform, InvalidPlatform> {
    Platform::parse(text)
}

impl CopyArguments {
    /// What is asked for, one after the other.
    pub(super) fn into_requests(
        self,
        environment: &Environment,
    ) -> Result<Vec<CopyRequest>, RepositoryArgumentError> {
        let logins = inputs::logins(environment)?;
        let Some(file) = &self.from_file else {
            let (source, target) = (self.source.clone(), self.target.clone());
            let pair = (source.unwrap_or_default(), target.unwrap_or_default());
            return Ok(vec![self.request(&pair, &logins, environment)?]);
        };
        let path = environment.working_directory().join(file);
        let list =
            inputs::read_bounded(&path, MAX_LIST_BYTES).map_err(|problem| RepositoryArgumentError::List {
                file: file.display().to_string(),
                problem: problem.to_string(),
            })?;
        if list.len() > MAX_LIST_BYTES {
            return Err(RepositoryArgumentError::List {
                file: file.display().to_string(),
                problem: "it is longer than 1 MiB".to_owned(),
            });
        }
        let list = String::from_utf8_lossy(&list).into_owned();
        let lines = list.lines().enumerate().filter(|(_, line)| {
            let line = line.trim();
            !line.is_empty() && !line.starts_with('#')
        });
        lines
            .map(|(number, line)| {
                let words: Vec<&str> = line.split_whitespace().collect();
                let [source, target] = words.as_slice() else {
                    return Err(RepositoryArgumentError::List {
                        file: file.display().to_string(),
                        problem: format!("line {}: it is no source and target", number + 1),
                    });
                };
                let pair = ((*source).to_owned(), (*target).to_owned());
                self.request(&pair, &logins, environment)
            })
            .collect()
    }

    fn request(
        &self,
        (source, target): &(String, String),
        logins: &LoginSettings,
        environment: &Environment,
    ) -> Result<CopyRequest, RepositoryArgumentError> {
        let (from_place, from) = self.place(source, false, environment)?;
        let (to_place, to) = self.place(target, true, environment)?;
        if let CopyPlace::Layout(place) = &to_place
            && !layout::may_be_written(place)
        {
            return Err(RepositoryArgumentError::ReadOnly(target.clone()));
        }
        let selection = if self.all_tags || !self.tag_pattern.is_empty() {
            for (text, named) in [(source, &from), (target, &to)] {
                if named.is_some() {
                    return Err(RepositoryArgumentError::OneOfMany(text.clone()));
                }
            }
            let patterns = self.tag_pattern.iter().filter(|_| !self.all_tags);
            Selection::Tags(patterns.cloned().collect())
        } else {
            let tag = match (&to, &from) {
                (Some(Reference::Tag(tag)), _) | (None, Some(Reference::Tag(tag))) => Some(tag.clone()),
                _ => None,
            };
            match (from, &from_place) {
                (Some(from), _) => Selection::One { from, to: tag },
                (None, CopyPlace::Layout(_)) => Selection::Only { to: tag },
                (None, CopyPlace::Repository(_)) => {
                    return Err(RepositoryArgumentError::NoReference(source.clone()));
                }
            }
        };
        Ok(CopyRequest {
            source: from_place,
            target: to_place,
            selection,
            platform: self.platform.clone(),
            referrers: self.referrers,
            no_clobber: self.no_clobber,
            is_rollback: self.rollback,
            create_repository: self.creation.create_repository,
            dry_run: self.dry_run,
            logins: logins.clone(),
        })
    }

    /// Where a name leads, and what it names there.
    fn place(
        &self,
        text: &str,
        is_written: bool,
        environment: &Environment,
    ) -> Result<(CopyPlace, Option<Reference>), RepositoryArgumentError> {
        if let Some(layout) = layout::layout(text, environment.working_directory()) {
            let (place, reference) = layout?;
            return Ok((CopyPlace::Layout(place), reference));
        }
        let named = PartialRef::parse_name(text)?;
        let place = self.repository.place(&named, is_written, environment)?;
        Ok((CopyPlace::Repository(place), named.reference))
    }
}
