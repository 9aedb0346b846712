//! The flags of `tagship promote`.

use clap::Args;

use super::repository::{RepositoryArgumentError, RepositoryArguments};
use super::scan::GateArguments;
use crate::inputs::{self, Environment};
use crate::run::PromoteRequest;
use tagship_domain::findings::ScanMode;
use tagship_domain::reference::{PartialRef, Tag};
use tagship_domain::signing::Signer;

/// The flags of `tagship promote`.
#[derive(Debug, Args)]
pub(super) struct PromoteArguments {
    /// The repository that holds the image [default: that of the settings]
    #[arg(value_name = "[HOST/]REPOSITORY")]
    name: Option<String>,
    /// The image: a tag or a digest
    #[arg(long, value_name = "TAG|DIGEST", help_heading = "Promotion")]
    from: String,
    /// A tag that it gets, or a rule that makes one of what the image says of itself; may be repeated
    #[arg(long, value_name = "TAG|RULE", required = true, value_parser = tag_or_rule, help_heading = "Promotion")]
    to: Vec<String>,
    /// A repository that gets it, in place of its own; may be repeated
    #[arg(long, value_name = "[HOST/]REPOSITORY", help_heading = "Promotion")]
    to_repository: Vec<String>,
    /// The role to assume for those repositories, where it is another
    #[arg(
        long,
        value_name = "ARN",
        requires = "to_repository",
        help_heading = "Promotion"
    )]
    to_role_to_assume: Option<String>,
    /// A tag that the image must have where it is; may be repeated
    #[arg(long, value_name = "TAG", help_heading = "Promotion")]
    require_tag: Vec<Tag>,
    /// Promote the image only if the findings of its scan pass, as the scan gate of `ship` judges them
    #[arg(long, help_heading = "Promotion")]
    require_scan: bool,
    #[command(flatten)]
    gate: GateArguments,
    /// Promote the image only if it is signed: `cosign` and `notation` verify with that program, `managed` asks ECR
    #[arg(long, value_name = "SIGNER", value_parser = signer, help_heading = "Promotion")]
    require_signed: Option<Signer>,
    /// The public key that cosign verifies with: a path, or a reference such as `awskms:///alias/NAME`
    #[arg(
        long,
        value_name = "KEY",
        requires = "require_signed",
        help_heading = "Promotion"
    )]
    verify_key: Option<String>,
    /// Let tags go back from a later image to this one
    #[arg(long, help_heading = "Promotion")]
    rollback: bool,
    /// Show what would be done, and write nothing
    #[arg(long, help_heading = "Promotion")]
    dry_run: bool,
    #[command(flatten)]
    repository: RepositoryArguments,
}

impl PromoteArguments {
    /// What is asked for.
    pub(super) fn into_request(
        self,
        environment: &Environment,
    ) -> Result<PromoteRequest, RepositoryArgumentError> {
        let named = self.name.as_deref().map(PartialRef::parse_name).transpose()?;
        let gate = match self.gate.first() {
            _ if self.require_scan => Some(self.gate.into_settings(
                &self.repository,
                named.as_ref(),
                ScanMode::Wait,
                environment,
            )?),
            Some(flag) => return Err(RepositoryArgumentError::Unscanned(flag)),
            None => None,
        };
        let signed = match (self.require_signed, self.verify_key) {
            (Some(signer), key) => Some(inputs::verification(signer, key.as_deref(), environment)?),
            (None, _) => None,
        };
        let from = PartialRef::parse(&self.from)?.reference;
        let targets = self.to_repository.iter().map(|name| {
            let named = self.repository.here(&PartialRef::parse_name(name)?, environment);
            let arguments = self
                .repository
                .for_target(&named, self.to_role_to_assume.as_deref());
            arguments.into_settings(&named, environment)
        });
        Ok(PromoteRequest {
            targets: targets.collect::<Result<_, _>>()?,
            from: from.ok_or(RepositoryArgumentError::NoReference(self.from))?,
            source: self
                .repository
                .into_settings(&named.unwrap_or_default(), environment)?,
            tags: self.to.join("\n"),
            required: self.require_tag,
            gate,
            signed,
            is_rollback: self.rollback,
            dry_run: self.dry_run,
            workspace: environment.working_directory().to_owned(),
            github: inputs::forge(environment),
        })
    }
}

/// Reads who signs.
fn signer(text: &str) -> Result<Signer, &'static str> {
    Signer::parse(text).ok_or("it is none of `cosign`, `notation` and `managed`")
}

/// Reads a tag or a rule. A blank one, as of a variable that is not set, is not the wish for the usual tags.
pub(super) fn tag_or_rule(text: &str) -> Result<String, &'static str> {
    if text.trim().is_empty() {
        return Err("it is blank");
    }
    Ok(text.to_owned())
}
