//! What a working tree changes, as git says.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::PathBuf;
use std::process::Command;

use tagship::engine::ContextInputs;
use tagship_domain::facts::DifferenceCause;
use tempfile::TempDir;
use test_support::process::{finish, scrubbed, tagship_program};

use super::repository::{Repository, compared, git};

#[test]
fn changes_are_gits() {
    type Change = fn(&Repository);
    let changes: [(&str, Change); 18] = [
        ("nothing", |_| {}),
        ("content", |r| r.write("app/main.c", "int other;\n")),
        ("same size", |r| r.write("app/main.c", "int mAin;\n")),
        ("staged", |r| {
            r.write("app/main.c", "staged");
            r.git(&["add", "."]);
        }),
        ("staged, then put back", |r| {
            r.write("app/main.c", "staged");
            r.git(&["add", "."]);
            r.write("app/main.c", "int main;\n");
        }),
        ("deleted", |r| fs::remove_file(r.path("app/main.c")).unwrap()),
        ("renamed", |r| {
            r.git(&["mv", "app/main.c", "app/moved"]);
        }),
        ("executable", |r| {
            let mode = fs::Permissions::from_mode(0o755);
            fs::set_permissions(r.path("app/deep/run.sh"), mode).unwrap();
        }),
        ("executable, where modes do not count", |r| {
            r.git(&["config", "core.fileMode", "false"]);
            let mode = fs::Permissions::from_mode(0o755);
            fs::set_permissions(r.path("app/deep/run.sh"), mode).unwrap();
        }),
        ("another link", |r| {
            fs::remove_file(r.path("app/link")).unwrap();
            symlink("deep/run.sh", r.path("app/link")).unwrap();
        }),
        ("a file for a link", |r| {
            fs::remove_file(r.path("app/link")).unwrap();
            r.write("app/link", "main.c");
        }),
        ("untracked in the context", |r| {
            r.write("app/new/a", "");
            r.write("app/new/b", "");
        }),
        ("untracked elsewhere", |r| {
            r.write("docs/new", "");
            r.write("application", "");
        }),
        ("ignored", |r| {
            r.write("app/x.log", "");
            r.write("out/x", "");
        }),
        ("excluded by the clone alone", |r| {
            fs::create_dir_all(r.path(".git/info")).unwrap();
            fs::write(r.path(".git/info/exclude"), "secret\n").unwrap();
            r.write("app/secret", "");
        }),
        ("intent to add", |r| {
            r.write("app/new", "x");
            r.git(&["add", "--intent-to-add", "app/new"]);
        }),
        ("an empty folder", |r| {
            fs::create_dir(r.path("app/empty")).unwrap();
        }),
        ("only the time", |r| {
            for path in ["app/main.c", "docs/read.me"] {
                let file = fs::File::options().write(true).open(r.path(path)).unwrap();
                let long_ago = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
                file.set_modified(long_ago).unwrap();
            }
        }),
    ];
    for (what, change) in changes {
        let repository = Repository::new();
        change(&repository);
        // git writes what it learns into the index: so we look first.
        let first = repository.source("app").change_count;
        repository.assert_as_git_says("app", what);
        assert_eq!(first, repository.source("app").change_count, "{what}");
    }
}

#[test]
fn only_what_the_build_reads_counts() {
    let repository = Repository::new();
    repository.write("docs/read.me", "else\n");
    repository.write("docs/new", "");
    assert_eq!(repository.differences("app"), []);
    assert_eq!(repository.source(".").change_count, 2);
    assert_eq!(repository.source("docs/../app/../docs").change_count, 2);
    // The index is not what a build reads.
    repository.git(&["rm", "--quiet", "--cached", "app/main.c"]);
    assert_eq!(repository.differences("app"), []);
    repository.write(".dockerignore", "docs\n**/*.c\n!app/main.c\n.dockerignore\n");
    assert_eq!(
        repository.differences("."),
        [(".dockerignore".to_owned(), DifferenceCause::NotInCommit)],
        "what leaves files out has to be in the commit itself"
    );
    repository.git(&["add", ".dockerignore", "app/main.c"]);
    repository.git(&["commit", "--quiet", "--message", "x"]);
    repository.write("app/other.c", "");
    repository.write("app/deep/x.c", "");
    assert_eq!(repository.differences("."), []);
    repository.write("app/main.c", "int other;\n");
    let expected = ("app/main.c".to_owned(), DifferenceCause::Modified);
    assert_eq!(repository.differences("."), [expected]);
}

#[test]
fn what_lies_outside_of_the_repository_is_not_the_commits() {
    let repository = Repository::new();
    let elsewhere = TempDir::new().unwrap();
    fs::write(elsewhere.path().join("Dockerfile"), "FROM scratch\n").unwrap();
    let path = elsewhere.path().to_str().unwrap();
    let of = |context: &str, dockerfile: &str| {
        let changes = repository.source_with(context, dockerfile).changes;
        changes.into_iter().map(|change| change.cause).collect::<Vec<_>>()
    };
    let outside = DifferenceCause::OutsideRepository;
    assert_eq!(of("app", &format!("{path}/Dockerfile")), [outside]);
    assert_eq!(of(path, &format!("{path}/Dockerfile")), [outside; 2]);
    symlink(
        elsewhere.path().join("Dockerfile"),
        repository.path("app/Dockerfile"),
    )
    .unwrap();
    repository.commit();
    assert_eq!(of("app", "app/Dockerfile"), [outside], "a link out of it");
}

#[test]
fn the_dockerfile_and_its_ignore_file_have_to_be_in_the_commit() {
    let repository = Repository::new();
    repository.write("docker/generated.Dockerfile", "FROM scratch\n");
    let of = || {
        let changes = repository
            .source_with("app", "docker/generated.Dockerfile")
            .changes;
        let shown = |change: tagship_domain::facts::Difference| change.to_string();
        changes.into_iter().map(shown).collect::<Vec<_>>()
    };
    let generated = "`docker/generated.Dockerfile` (not in the commit)";
    assert_eq!(of(), [generated]);
    repository.write(".gitignore", "*.Dockerfile\n");
    assert_eq!(of(), [generated], "also when git ignores it");
    repository.git(&["add", "--force", "docker"]);
    repository.git(&["commit", "--quiet", "--message", "x"]);
    assert_eq!(of(), [""; 0]);
    repository.write("docker/generated.Dockerfile", "FROM scratch AS x\n");
    assert_eq!(of(), ["`docker/generated.Dockerfile`"]);
    repository.write("docker/generated.Dockerfile", "FROM scratch\n");
    repository.write("docker/generated.Dockerfile.dockerignore", "*.c\n");
    assert_eq!(
        of(),
        ["`docker/generated.Dockerfile.dockerignore` (not in the commit)"]
    );
    repository.git(&["add", "--force", "docker"]);
    repository.git(&["commit", "--quiet", "--message", "x"]);
    fs::remove_file(repository.path("docker/generated.Dockerfile.dockerignore")).unwrap();
    assert_eq!(of(), ["`docker/generated.Dockerfile.dockerignore` (missing)"]);
}

#[test]
fn a_named_context_is_read_by_the_build_too() {
    let repository = Repository::new();
    let differences = || {
        let main = ContextInputs::read(&repository.path("app"), &repository.path("app/Dockerfile")).unwrap();
        let named = ContextInputs::named(&repository.path("docs")).unwrap();
        let changes = compared(repository.root(), &[&main, &named]).unwrap().changes;
        let found = changes.into_iter().map(|change| (change.path, change.cause));
        found.collect::<Vec<_>>()
    };
    assert_eq!(differences(), []);
    repository.write("docs/read.me", "else\n");
    repository.write("docs/new", "");
    let expected = [
        ("docs/new".to_owned(), DifferenceCause::NotInCommit),
        ("docs/read.me".to_owned(), DifferenceCause::Modified),
    ];
    assert_eq!(differences(), expected);
    // It has an ignore file of its own, which has to be in the commit.
    repository.write("docs/.dockerignore", "read.me\nnew\n.dockerignore\n");
    let ignoring = [("docs/.dockerignore".to_owned(), DifferenceCause::NotInCommit)];
    assert_eq!(differences(), ignoring);
    repository.git(&["add", "docs/.dockerignore"]);
    repository.git(&["commit", "--quiet", "--message", "x"]);
    assert_eq!(differences(), []);
    repository.git(&["update-index", "--skip-worktree", "docs/.dockerignore"]);
    fs::remove_file(repository.path("docs/.dockerignore")).unwrap();
    let gone = ("docs/.dockerignore".to_owned(), DifferenceCause::SkipWorktree);
    assert!(differences().contains(&gone), "{:?}", differences());
}

/// Git itself would believe the times, where the index is of another second.
#[test]
fn a_change_that_keeps_size_and_time_is_seen() {
    let repository = Repository::new();
    let path = repository.path("app/main.c");
    let modified = fs::metadata(&path).unwrap().modified().unwrap();
    repository.write("app/main.c", "int mAin;\n");
    let file = fs::File::options().write(true).open(&path).unwrap();
    file.set_modified(modified).unwrap();
    let expected = [("app/main.c".to_owned(), DifferenceCause::Modified)];
    assert_eq!(repository.differences("."), expected);
}

#[test]
fn many_files_are_compared_on_every_core() {
    let repository = Repository::new();
    for folder in 0..5 {
        for file in 0..500 {
            repository.write(&format!("many/{folder}/{file}"), "same\n");
        }
    }
    repository.commit();
    assert_eq!(repository.differences("."), []);
    let changed = ["many/0/0", "many/2/249", "many/4/99"];
    for path in changed {
        repository.write(path, "Same\n");
    }
    fs::remove_file(repository.path("many/1/7")).unwrap();
    repository.write("many/3/new", "same\n");
    repository.assert_as_git_says(".", "many files");
    assert_eq!(repository.source(".").change_count, 5);
}

#[test]
fn flags_of_the_index_hide_nothing() {
    for (flag, cause) in [
        ("--skip-worktree", DifferenceCause::SkipWorktree),
        ("--assume-unchanged", DifferenceCause::AssumeUnchanged),
    ] {
        let repository = Repository::new();
        repository.git(&["update-index", flag, "app/main.c", "docs/read.me"]);
        assert_eq!(repository.differences("."), [], "{flag}");
        fs::remove_file(repository.path("app/main.c")).unwrap();
        repository.write("docs/read.me", "else\n");
        let expected = [
            ("app/main.c".to_owned(), cause),
            ("docs/read.me".to_owned(), cause),
        ];
        assert_eq!(repository.differences("."), expected, "{flag}");
        assert_eq!(repository.differences("app/deep"), [], "{flag}");
    }
}

#[test]
fn a_sparse_checkout_has_to_hold_what_the_build_reads() {
    for mode in [
        ["--cone", "--no-sparse-index"],
        ["--cone", "--sparse-index"],
        ["--no-cone", "--no-sparse-index"],
    ] {
        let repository = Repository::new();
        repository.git(&["sparse-checkout", "set", mode[0], mode[1], "app"]);
        assert!(!repository.path("docs/read.me").exists());
        assert_eq!(repository.differences("app"), [], "{mode:?}");
        let found = repository.differences(".");
        let missing = ("docs/read.me".to_owned(), DifferenceCause::SkipWorktree);
        if mode[1] == "--sparse-index" {
            // The folder stands for its files there.
            assert_eq!(found, [("docs/read.me".to_owned(), DifferenceCause::Missing)]);
        } else {
            assert!(found.contains(&missing), "{mode:?}: {found:?}");
        }
    }
}

#[test]
fn a_folder_that_is_left_out_need_not_be_readable() {
    let repository = Repository::new();
    repository.write("app/.dockerignore", "secret\n");
    repository.write("app/Dockerfile", "FROM scratch\nCOPY . /\n");
    repository.commit();
    repository.write("app/secret/x", "");
    let secret = repository.path("app/secret");
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o000)).unwrap();
    assert_eq!(repository.differences("app"), []);
    // Root reads it all the same, unless that right is taken away.
    let mut program = vec![tagship_program()];
    if fs::read_dir(&secret).is_ok() {
        let without = ["setpriv", "--bounding-set", "-all", "--"].map(PathBuf::from);
        program.splice(0..0, without);
    }
    let plan = |more: &[&str]| {
        let mut command = scrubbed(&program[0], repository.root());
        command
            .args(&program[1..])
            .args(["plan", "--offline", "--repository", "team/app"]);
        command
            .args(["--registry", "123456789012.dkr.ecr.eu-central-1.amazonaws.com"])
            .args(["--context", "app"])
            .args(more)
            .current_dir(repository.root());
        finish(&mut command)
    };
    plan(&[]).expect_code(0);
    repository.write("app/.dockerignore", "else\n");
    let refused = plan(&["--allow-dirty"]);
    refused.expect_code(2);
    assert!(
        refused.stderr.contains("`secret`: it may not be read"),
        "{}",
        refused.stderr
    );
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o700)).unwrap();
}

#[test]
fn line_endings_follow_the_attributes() {
    let repository = Repository::new();
    repository.write(".gitattributes", "*.txt text eol=crlf\n*.auto text=auto\n");
    repository.write("app/a.txt", "one\r\ntwo\r\n");
    repository.write("app/b.auto", "one\ntwo\n");
    repository.commit();
    repository.write("app/b.auto", "one\r\ntwo\r\n");
    repository.assert_as_git_says("app", "other line endings");
    repository.write("app/a.txt", "one\r\n2\r\n");
    repository.assert_as_git_says("app", "other content");
    let changed = ("app/a.txt".to_owned(), DifferenceCause::Modified);
    assert!(repository.differences("app").contains(&changed));
}

#[test]
fn a_copy_with_new_times_is_clean() {
    let repository = Repository::new();
    let copy = TempDir::new().unwrap();
    let status = Command::new("cp")
        .args(["-R", "-P"])
        .arg(repository.path("."))
        .arg(copy.path())
        .status()
        .unwrap();
    assert!(status.success());
    let copy = Repository { folder: copy };
    assert_eq!(copy.source("app").change_count, 0);
    copy.assert_as_git_says("app", "copy");
}

#[test]
fn only_the_first_changes_are_told() {
    let repository = Repository::new();
    for number in 10..35 {
        repository.write(&format!("app/new-{number}"), "");
    }
    repository.write("app/new-0\n::error::", "");
    let source = repository.source("app");
    assert_eq!((source.change_count, source.changes.len()), (26, 10));
    assert_eq!(source.changes[0].path, "app/new-0\u{fffd}::error::");
    assert_eq!(source.changes[9].path, "app/new-18");
}

#[test]
fn a_submodule_that_the_build_reads_is_at_its_commit_and_clean() {
    let library = Repository::new();
    let repository = Repository::new();
    let url = library.root().to_str().unwrap();
    repository.git(&["submodule", "--quiet", "add", url, "app/library"]);
    repository.commit();
    assert_eq!(repository.differences("app"), []);
    assert_eq!(
        repository.differences("app/library/app"),
        [],
        "a context within it"
    );
    repository.write("app/library/app/x.log", "");
    assert_eq!(repository.differences("app"), [], "what the submodule ignores");
    repository.write("app/library/app/main.c", "int changed;\n");
    repository.write("app/library/new", "");
    let within = [
        ("app/library/app/main.c".to_owned(), DifferenceCause::Modified),
        ("app/library/new".to_owned(), DifferenceCause::NotInCommit),
    ];
    assert_eq!(repository.differences("app"), within);
    assert_eq!(repository.differences("app/library/app"), within[..1]);
    git(
        &repository.path("app/library"),
        &["commit", "--quiet", "--all", "--message", "x"],
    );
    let elsewhere = ("app/library".to_owned(), DifferenceCause::SubmoduleElsewhere);
    assert_eq!(repository.differences("app")[0], elsewhere);
    assert_eq!(repository.differences("app/library/app")[0], elsewhere);

    let folder = TempDir::new().unwrap();
    let url = repository.root().to_str().unwrap();
    git(folder.path(), &["clone", "--quiet", url, "."]);
    let clone = Repository { folder };
    let missing = [("app/library".to_owned(), DifferenceCause::SubmoduleMissing)];
    assert_eq!(clone.differences("app"), missing, "not fetched");
    assert_eq!(clone.differences("app/deep"), [], "the build does not read it");
    fs::remove_dir(clone.path("app/library")).unwrap();
    assert_eq!(clone.differences("app"), missing, "not even its folder");
    clone.write("app/.dockerignore", "library\n");
    clone.commit();
    assert_eq!(clone.differences("app"), []);
}

#[test]
fn submodules_in_submodules_are_judged_too() {
    let (innermost, library, repository) = (Repository::new(), Repository::new(), Repository::new());
    let url = |of: &Repository| of.root().to_str().unwrap().to_owned();
    library.git(&["submodule", "--quiet", "add", &url(&innermost), "inner"]);
    library.commit();
    repository.git(&["submodule", "--quiet", "add", &url(&library), "library"]);
    repository.commit();
    let missing = [("library/inner".to_owned(), DifferenceCause::SubmoduleMissing)];
    assert_eq!(repository.differences("."), missing);
    repository.git(&["submodule", "--quiet", "update", "--init", "--recursive"]);
    assert_eq!(repository.differences("."), []);
    repository.write("library/inner/app/main.c", "int changed;\n");
    let modified = [("library/inner/app/main.c".to_owned(), DifferenceCause::Modified)];
    assert_eq!(repository.differences("."), modified);
}

#[test]
fn a_repository_in_the_repository_is_in_no_commit() {
    let repository = Repository::new();
    repository.write("app/inner/x", "");
    git(&repository.path("app/inner"), &["init", "--quiet"]);
    let expected = [("app/inner/x".to_owned(), DifferenceCause::NotInCommit)];
    assert_eq!(repository.differences("app"), expected);
    assert_eq!(repository.differences("app/inner"), expected);
}

#[test]
fn links_in_place_of_folders_are_no_copies_of_them() {
    let repository = Repository::new();
    fs::rename(repository.path("app/deep"), repository.path("deep")).unwrap();
    symlink("../deep", repository.path("app/deep")).unwrap();
    let expected = [("app/deep".to_owned(), DifferenceCause::NotInCommit)];
    assert_eq!(repository.differences("app"), expected);
}
