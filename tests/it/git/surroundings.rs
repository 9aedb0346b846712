//! Folders that are no checkout, and checkouts of other users.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tagship::engine::ContextInputs;
use tagship::git::GixCheckout;
use tagship::ports::GitError;
use tempfile::TempDir;

use super::repository::{Repository, compared, git};

#[test]
fn what_is_no_checkout_is_told() {
    let folder = TempDir::new().unwrap();
    let read = |path: &Path| GixCheckout::at(path).source(path).unwrap_err();
    assert!(matches!(read(folder.path()), GitError::NoRepository { .. }));
    assert!(matches!(
        read(&folder.path().join("missing")),
        GitError::NoRepository { .. } | GitError::Unreadable { .. }
    ));

    git(folder.path(), &["init", "--quiet"]);
    assert!(matches!(read(folder.path()), GitError::Unborn { .. }));

    let bare = TempDir::new().unwrap();
    git(bare.path(), &["init", "--quiet", "--bare"]);
    assert!(matches!(read(bare.path()), GitError::Bare { .. }));

    let repository = Repository::new();
    let head = repository.git(&["rev-parse", "HEAD"]);
    let (first, rest) = head.trim().split_at(2);
    fs::remove_file(repository.path(&format!(".git/objects/{first}/{rest}"))).unwrap();
    let error = read(repository.root());
    assert!(matches!(error, GitError::Unreadable { .. }), "{error}");
    assert!(!error.to_string().contains('\n'), "{error}");

    let repository = Repository::new();
    fs::write(repository.path(".git/index"), "DIRCgarbage").unwrap();
    let inputs = ContextInputs::read(repository.root(), &repository.path("Dockerfile")).unwrap();
    let compared = compared(repository.root(), &[&inputs]);
    assert!(matches!(compared, Err(GitError::Unreadable { .. })));

    let repository = Repository::new();
    fs::write(repository.path(".git/config"), "[core\nnonsense").unwrap();
    assert!(matches!(read(repository.root()), GitError::Unreadable { .. }));
}

/// In a container action the checkout belongs to the runner's user, and the action is root. Only root can give files
/// away, so that other users see only the first half of this test.
#[test]
fn another_users_repository_is_read_but_its_programs_are_not_run() {
    let repository = Repository::new();
    repository.write(".gitattributes", "*.c filter=evil\n");
    repository.commit();
    repository.git(&["tag", "v1.2.3", "--annotate", "--message", "x"]);
    repository.git(&["remote", "add", "origin", "https://u:p@github.com/octo/app.git"]);
    let trace = repository.path(".git/ran");
    let program = format!("touch {}; cat", trace.display());
    repository.git(&["config", "filter.evil.clean", &program]);
    repository.git(&["config", "core.fsmonitor", &program]);
    let other = Some(1001);
    if std::os::unix::fs::chown(repository.root(), other, other).is_err() {
        return;
    }
    let given = Command::new("chown")
        .args(["-R", "1001:1001"])
        .arg(repository.root())
        .status()
        .unwrap();
    assert!(given.success());
    let file = fs::File::options()
        .write(true)
        .open(repository.path("app/main.c"))
        .unwrap();
    file.set_modified(std::time::UNIX_EPOCH).unwrap();
    let source = repository.source("app");
    assert_eq!(source.tags, ["v1.2.3"]);
    assert_eq!(source.change_count, 0);
    assert_eq!(source.url.as_deref(), Some("https://github.com/octo/app"));
    assert!(!trace.exists());
    repository.write("app/main.c", "changed");
    assert_eq!(repository.source("app").changes[0].path, "app/main.c");
}

/// Runs itself again in an environment that points git elsewhere.
#[test]
#[expect(clippy::disallowed_methods, reason = "the environment is what is tested")]
fn the_environment_does_not_redirect() {
    const REPOSITORY: &str = "TAGSHIP_TEST_REPOSITORY";
    if let Ok(path) = std::env::var(REPOSITORY) {
        let path = PathBuf::from(path);
        let inputs = ContextInputs::read(&path, &path.join("Dockerfile")).unwrap();
        let source = compared(&path, &[&inputs]).unwrap();
        assert_eq!(source.changes[0].path, "app/main.c");
        assert_eq!(source.tags, ["here"]);
        return;
    }
    let (here, elsewhere) = (Repository::new(), Repository::new());
    here.git(&["tag", "here"]);
    here.write("app/main.c", "changed");
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "git::surroundings::the_environment_does_not_redirect"])
        .env(REPOSITORY, here.root())
        .env("GIT_DIR", elsewhere.path(".git"))
        .env("GIT_WORK_TREE", elsewhere.root())
        .env("GIT_INDEX_FILE", elsewhere.path(".git/index"))
        .env("GIT_OBJECT_DIRECTORY", elsewhere.path(".git/objects"))
        .env("GIT_CEILING_DIRECTORIES", here.root())
        .env("GIT_NAMESPACE", "elsewhere")
        .env("GIT_CONFIG_COUNT", "1")
        .env("GIT_CONFIG_KEY_0", "core.worktree")
        .env("GIT_CONFIG_VALUE_0", elsewhere.root())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

#[test]
fn kinds_of_repositories_that_are_not_read_are_named() {
    for (arguments, kind) in [
        (["init", "--quiet", "--object-format=sha256"], "SHA-256 ids"),
        (["init", "--quiet", "--ref-format=reftable"], "reftables"),
    ] {
        let folder = TempDir::new().unwrap();
        git(folder.path(), &arguments);
        git(
            folder.path(),
            &["commit", "--quiet", "--allow-empty", "--message", "x"],
        );
        fs::create_dir(folder.path().join("app")).unwrap();
        for path in [folder.path().to_owned(), folder.path().join("app")] {
            let error = GixCheckout::at(&path).source(&path).unwrap_err();
            assert!(matches!(error, GitError::Unsupported { .. }), "{error}");
            assert!(error.to_string().contains(kind), "{error}");
        }
    }
}

/// It is read as far as it goes.
#[test]
fn a_partial_clone_that_lacks_what_is_needed_is_named() {
    let repository = Repository::new();
    repository.git(&["config", "uploadpack.allowFilter", "true"]);
    let url = format!("file://{}", repository.root().display());
    let clone = |filter: &str, more: &[&str]| {
        let folder = TempDir::new().unwrap();
        let arguments = [
            &["clone", "--quiet", "--filter", filter],
            more,
            &[url.as_str(), "."],
        ]
        .concat();
        git(folder.path(), &arguments);
        Repository { folder }
    };
    assert_eq!(clone("blob:none", &[]).differences("app"), []);
    let clone = clone("tree:0", &["--no-checkout"]);
    let inputs = ContextInputs::named(clone.root()).unwrap();
    let error = compared(clone.root(), &[&inputs]).unwrap_err();
    assert!(matches!(error, GitError::Unsupported { .. }), "{error}");
    assert!(error.to_string().contains("a partial clone"), "{error}");
}

#[test]
fn a_job_is_told_to_check_out_and_a_terminal_is_not() {
    use tagship_domain::error::Diagnose as _;
    let folder = TempDir::new().unwrap();
    let hint = |in_job| {
        let error = GixCheckout::at(folder.path()).source(folder.path()).unwrap_err();
        error.in_job(in_job).hint().unwrap().into_owned()
    };
    assert!(hint(true).contains("actions/checkout"));
    assert!(!hint(false).contains("actions/checkout"));
}
