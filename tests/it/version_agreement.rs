//! The next version of generated histories, judged by git and by git-cliff.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::process::Stdio;

use semver::Version;
use serde_json::Value;
use test_support::checkout::{Checkout, FIRST_COMMIT_AT};
use test_support::history::{History, Mark};
use test_support::process::{finish, output_of, scrubbed, tagship};

/// Numbers that look random and are the same in each run. Source: Knuth, MMIX's linear congruential generator.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).expect("31 bits are a usize") % limit
    }

    fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }

    fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }
}

fn next_version(checkout: &Checkout) -> Value {
    let run = finish(tagship(checkout.path()).args(["version", "--json"]));
    run.expect_code(0);
    serde_json::from_str(&run.stdout).expect("it is JSON")
}

/// Any graph, for others to judge: several parents, tags anywhere, times that are equal or go back by up to ten hours, or by up to two years.
pub(crate) fn any_graph(seed: u64, has_any_times: bool) -> Checkout {
    let mut dice = Dice(seed);
    let mut history = History::default();
    let mut commits: Vec<Mark> = Vec::new();
    for number in 0..30 {
        let mut parents: Vec<Mark> = Vec::new();
        for _ in 0..dice.of(&[1, 1, 1, 2, 2, 3]) {
            let recent = commits.len().min(dice.of(&[1, 2, 6, 30]));
            if recent > 0 {
                let parent = commits[commits.len() - 1 - dice.below(recent)];
                if !parents.contains(&parent) {
                    parents.push(parent);
                }
            }
        }
        let time = FIRST_COMMIT_AT + dice.of(&[0, 36_000]) + if dice.one_in(2) { 0 } else { number * 60 };
        let time = if has_any_times {
            FIRST_COMMIT_AT + dice.below(730) as u64 * 86_400
        } else {
            time
        };
        let commit = history.commit_with(&parents, "fix: a", time, &[]);
        if dice.one_in(4) {
            let (minor, patch) = (dice.below(5), dice.below(5));
            history.tag(&format!("v1.{minor}.{patch}"), commit);
        }
        commits.push(commit);
    }
    let head = commits[commits.len() - 1];
    history.into_checkout(head)
}

#[test]
fn git_finds_the_same_release_and_the_same_commits() {
    let mut with_release = 0;
    for seed in 0..80 {
        let checkout = any_graph(seed, seed % 2 == 1);
        let all = |tip: &str| -> BTreeSet<String> {
            checkout
                .git(&["rev-list", tip])
                .lines()
                .map(str::to_owned)
                .collect()
        };
        let of_head = all("HEAD");
        if !checkout.git(&["tag", "--points-at", "HEAD"]).is_empty() {
            continue;
        }
        let tags = checkout.git(&["tag", "--list"]);
        let contained = tags.lines().filter(|tag| {
            let commit = checkout.git(&["rev-parse", &format!("{tag}^{{commit}}")]);
            of_head.contains(&commit)
        });
        let version = |tag: &str| Version::parse(&tag[1..]).expect("tags are versions");
        let greatest = contained.max_by_key(|tag| version(tag));
        let released = greatest.map(all).unwrap_or_default();
        let run = finish(tagship(checkout.path()).args(["version", "--json"]));
        if run.code == Some(10) {
            let next = greatest
                .map(version)
                .map(|version| Version::new(1, version.minor, version.patch + 1));
            assert!(
                tags.lines().any(|tag| Some(version(tag)) == next),
                "seed {seed}: {}",
                run.stderr
            );
            continue;
        }
        let found: Value = serde_json::from_str(&run.stdout).expect("it is JSON");
        assert_eq!(found["previous-tag"].as_str(), greatest, "seed {seed}");
        let commits = of_head.difference(&released).count();
        assert_eq!(
            found["commits"].as_u64(),
            u64::try_from(commits).ok(),
            "seed {seed}"
        );
        with_release += usize::from(greatest.is_some());
    }
    assert!(with_release > 25, "{with_release} histories have a release");
}

/// A branch of many commits, the first of which has a parent that is not there; three follow the release. `time` is that of
/// each commit by its number.
fn long_history(time: impl Fn(u64) -> u64) -> Checkout {
    const RELEASE: u64 = 4300;
    let checkout = Checkout::empty();
    let piped = |arguments: &[&str], text: &[u8]| {
        let mut child = scrubbed("git", checkout.path())
            .args(arguments)
            .current_dir(checkout.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("git can be started");
        let mut stdin = child.stdin.take().expect("standard input is a pipe");
        stdin.write_all(text).expect("git reads it");
        drop(stdin);
        let output = child.wait_with_output().expect("git ends");
        assert!(output.status.success(), "git {arguments:?}");
        String::from_utf8(output.stdout)
            .expect("an id is text")
            .trim()
            .to_owned()
    };
    let tree = piped(&["mktree"], b"");
    let person = |number: u64| format!("A <a@example.com> {} +0000", FIRST_COMMIT_AT + time(number));
    let root = format!(
        "tree {tree}\nparent {}\nauthor {author}\ncommitter {author}\n\nfix: root\n",
        "1".repeat(40),
        author = person(0)
    );
    let root = piped(&["hash-object", "-t", "commit", "-w", "--stdin"], root.as_bytes());
    let mut script = String::new();
    for number in 1..=RELEASE + 3 {
        let from = if number == 1 {
            format!("from {root}\n")
        } else {
            String::new()
        };
        script += &format!(
            "commit refs/heads/main\ncommitter {}\ndata 6\nfix: a\n{from}\n",
            person(number)
        );
        if number == RELEASE {
            script += "reset refs/tags/v1.0.0\nfrom refs/heads/main\n\n";
        }
    }
    piped(&["fast-import", "--quiet", "--force"], script.as_bytes());
    checkout
}

#[test]
fn where_times_are_right_a_history_is_not_read_to_its_roots() {
    let hour = 3600;
    let found = next_version(&long_history(|number| number * hour));
    assert_eq!(found["previous-tag"], "v1.0.0");
    assert_eq!(found["commits"], 3);
    // One commit that is years older than its parent, and it is.
    let wrong = long_history(|number| if number == 4301 { 0 } else { number * hour });
    let run = finish(tagship(wrong.path()).args(["version", "--json"]));
    run.expect_code(1);
    assert!(run.stderr.contains(&"1".repeat(40)), "{}", run.stderr);
}

/// `git rebase --committer-date-is-author-date` leaves commits that are years older than their parents.
#[test]
fn a_release_is_found_under_commits_that_are_older() {
    let day = 86_400;
    let mut history = History::default();
    let mut tip = history.commit_with(&[], "feat: root", FIRST_COMMIT_AT, &[]);
    tip = history.commit_with(&[tip], "fix: released", FIRST_COMMIT_AT + 900 * day, &[]);
    history.tag("v1.0.0", tip);
    for age in 0..40 {
        tip = history.commit_with(&[tip], "fix: old", FIRST_COMMIT_AT + age * day, &[]);
    }
    let found = next_version(&history.into_checkout(tip));
    assert_eq!(found["previous-tag"], "v1.0.0");
    assert_eq!(found["version"], "1.0.1");
    assert_eq!(found["commits"], 40);
}

/// The documented differences, as far as git-cliff has settings for them.
const CLIFF: &str = r#"
[git]
conventional_commits = true
filter_unconventional = true
tag_pattern = "^v[0-9]+\\.[0-9]+\\.[0-9]+$"
[bump]
initial_tag = "v0.1.0"
breaking_always_bump_major = false
no_increment_regex = "^(docs|chore|ci|build|style|refactor|test)$"
"#;

fn message(dice: &mut Dice) -> String {
    let kind = dice.of(&[
        "feat",
        "fix",
        "fix",
        "perf",
        "revert",
        "docs",
        "chore",
        "ci",
        "Merge branch 'x'",
        "words",
    ]);
    if kind.contains(' ') || kind == "words" {
        return kind.to_owned();
    }
    let scope = dice.of(&["", "", "(api)", "(a b)"]);
    // A breaking change of a type that git-cliff is set to skip is skipped there.
    let releases = matches!(kind, "feat" | "fix" | "perf" | "revert");
    let mark = if releases && dice.one_in(12) { "!" } else { "" };
    let tail = match dice.below(12) {
        0 if releases => "\n\nBREAKING CHANGE: it breaks",
        1 if releases => "\n\nwords\n\nBREAKING-CHANGE: it breaks\nSigned-off-by: Ada",
        2 => "\n\nIt is no\nBREAKING CHANGE for anybody",
        3 => "\n\nRefs: #12",
        4 => " (#12)\n\n* feat: squashed\n\n* fix: too",
        _ => "",
    };
    format!("{kind}{scope}{mark}: words{tail}")
}

/// A main line that releases are tagged on, and branches that begin and end anywhere on it.
fn releases_on_main(seed: u64) -> Checkout {
    let mut dice = Dice(seed);
    let mut history = History::default();
    let mut main = vec![history.commit(&[], "feat: root")];
    let mut version = match dice.below(4) {
        0 => None,
        1 => Some(Version::new(0, 3, 1)),
        _ => Some(Version::new(1, 0, 0)),
    };
    let mut tag = |history: &mut History, dice: &mut Dice, commit: Mark| {
        let Some(last) = &mut version else { return };
        *last = match dice.below(3) {
            0 => Version::new(last.major, last.minor, last.patch + 1),
            1 => Version::new(last.major, last.minor + 1, 0),
            _ => Version::new(last.major, last.minor + 10, 0),
        };
        if dice.one_in(2) {
            history.tag(&format!("v{last}"), commit);
        } else {
            history.annotated_tag(&format!("v{last}"), commit);
        }
    };
    tag(&mut history, &mut dice, main[0]);
    for _ in 0..dice.below(25) {
        let tip = main[main.len() - 1];
        let mut parents = vec![tip];
        for _ in 0..dice.of(&[0, 0, 0, 1, 1, 2]) {
            let mut side = main[main.len() - 1 - dice.below(main.len().min(6))];
            for _ in 0..=dice.below(3) {
                let message = message(&mut dice);
                side = history.commit(&[side], message);
            }
            parents.push(side);
        }
        let message = message(&mut dice);
        let commit = history.commit(&parents, message);
        if dice.one_in(7) {
            tag(&mut history, &mut dice, commit);
        }
        main.push(commit);
    }
    history.into_checkout(main[main.len() - 1])
}

#[test]
fn git_cliff_finds_the_same_version() {
    let mut versions = BTreeSet::new();
    let mut bumps = BTreeSet::new();
    for seed in 0..60 {
        let checkout = releases_on_main(seed);
        checkout.write("cliff.toml", CLIFF);
        let judged = output_of(
            scrubbed(test_support::clients::client("git-cliff"), checkout.path())
                .current_dir(checkout.path())
                .arg("--bumped-version"),
        );
        let found = next_version(&checkout);
        // Where nothing calls for a release, git-cliff prints the version that there is.
        let version = found["version"].as_str().or(found["previous"].as_str());
        let expected = judged.strip_prefix('v').unwrap_or(&judged);
        let log = || checkout.git(&["log", "--graph", "--format=%d %s %b"]);
        assert_eq!(version, Some(expected), "seed {seed}: {found}\n{}", log());
        versions.insert(expected.to_owned());
        bumps.insert(found["bump"].to_string());
    }
    assert!(versions.len() > 20, "{versions:?}");
    assert_eq!(bumps.len(), 4, "{bumps:?}");
}
