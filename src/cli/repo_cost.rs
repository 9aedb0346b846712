//! The flags of `tagship repo cost`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::registry_arguments::{RegistryArguments, RepoArgumentError, repository_name};
use crate::inputs::Environment;
use crate::run::{CostRequest, CostSubject, ReadLayers};
use tagship_domain::cost::{Pulls, size_in_bytes};
use tagship_domain::reference::RepositoryName;

/// The flags of `tagship repo cost`.
#[derive(Debug, Args)]
pub(super) struct CostArguments {
    /// The repositories [default: those that are declared by name, or else all of the registry]
    #[arg(value_name = "REPOSITORY", value_parser = repository_name, conflicts_with = "size")]
    names: Vec<RepositoryName>,
    /// How often each repository is pulled from in a month, in its own region
    #[arg(long, value_name = "COUNT", default_value_t = 0)]
    pulls: u64,
    /// How often from another region
    #[arg(long, value_name = "COUNT", default_value_t = 0)]
    region_pulls: u64,
    /// How often from outside of AWS
    #[arg(long, value_name = "COUNT", default_value_t = 0)]
    internet_pulls: u64,
    /// Price images of this size, such as `500MB`, and ask no registry
    #[arg(long, value_name = "SIZE", value_parser = size_in_bytes)]
    size: Option<u64>,
    /// How many images of `--size` there are
    #[arg(long, value_name = "COUNT", default_value_t = 1, requires = "size")]
    versions: u32,
    /// Take prices from this file
    #[arg(long, value_name = "FILE")]
    prices: Option<PathBuf>,
    /// Read which layers images share, which ECR takes for pulls
    #[arg(long, value_enum, value_name = "WHEN", default_value_t = Layers::Auto, conflicts_with = "size")]
    layers: Layers,
    /// Print Markdown, for a pull request or a job's summary
    #[arg(long)]
    markdown: bool,
    #[command(flatten)]
    registry: RegistryArguments,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Layers {
    /// Unless the lifecycle policy counts from the last pull
    Auto,
    /// In any case
    Always,
    /// Never: each image counts whole
    Never,
}

impl CostArguments {
    /// What is asked for.
    pub(super) fn into_request(self, environment: &Environment) -> Result<CostRequest, RepoArgumentError> {
        let subject = match self.size {
            Some(size) => CostSubject::Numbers {
                size,
                versions: self.versions,
            },
            None => CostSubject::Registry {
                settings: Box::new(self.registry.into_settings(environment)?),
                names: self.names,
                layers: match self.layers {
                    Layers::Auto => ReadLayers::Auto,
                    Layers::Always => ReadLayers::Always,
                    Layers::Never => ReadLayers::Never,
                },
            },
        };
        Ok(CostRequest {
            subject,
            pulls: Pulls {
                region: self.pulls,
                other_region: self.region_pulls,
                internet: self.internet_pulls,
            },
            prices: self.prices.map(|path| environment.working_directory().join(path)),
            is_markdown: self.markdown,
        })
    }
}
