//! How long the next version takes in a repository of 50,000 commits with 1,000 tags, which git makes in a temporary
//! folder first: `cargo run --release --example version_benchmark`.

#![expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]

use std::error::Error;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use tagship::git::GixCheckout;
use tagship_domain::bump::{NextVersion, Rules};
use tagship_domain::paths::PathFilter;

const COMMITS: usize = 50_000;
const TAGS: usize = 1000;
const RUNS: usize = 10;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    make(folder.path())?;
    let app = PathFilter::parse(&["app/**", "!**/*.md"])?;
    measure("commits since the last tag", folder.path(), None)?;
    measure("the same, of some paths", folder.path(), Some(&app))?;
    git(folder.path(), &["tag", "v9999.0.0", "elsewhere"])?;
    measure(
        "with a greater release elsewhere, as old as the first",
        folder.path(),
        None,
    )?;
    git(folder.path(), &["commit-graph", "write", "--reachable"])?;
    measure("the same, with a commit-graph", folder.path(), None)?;
    // With the first tag alone all commits are new.
    let all_but_one = "git tag --list 'v*' | grep -vx v1.0.0 | xargs git tag --delete >/dev/null";
    run(folder.path(), "sh", &["-c", all_but_one])?;
    measure("all commits new", folder.path(), None)?;
    measure("the same, of some paths", folder.path(), Some(&app))
}

fn measure(what: &str, folder: &Path, paths: Option<&PathFilter>) -> Result<(), Box<dyn Error>> {
    let checkout = GixCheckout::at(folder);
    let rules = Rules::default();
    let mut times = Vec::new();
    let mut found = (String::new(), 0);
    for _ in 0..RUNS {
        let started = Instant::now();
        let (head, tags) = checkout.version_tags(folder, &rules.prefix)?;
        let history = checkout.history(folder, &head, &tags, &rules, paths)?;
        let next = NextVersion::of_commits(&tags, &history, &rules)?;
        times.push(started.elapsed());
        found = (next.tag.unwrap_or_default(), next.commits);
    }
    times.sort_unstable();
    let [least, median, most] =
        [0, RUNS / 2, RUNS - 1].map(|index| times.get(index).map_or(0.0, |time| time.as_secs_f64() * 1000.0));
    let (tag, commits) = found;
    println!(
        "{what}: {tag} from {commits} commits; least {least:.1} ms, median {median:.1} ms, most {most:.1} ms"
    );
    Ok(())
}

/// A main line with a merge every ten commits and a tag, annotated in turn, every fifty.
fn make(folder: &Path) -> Result<(), Box<dyn Error>> {
    git(folder, &["init", "--quiet", "--initial-branch=main"])?;
    let mut import = Command::new("git")
        .args(["fast-import", "--quiet", "--force"])
        .current_dir(folder)
        .stdin(Stdio::piped())
        .spawn()?;
    let mut script = import.stdin.take().ok_or("there is no way to git")?;
    let mut releases = 0;
    for number in 1..=COMMITS {
        let kind = ["fix", "feat", "docs", "chore"]
            .get(number % 4)
            .ok_or("there are four")?;
        let part = ["app", "web", "lib", "docs"]
            .get(number % 4)
            .ok_or("there are four")?;
        let message = format!("{kind}({part}): change {number}\n\nSome words about it.\n\nRefs: #{number}\n");
        writeln!(script, "commit refs/heads/main\nmark :{number}")?;
        writeln!(
            script,
            "committer Ada <ada@example.com> {} +0000",
            1_700_000_000 + number * 60
        )?;
        writeln!(script, "data {}\n{message}", message.len())?;
        if number > 1 {
            writeln!(script, "from :{}", number - 1)?;
        }
        if number > 10 && number.is_multiple_of(10) {
            writeln!(script, "merge :{}", number - 7)?;
        }
        let content = number.to_string();
        writeln!(
            script,
            "M 100644 inline {part}/folder-{}/file-{}",
            number % 50,
            number % 400
        )?;
        writeln!(script, "data {}\n{content}", content.len())?;
        if number == 1 {
            writeln!(
                script,
                "commit refs/heads/elsewhere\ncommitter Ada <ada@example.com> 1700000000 +0000"
            )?;
            writeln!(script, "data 1\nx\nfrom :1\n")?;
        }
        if number.is_multiple_of(COMMITS / TAGS) && number < COMMITS {
            releases += 1;
            if releases % 2 == 0 {
                writeln!(script, "reset refs/tags/v1.{releases}.0\nfrom :{number}\n")?;
            } else {
                writeln!(script, "tag v1.{releases}.0\nfrom :{number}")?;
                writeln!(script, "tagger Ada <ada@example.com> 1700000000 +0000\ndata 1\nx")?;
            }
        }
    }
    writeln!(script, "reset refs/tags/v1.0.0\nfrom :1\n")?;
    drop(script);
    if import.wait()?.success() {
        Ok(())
    } else {
        Err("git fast-import failed".into())
    }
}

fn git(folder: &Path, arguments: &[&str]) -> Result<(), Box<dyn Error>> {
    run(folder, "git", arguments)
}

fn run(folder: &Path, program: &str, arguments: &[&str]) -> Result<(), Box<dyn Error>> {
    let status = Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .status()?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("{program} {arguments:?}: {status}").into())
    }
}
