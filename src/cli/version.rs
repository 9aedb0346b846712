//! The flags of `tagship version`.

use clap::Args;
use semver::Version;

use crate::inputs::Environment;
use crate::run::VersionRequest;
use tagship_domain::bump::{Channel, Rules};
use tagship_domain::paths::{PathFilter, PathFilterError};
use tagship_domain::version::TagPrefix;

/// The flags of `tagship version`.
#[derive(Debug, Args)]
pub(super) struct VersionArguments {
    /// Make pre-releases of this name, as `1.4.0-rc.1`
    #[arg(long, value_name = "NAME")]
    channel: Option<Channel>,
    /// The version where there is none yet
    #[arg(long, value_name = "VERSION", default_value = "0.1.0", value_parser = release)]
    initial: Version,
    /// What stands before the version in git tags, such as `app/v` [default: v, and tags without it are read too]
    #[arg(long, value_name = "TEXT")]
    tag_prefix: Option<TagPrefix>,
    /// Count only commits that touch such a path, as `services/app/**`; may be repeated
    #[arg(long, value_name = "GLOB")]
    path: Vec<String>,
}

fn release(text: &str) -> Result<Version, String> {
    let version =
        Version::parse(text.strip_prefix('v').unwrap_or(text)).map_err(|error| error.to_string())?;
    if version.pre.is_empty() && version.build.is_empty() {
        Ok(version)
    } else {
        Err("it is not a release".to_owned())
    }
}

impl VersionArguments {
    /// What is asked for.
    pub(super) fn into_request(self, environment: &Environment) -> Result<VersionRequest, PathFilterError> {
        let paths = match self.path.as_slice() {
            [] => None,
            patterns => Some(PathFilter::parse(patterns)?),
        };
        Ok(VersionRequest {
            rules: Rules {
                prefix: self.tag_prefix.unwrap_or_default(),
                initial: self.initial,
                channel: self.channel,
            },
            paths,
            workspace: environment.working_directory().to_owned(),
            context: environment.working_directory().to_owned(),
            of_forge: Vec::new(),
        })
    }
}
