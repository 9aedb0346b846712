//! The writing of a release, each step as far as it is not done.

use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBuilder};

use super::files::ReleasedImage;
use super::gather_tags;
use crate::pipeline::{Ledger, PipelineError};
use crate::ports::{
    ForgeError, ForgeRelease, NewAsset, ReleaseAsset, ReleaseDraft, ReleasePlace, WriteReleases,
};
use crate::report::{ReleaseOutcome, TagOutcome};
use tagship_domain::facts::CommitId;
use tagship_domain::reference::Digest;
use tagship_domain::release::{
    GitTagAction, ImageRecord, MovingTagPlan, RECORD_NAME, ReleaseConflict, ReleaseNotes, ReleasePlan,
};

/// The file with what the scan found.
const FINDINGS_NAME: &str = "findings.sarif";

/// What writes a release.
pub(super) struct ReleaseWriter<'a> {
    pub(super) plan: &'a ReleasePlan,
    pub(super) image: ReleasedImage<'a>,
    pub(super) place: ReleasePlace<'a>,
    /// What the registry holds about the image, as files.
    pub(super) documents: &'a [NewAsset],
    pub(super) ledger: &'a Ledger,
}

impl ReleaseWriter<'_> {
    /// Puts the git tag of the version.
    pub(super) async fn put_tag(&self) -> Result<(), PipelineError> {
        let ReleasePlan { tag, commit, .. } = self.plan;
        if self.plan.git_tag == GitTagAction::Keep {
            self.ledger.git_tag(tag, TagOutcome::Kept);
            return Ok(());
        }
        let message = format!("{tag}\n\n{}\n", self.image.name.at(self.image.digest));
        let message = self.plan.is_annotated.then_some(message.as_str());
        let existing = self.put(tag, message).await?;
        if existing != *commit {
            let (tag, commit) = (tag.clone(), commit.clone());
            return Err(ReleaseConflict {
                tag,
                existing,
                commit,
            }
            .into());
        }
        self.ledger.git_tag(tag, TagOutcome::Created);
        Ok(())
    }

    /// Puts a git tag; gives the commit that it points to then.
    async fn put(&self, tag: &str, message: Option<&str>) -> Result<CommitId, ForgeError> {
        let (commit, tags) = (&self.plan.commit, self.place.tags());
        let put = async || {
            tags.create_tag(tag, commit, message)
                .await
                .map(|()| commit.clone())
        };
        settled(put, async || tags.tag_commit(tag).await).await
    }

    /// Makes the draft with all that it holds; `None` where the release is published.
    pub(super) async fn prepare(&self) -> Result<Option<ForgeRelease>, PipelineError> {
        let Some(forge) = self.place.releases() else {
            return Ok(None);
        };
        let tag = &self.plan.tag;
        let notes = ReleaseNotes {
            plan: self.plan,
            image: self.image.name,
            digest: self.image.digest,
            tags: self.image.tags,
            platforms: self.image.platforms,
        };
        let release = if let Some(release) = forge.release(tag).await? {
            release
        } else {
            let text = notes.text(None);
            let draft = ReleaseDraft {
                tag,
                text: &text,
                is_prerelease: self.plan.is_prerelease,
            };
            let make = async || forge.draft(&draft).await;
            settled(make, async || forge.release(tag).await).await?
        };
        if !release.is_draft {
            self.ledger.release(ReleaseOutcome::Kept, &release.url, false);
            return Ok(None);
        }
        let text = notes.text(Some(&release.text));
        if release.text.replace("\r\n", "\n") != text {
            forge.rewrite(release.id, &text).await?;
        }
        self.send_files(&release, forge).await?;
        Ok(Some(release))
    }

    /// Gives a draft all its files.
    async fn send_files(&self, draft: &ForgeRelease, forge: &dyn WriteReleases) -> Result<(), PipelineError> {
        let record = ImageRecord::new(
            (&self.plan.version, &self.plan.commit),
            (self.image.name, self.image.digest),
            self.image.tags,
            self.image.platforms,
        );
        self.send(
            draft,
            &NewAsset {
                name: RECORD_NAME.to_owned(),
                media_type: "application/json",
                content: record.json().into_bytes(),
            },
            forge,
        )
        .await?;
        if let Some(findings) = self.image.findings {
            self.send(
                draft,
                &NewAsset {
                    name: FINDINGS_NAME.to_owned(),
                    media_type: "application/sarif+json",
                    content: format!("{findings:#}\n").into_bytes(),
                },
                forge,
            )
            .await?;
        }
        for document in self.documents {
            self.send(draft, document, forge).await?;
        }
        Ok(())
    }

    /// Gives a draft a file, in place of what it has under that name.
    async fn send(
        &self,
        draft: &ForgeRelease,
        asset: &NewAsset,
        forge: &dyn WriteReleases,
    ) -> Result<(), ForgeError> {
        let digest = Digest::of(&asset.content).to_string();
        let is_there = |held: &ReleaseAsset| {
            held.name == asset.name && held.is_complete && held.digest.as_deref() == Some(digest.as_str())
        };
        let mut current = draft.clone();
        let mut pauses = pauses();
        loop {
            if current.assets.iter().any(is_there) {
                break;
            }
            for other in current.assets.iter().filter(|held| held.name == asset.name) {
                forge.remove_asset(other.id).await?;
            }
            let error = match forge.upload(draft, asset).await {
                Err(error) if error.is_unsure() => error,
                Err(error) => return Err(error),
                Ok(()) => break,
            };
            let Some(pause) = pauses.next() else {
                return Err(error);
            };
            tokio::time::sleep(pause).await;
            current = forge.release(&self.plan.tag).await?.unwrap_or(current);
        }
        self.ledger.release_file(&asset.name);
        Ok(())
    }

    /// Publishes the draft.
    pub(super) async fn publish(&self, draft: &ForgeRelease) -> Result<(), PipelineError> {
        let Some(forge) = self.place.releases() else {
            return Ok(());
        };
        let ReleasePlan {
            tag,
            is_latest,
            is_prerelease,
            ..
        } = self.plan;
        let publish = async || forge.publish(draft.id, *is_latest, *is_prerelease).await;
        let look = async || {
            let release = forge.release(tag).await?;
            Ok(release
                .filter(|release| !release.is_draft)
                .map(|release| release.url))
        };
        let url = settled(publish, look).await?;
        self.ledger.release(ReleaseOutcome::Published, &url, *is_latest);
        Ok(())
    }

    /// Lets the git tags that move follow.
    pub(super) async fn move_tags(&self) -> Result<(), PipelineError> {
        let commit = &self.plan.commit;
        for MovingTagPlan { tag, action } in &self.plan.moving {
            let outcome = match action {
                GitTagAction::Keep => TagOutcome::Kept,
                GitTagAction::Hold { .. } | GitTagAction::Conflict(_) | GitTagAction::Unchecked => {
                    TagOutcome::Held
                }
                GitTagAction::Create if self.put(tag, None).await? == *commit => TagOutcome::Created,
                // Another run was faster; which of both stays is decided at the end.
                GitTagAction::Create | GitTagAction::Move { .. } => {
                    self.place.tags().move_tag(tag, commit).await?;
                    TagOutcome::Moved
                }
            };
            self.ledger.git_tag(tag, outcome);
        }
        Ok(())
    }

    /// Gives back to a greater version, which another run put at the same time, what this one took.
    pub(super) async fn confirm(&self) -> Result<(), PipelineError> {
        let is_written = |moving: &MovingTagPlan| {
            matches!(moving.action, GitTagAction::Create | GitTagAction::Move { .. })
        };
        if !self.plan.is_latest && !self.plan.moving.iter().any(is_written) {
            return Ok(());
        }
        let tags = self.place.tags();
        let facts = gather_tags(tags, self.plan.request()).await?;
        let now = self.plan.renewed(&facts);
        if self.plan.is_latest
            && let Some(forge) = self.place.releases()
            && let Some(greater) = self.plan.greater(&facts)
            && let Some(release) = forge.release(&greater).await?.filter(|release| !release.is_draft)
        {
            forge.make_latest(release.id).await?;
            self.ledger.not_latest();
        }
        for MovingTagPlan { tag, action } in now.moving {
            if let GitTagAction::Hold { greater } = action
                && self
                    .plan
                    .moving
                    .iter()
                    .any(|moving| moving.tag == tag && is_written(moving))
                && let Some(commit) = tags.tag_commit(&greater).await?
            {
                tags.move_tag(&tag, &commit).await?;
                self.ledger.git_tag(&tag, TagOutcome::Held);
            }
        }
        Ok(())
    }
}

/// Acts; where it is not certain whether that was done, looks, and acts again a few times.
async fn settled<T>(
    act: impl AsyncFn() -> Result<T, ForgeError>,
    look: impl AsyncFn() -> Result<Option<T>, ForgeError>,
) -> Result<T, ForgeError> {
    let mut pauses = pauses();
    loop {
        let error = match act().await {
            Err(error) if error.is_unsure() => error,
            ended => return ended,
        };
        if let Some(done) = look().await? {
            return Ok(done);
        }
        match pauses.next() {
            Some(pause) => tokio::time::sleep(pause).await,
            None => return Err(error),
        }
    }
}

fn pauses() -> impl Iterator<Item = Duration> {
    ExponentialBuilder::new()
        .with_min_delay(Duration::from_millis(300))
        .with_max_times(3)
        .with_jitter()
        .build()
}
