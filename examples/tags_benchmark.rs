//! How long 1,000 rules for 50 images take: `cargo run --release --example tags_benchmark`.

#![expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]

use std::time::Instant;

use jiff::Timestamp;
use tagship_domain::event::{Event, JobVariables, Payload, RepositoryInfo};
use tagship_domain::tags::{Listing, Mode, RawLists, TagContext};

const RULES: usize = 1000;
const IMAGES: usize = 50;
const RUNS: usize = 20;

/// All types in turn, no two rules the same.
fn rules() -> String {
    let rules: Vec<String> = (0..RULES).map(rule).collect();
    rules.join("\n")
}

fn rule(index: usize) -> String {
    match index % 8 {
        0 => format!("type=semver,pattern={{{{version}}}},suffix=-{index}"),
        1 => format!("type=pep440,pattern={{{{major}}}}.{{{{minor}}}},suffix=-{index}"),
        2 => format!("type=match,\"pattern=v(\\d+)\\.(\\d+)|x{index}\",group=2,prefix=m{index}-"),
        3 => format!("type=raw,value={{{{date 'YYYYMMDD' tz='Asia/Tokyo'}}}}-{index}"),
        4 => format!("type=ref,event=tag,suffix=-{index}"),
        5 => format!("type=sha,suffix=-{index}"),
        6 => format!("type=edge,branch=release-{index}"),
        _ => format!("type=schedule,pattern=nightly-{index}"),
    }
}

fn main() {
    let variables = JobVariables {
        event_name: "push",
        git_ref: "refs/tags/v1.2.3",
        sha: "860c1904a1ce19322e91ac35af1ab07466440c37",
        head_of_pull_request: false,
    };
    let event = Event::of_job(variables, &Payload::default());
    let repository = RepositoryInfo::default();
    let images: Vec<String> = (0..IMAGES).map(|index| format!("team/app{index}")).collect();
    let images = images.join("\n");
    let rules = rules();
    for (name, mode) in [("strict", Mode::Strict), ("compatible", Mode::MetadataAction)] {
        let given = TagContext {
            mode,
            event: &event,
            repository: &repository,
            version: None,
            tag_prefix: None,
            now: Timestamp::UNIX_EPOCH,
            committed_at: Some(Timestamp::UNIX_EPOCH),
            short_digits: None,
            is_dirty: false,
        };
        let raw = RawLists {
            images: &images,
            tags: &rules,
            ..RawLists::default()
        };
        let mut times: Vec<_> = (0..RUNS)
            .map(|_| {
                let started = Instant::now();
                let listing = Listing::new(raw, &given);
                (started.elapsed(), listing.map_or(0, |listing| listing.tags.len()))
            })
            .collect();
        times.sort_unstable();
        if let (Some((least, tags)), Some((median, _)), Some((most, _))) =
            (times.first(), times.get(RUNS / 2), times.last())
        {
            let [least, median, most] = [least, median, most].map(|time| time.as_secs_f64() * 1000.0);
            println!("{name}: {tags} tags; least {least:.1} ms, median {median:.1} ms, most {most:.1} ms");
        }
    }
}
