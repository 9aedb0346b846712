//! Which tags of a new repository may move: those that the tag rules move, and no others.
//!
//! 1. Make the tags of two runs of each kind that the role trusts, which differ in version, commit, day and number.
//! 2. What both call the same is a filter of its own; what differs becomes a `*` in it.
//! 3. Filters that would let a tag move that is to stay are no use; then every tag may move, and only the runs keep them.

use jiff::Timestamp;
use semver::Version;

use super::TargetRepository;
use crate::event::{Event, GitRef, RepositoryInfo};
use crate::facts::CommitId;
use crate::iam::JobFilter;
use crate::immutability::{Mutability, TagFilter};
use crate::reference::Tag;
use crate::tags::{DesiredTag, Flavor, Lists, Mode, TagClass, TagContext, TagRule, TagSet};
use crate::version::TagPrefix;

/// What tags an image gets.
#[derive(Debug, Clone)]
pub struct TagSettings {
    /// The rules.
    pub lists: Lists,
    /// What git tags of versions begin with.
    pub prefix: TagPrefix,
}

impl Default for TagSettings {
    fn default() -> Self {
        Self {
            lists: Lists {
                mode: Mode::Strict,
                images: Vec::new(),
                rules: TagRule::defaults(),
                flavor: Flavor::base_of(Mode::Strict),
                labels: Vec::new(),
                annotations: Vec::new(),
            },
            prefix: TagPrefix::default(),
        }
    }
}

/// Which tags of a new repository may move.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NewMutability {
    /// The setting.
    pub(super) setting: Mutability,
    /// Tags that move, and that no filter can separate from those that stay, so that all may move.
    pub(super) unfiltered: Vec<Tag>,
}

/// What differs between the two runs of a kind.
struct Sample {
    version: Version,
    commit: CommitId,
    branch: &'static str,
    number: u32,
    now: Timestamp,
}

impl Sample {
    fn both() -> Option<[Self; 2]> {
        let commit = |digit: &str| CommitId::parse(&digit.repeat(40));
        Some([
            Self {
                version: Version::new(1, 2, 3),
                commit: commit("1")?,
                branch: "a",
                number: 1,
                now: Timestamp::from_second(1_000_000_000).ok()?,
            },
            Self {
                version: Version::new(45, 67, 89),
                commit: commit("2")?,
                branch: "b",
                number: 2,
                now: Timestamp::from_second(2_000_000_000).ok()?,
            },
        ])
    }
}

/// What starts a run.
enum Start<'a> {
    Branch(&'a str),
    Schedule,
    Version,
    PullRequest,
}

impl TargetRepository {
    /// Returns what it is made as for the jobs that publish to it.
    pub(super) fn mutability(&self, jobs: &[JobFilter]) -> NewMutability {
        let mut starts = vec![Start::Schedule];
        for job in jobs {
            match job {
                JobFilter::Branch(pattern) => starts.push(Start::Branch(pattern)),
                JobFilter::Tag(_) => starts.push(Start::Version),
                JobFilter::PullRequest => starts.push(Start::PullRequest),
                JobFilter::Environment(_) => starts.extend([Start::Branch("main"), Start::Version]),
            }
        }
        let (mut filters, mut staying): (Vec<(TagFilter, Tag)>, Vec<Tag>) = (Vec::new(), Vec::new());
        let samples = Sample::both();
        let runs = self
            .tags
            .iter()
            .flat_map(|tags| starts.iter().map(move |start| (tags, start)));
        for [first, second] in runs.flat_map(|(tags, start)| {
            let of_both =
                |[first, second]: &[Sample; 2]| [first, second].map(|sample| tags.of(start, sample));
            samples.iter().map(of_both)
        }) {
            let stays = |wanted: &&DesiredTag| wanted.class != TagClass::Moving;
            staying.extend(
                first
                    .iter()
                    .chain(&second)
                    .filter(stays)
                    .map(|wanted| wanted.tag.clone()),
            );
            for moving in first.iter().filter(|wanted| !stays(wanted)) {
                let other = second
                    .iter()
                    .find(|other| other.rule == moving.rule && !stays(other));
                let text = match other {
                    Some(other) => common(moving.tag.as_str(), other.tag.as_str()),
                    None => moving.tag.to_string(),
                };
                if let Ok(filter) = TagFilter::parse(&text)
                    && !filters.iter().any(|(known, _)| *known == filter)
                {
                    filters.push((filter, moving.tag.clone()));
                }
            }
        }
        let lets_go = |filter: &TagFilter| staying.iter().any(|tag| filter.matches(tag));
        let unfiltered = if filters.len() > TagFilter::MAX_IN_REPOSITORY {
            filters.iter().map(|(_, tag)| tag.clone()).collect()
        } else {
            let useless = filters.iter().filter(|(filter, _)| lets_go(filter));
            useless.map(|(_, tag)| tag.clone()).collect::<Vec<Tag>>()
        };
        let setting = if !unfiltered.is_empty() {
            Mutability::Mutable
        } else if filters.is_empty() {
            Mutability::Immutable
        } else {
            Mutability::ImmutableWithExclusion(filters.into_iter().map(|(filter, _)| filter).collect())
        };
        NewMutability { setting, unfiltered }
    }
}

impl TagSettings {
    /// The tags of one run; none where the rules make none.
    fn of(&self, start: &Start<'_>, sample: &Sample) -> Vec<DesiredTag> {
        let git_ref = match start {
            Start::Branch(pattern) => format!("refs/heads/{}", pattern.replace('*', sample.branch)),
            Start::Schedule => "refs/heads/main".to_owned(),
            Start::Version => format!("refs/tags/{}", self.prefix.tag(&sample.version, None)),
            Start::PullRequest => format!("refs/pull/{}/merge", sample.number),
        };
        let name = match start {
            Start::Schedule => "schedule",
            Start::PullRequest => "pull_request",
            Start::Branch(_) | Start::Version => "push",
        };
        let event = Event {
            name: name.to_owned(),
            git_ref: GitRef::new(&git_ref),
            commit: Some(sample.commit.clone()),
            default_branch: Some("main".to_owned()),
            ..Event::default()
        };
        let is_version = matches!(start, Start::Version);
        let context = TagContext {
            mode: self.lists.mode,
            event: &event,
            repository: &RepositoryInfo::default(),
            version: is_version.then_some(&sample.version),
            tag_prefix: Some(&self.prefix),
            now: sample.now,
            committed_at: Some(sample.now),
            short_digits: None,
            is_dirty: false,
        };
        let made = self.lists.evaluate(&context).ok();
        let made = made.and_then(|made| TagSet::of(&made).ok());
        made.map(|made| made.tags).unwrap_or_default()
    }
}

/// What two tags begin and end with, and `*` for what lies between where they differ.
fn common(one: &str, other: &str) -> String {
    if one == other {
        return one.to_owned();
    }
    let begin = one.bytes().zip(other.bytes()).take_while(|(a, b)| a == b).count();
    let longest = one.len().min(other.len()) - begin;
    let ends = one.bytes().rev().zip(other.bytes().rev()).take(longest);
    let end = ends.take_while(|(a, b)| a == b).count();
    // A tag is ASCII.
    format!("{}*{}", &one[..begin], &one[one.len() - end..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::iam::Target;
    use crate::reference::{AccountId, Region, RepositoryName};
    use crate::repositories::RegistryKind;
    use crate::tags::RawLists;

    fn chosen(tags: &str, jobs: &[JobFilter]) -> (String, Vec<String>) {
        chosen_of_images(&[tags], jobs)
    }

    fn chosen_of_images(images: &[&str], jobs: &[JobFilter]) -> (String, Vec<String>) {
        let settings = |tags: &&str| {
            let raw = RawLists {
                tags,
                flavor: "latest=false",
                ..RawLists::default()
            };
            TagSettings {
                lists: raw.read(Mode::Strict).unwrap(),
                prefix: TagPrefix::default(),
            }
        };
        let settings = images.iter().map(settings).collect();
        let repository = TargetRepository {
            place: Target {
                account: AccountId::emulated(),
                region: Region::emulated(),
                repository: RepositoryName::parse("app").unwrap(),
                kind: RegistryKind::Private,
            },
            tags: settings,
        };
        let NewMutability { setting, unfiltered } = repository.mutability(jobs);
        let text = match &setting {
            Mutability::ImmutableWithExclusion(filters) => {
                let filters: Vec<&str> = filters.iter().map(TagFilter::as_str).collect();
                filters.join(" ")
            }
            other => format!("{other:?}"),
        };
        (text, unfiltered.iter().map(Tag::to_string).collect())
    }

    #[test]
    fn what_the_rules_move_is_let_go_and_nothing_else() {
        let main = JobFilter::branch("main").unwrap();
        let releases = JobFilter::branch("release/*").unwrap();
        let version = JobFilter::tag("v*").unwrap();
        let jobs = [main.clone(), version.clone()];
        for (tags, jobs, setting) in [
            ("", &jobs[..], "Immutable"),
            ("type=semver,pattern={{version}}\nlatest", &jobs, "latest"),
            ("type=ref,event=branch\ntype=sha", &jobs, "main"),
            ("type=ref,event=branch", &[releases, version], "main release-*"),
            (
                "type=semver,pattern={{version}}\ntype=edge,branch=main",
                &jobs,
                "edge",
            ),
            ("type=schedule,pattern=nightly\ntype=sha", &jobs, "nightly"),
            (
                "type=ref,event=pr\ntype=sha",
                &[main, JobFilter::PullRequest],
                "pr-*",
            ),
            (
                "type=semver,pattern={{major}}.{{minor}},prefix=line-",
                &jobs,
                "line-*",
            ),
        ] {
            assert_eq!(chosen(tags, jobs), (setting.to_owned(), Vec::new()), "{tags}");
        }
    }

    #[test]
    fn images_that_share_a_repository_share_its_filters() {
        let jobs = [JobFilter::branch("main").unwrap()];
        let images = [
            "type=raw,value=api-latest",
            "type=raw,value=web-latest\ntype=sha,prefix=web-",
        ];
        assert_eq!(chosen_of_images(&images, &jobs).0, "api-latest web-latest");
    }

    #[test]
    fn where_no_filter_tells_them_apart_all_may_move() {
        let jobs = [JobFilter::branch("main").unwrap(), JobFilter::tag("v*").unwrap()];
        let lines = "type=semver,pattern={{version}}\ntype=semver,pattern={{major}}.{{minor}}\ntype=semver,pattern={{major}}\nlatest";
        assert_eq!(
            chosen(lines, &jobs),
            ("Mutable".to_owned(), vec!["1.2".to_owned()])
        );
        // A repository has five filters at most.
        assert_eq!(chosen("a1x\nb1x\nc1x\nd1x\ne1x\nf1x", &jobs).0, "Mutable");
    }
}
