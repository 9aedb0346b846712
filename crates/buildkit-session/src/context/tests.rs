//! Contexts on disk: what is selected, and in which order.

use std::collections::BTreeSet;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use super::walk::paths;
use super::{ContextError, ContextInputs, Folder, FolderRequest, walk};
use crate::error::Error;

fn write(root: &Path, files: &[&str]) {
    for file in files {
        let path = root.join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, file).unwrap();
    }
}

fn folder(files: &[&str]) -> (tempfile::TempDir, Folder) {
    let root = tempfile::tempdir().unwrap();
    write(root.path(), files);
    let folder = Folder::context(root.path()).unwrap();
    (root, folder)
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

fn excluding(patterns: &[&str]) -> FolderRequest {
    FolderRequest {
        exclude: texts(patterns),
        ..FolderRequest::default()
    }
}

fn following(paths: &[&str]) -> FolderRequest {
    FolderRequest {
        follow: texts(paths),
        ..FolderRequest::default()
    }
}

/// Paths in the order that they are given, folders with a `/` behind.
fn listing(folder: &Folder, wanted: &FolderRequest) -> Result<Vec<String>, ContextError> {
    let mut paths = Vec::new();
    walk(folder.root(), &folder.select(wanted)?, |entry| {
        let is_folder = entry.stat.mode & (1 << 31) != 0;
        paths.push(format!("{}{}", entry.stat.path, if is_folder { "/" } else { "" }));
        Ok(())
    })?;
    Ok(paths)
}

/// The lines of an ignore file as the frontend hands them over.
/// Source: Dockerfile reference, ".dockerignore file".
fn patterns_of(ignore_file: &str) -> Vec<String> {
    let cleaned = |line: &str| {
        let (mark, path) = line
            .strip_prefix('!')
            .map_or(("", line), |rest| ("!", rest.trim()));
        let path = crate::dockerignore::clean(path);
        let path = if path.len() > 1 {
            path.trim_start_matches('/')
        } else {
            &path
        };
        format!("{mark}{path}")
    };
    ignore_file
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(str::trim)
        .map(cleaned)
        .collect()
}

#[test]
fn ignore_files_leave_out_what_docker_leaves_out() {
    let record = include_str!("../../testdata/dockerignore.txt");
    let mut blocks = record.trim_end().split("\n\n").skip(1);
    let files: Vec<&str> = blocks.next().unwrap().lines().collect();
    let (_root, folder) = folder(&files);
    let mut differences = Vec::new();
    let mut cases = 0;
    for block in blocks {
        let (patterns, expected) = block.split_once("\n=>\n").unwrap();
        let wanted = FolderRequest {
            exclude: patterns_of(patterns),
            ..FolderRequest::default()
        };
        let found = match listing(&folder, &wanted) {
            Ok(paths) => difference(&files, &paths),
            Err(_) => "error".to_owned(),
        };
        if found != expected {
            differences.push(format!("{patterns}\nexpected\n{expected}\nfound\n{found}\n"));
        }
        cases += 1;
    }
    assert!(
        differences.is_empty(),
        "{} of {cases} differ:\n{}",
        differences.len(),
        differences.join("\n")
    );
}

/// In the form of the record.
fn difference(files: &[&str], paths: &[String]) -> String {
    let missing = files
        .iter()
        .filter(|file| !paths.iter().any(|path| path == *file))
        .map(|file| format!("- {file}"));
    let empty = paths
        .iter()
        .filter(|path| {
            path.ends_with('/')
                && !paths
                    .iter()
                    .any(|inner| inner != *path && inner.starts_with(*path))
        })
        .map(|path| format!("+ {path}"));
    let lines: Vec<String> = missing.chain(empty).collect();
    if lines.is_empty() {
        "nothing".to_owned()
    } else {
        lines.join("\n")
    }
}

#[test]
fn paths_come_in_the_order_of_their_names_within_each_folder() {
    let (_root, folder) = folder(&["b", "a/z", "a/b/c", "a.b", "A"]);
    // By whole paths, `a.b` would come before `a/z`.
    assert_eq!(
        listing(&folder, &FolderRequest::default()).unwrap(),
        ["A", "a/", "a/b/", "a/b/c", "a/z", "a.b", "b"]
    );
}

#[test]
fn links_are_sent_as_links() {
    let (root, folder) = folder(&["file"]);
    symlink("/etc/passwd", root.path().join("outside")).unwrap();
    symlink("..", root.path().join("up")).unwrap();
    symlink("file", root.path().join("inside")).unwrap();
    let mut links = Vec::new();
    walk(
        folder.root(),
        &folder.select(&FolderRequest::default()).unwrap(),
        |entry| {
            if entry.stat.mode & (1 << 27) != 0 {
                assert!(entry.file.is_none(), "a link has no bytes");
                links.push((entry.stat.path, entry.stat.linkname));
            }
            Ok(())
        },
    )
    .unwrap();
    let expected = [("inside", "file"), ("outside", "/etc/passwd"), ("up", "..")];
    assert_eq!(
        links,
        expected.map(|(path, target)| (path.to_owned(), target.to_owned()))
    );
}

#[test]
fn followed_links_stay_in_the_context() {
    let (root, folder) = folder(&["a/b/target", "a/other", "c"]);
    symlink("a/b", root.path().join("link")).unwrap();
    symlink("/a/other", root.path().join("absolute")).unwrap();
    symlink("../../../c", root.path().join("a/up")).unwrap();
    symlink("loop2", root.path().join("loop1")).unwrap();
    symlink("loop1", root.path().join("loop2")).unwrap();
    let follow = |path: &str| listing(&folder, &following(&[path])).unwrap();
    assert_eq!(follow("link/target"), ["a/", "a/b/", "a/b/target", "link"]);
    assert_eq!(follow("absolute"), ["a/", "a/other", "absolute"]);
    assert_eq!(follow("a/up"), ["a/", "a/up", "c"]);
    assert_eq!(follow("loop1"), ["loop1", "loop2"]);
    assert_eq!(follow("li*"), ["a/", "a/b/", "a/b/target", "link"]);
    assert_eq!(follow("missing"), [""; 0]);
    assert_eq!(follow("../../etc/passwd"), [""; 0]);
    assert_eq!(follow("/c"), ["c"]);
}

#[test]
fn a_link_into_itself_is_followed_to_an_end() {
    let (root, folder) = folder(&["x"]);
    symlink("b/more", root.path().join("b")).unwrap();
    assert_eq!(listing(&folder, &following(&["b"])).unwrap(), ["b"]);
}

#[test]
fn one_link_is_followed_for_every_path_over_it() {
    let (root, folder) = folder(&["a/x", "a/y", "a/z"]);
    symlink("a", root.path().join("link")).unwrap();
    assert_eq!(
        listing(&folder, &following(&["link/x", "link/y"])).unwrap(),
        ["a/", "a/x", "a/y", "link"]
    );
}

#[test]
fn only_the_dockerfile_and_its_ignore_file_are_given_from_its_folder() {
    let root = tempfile::tempdir().unwrap();
    write(
        root.path(),
        &["Dockerfile", "Dockerfile.dockerignore", "id_rsa", "sub/x"],
    );
    let (folder, name) = Folder::dockerfile(&root.path().join("Dockerfile")).unwrap();
    assert_eq!(name, "Dockerfile");
    for wanted in [
        FolderRequest::default(),
        following(&["id_rsa", "sub"]),
        FolderRequest {
            include: texts(&["**"]),
            ..FolderRequest::default()
        },
    ] {
        assert_eq!(
            listing(&folder, &wanted).unwrap(),
            ["Dockerfile", "Dockerfile.dockerignore"]
        );
    }
}

#[test]
fn a_dockerfile_may_be_a_link_within_its_folder() {
    let root = tempfile::tempdir().unwrap();
    write(root.path(), &["docker/real", "x"]);
    symlink("docker/real", root.path().join("Dockerfile")).unwrap();
    let (folder, _) = Folder::dockerfile(&root.path().join("Dockerfile")).unwrap();
    assert_eq!(
        listing(&folder, &FolderRequest::default()).unwrap(),
        ["Dockerfile", "docker/", "docker/real"]
    );

    let elsewhere = tempfile::tempdir().unwrap();
    symlink(root.path().join("x"), elsewhere.path().join("Dockerfile")).unwrap();
    let error = Folder::dockerfile(&elsewhere.path().join("Dockerfile")).unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("it is a symbolic link that leads out of its folder"),
        "{error}"
    );
}

#[test]
fn what_is_no_folder_or_file_is_refused_by_name() {
    let root = tempfile::tempdir().unwrap();
    write(root.path(), &["file"]);
    let context = |name: &str| Folder::context(&root.path().join(name)).unwrap_err().to_string();
    assert!(context("missing").ends_with("missing` cannot be used: it does not exist"));
    assert!(context("file").ends_with("file` cannot be used: it is not a folder"));
    let dockerfile = |name: &str| match Folder::dockerfile(&root.path().join(name)) {
        Err(error @ Error::Dockerfile { .. }) => error.to_string(),
        other => panic!("{other:?}"),
    };
    assert!(dockerfile("missing").ends_with("missing` cannot be used: it does not exist"));
    std::fs::create_dir(root.path().join("folder")).unwrap();
    assert!(dockerfile("folder").ends_with("folder` cannot be used: it is not a file"));
}

#[test]
fn a_name_that_is_not_utf8_is_an_error_unless_ignored() {
    let (root, folder) = folder(&["a"]);
    std::fs::write(root.path().join(std::ffi::OsStr::from_bytes(b"caf\xe9.txt")), "").unwrap();
    let error = listing(&folder, &FolderRequest::default()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`caf\u{fffd}.txt`: its name or target is not UTF-8"
    );
    assert_eq!(listing(&folder, &excluding(&["caf?.txt"])).unwrap(), ["a"]);
}

#[test]
fn files_of_several_names_are_sent_once() {
    let (root, folder) = folder(&["a", "z/c"]);
    std::fs::hard_link(root.path().join("a"), root.path().join("b")).unwrap();
    let mut stats = Vec::new();
    let selection = |patterns: &[&str]| folder.select(&excluding(patterns)).unwrap();
    let mut collect = |patterns: &[&str]| {
        walk(folder.root(), &selection(patterns), |entry| {
            stats.push((entry.stat.path, entry.stat.linkname, entry.stat.size));
            Ok(())
        })
        .unwrap();
        std::mem::take(&mut stats)
    };
    let entry = |path: &str, link: &str, size| (path.to_owned(), link.to_owned(), size);
    assert_eq!(collect(&["z"]), [entry("a", "", 1), entry("b", "a", 0)]);
    // The first name that is sent, not the first there is.
    assert_eq!(collect(&["z", "a"]), [entry("b", "", 1)]);
}

#[test]
fn modes_are_those_of_go() {
    let (root, folder) = folder(&["file", "sticky/x"]);
    let set = |name: &str, mode| {
        std::fs::set_permissions(root.path().join(name), std::fs::Permissions::from_mode(mode)).unwrap();
    };
    set("file", 0o6751);
    set("sticky", 0o1777);
    let mut modes = Vec::new();
    walk(
        folder.root(),
        &folder.select(&excluding(&["**/x"])).unwrap(),
        |entry| {
            modes.push(entry.stat.mode);
            Ok(())
        },
    )
    .unwrap();
    // Go: fs.ModeSetuid = 1<<23, fs.ModeSetgid = 1<<22, fs.ModeDir = 1<<31, fs.ModeSticky = 1<<20.
    assert_eq!(modes, [1 << 23 | 1 << 22 | 0o751, 1 << 31 | 1 << 20 | 0o777]);
}

#[test]
fn sockets_are_passed_over() {
    let (root, folder) = folder(&["a"]);
    let _socket = std::os::unix::net::UnixListener::bind(root.path().join("socket")).unwrap();
    assert_eq!(listing(&folder, &FolderRequest::default()).unwrap(), ["a"]);
}

#[test]
fn a_list_of_paths_has_what_is_sent_but_folders() {
    let (root, folder) = folder(&["b/c", "b/left/out", "left/out", "left/in"]);
    symlink("nowhere", root.path().join("link")).unwrap();
    std::fs::create_dir(root.path().join("empty")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(root.path().join("socket")).unwrap();
    let selection = folder.select(&excluding(&["**/left", "!left/in"])).unwrap();
    assert_eq!(
        paths(folder.root(), &selection).unwrap(),
        ["b/c", "left/in", "link"]
    );
    let unsendable = std::ffi::OsStr::from_bytes(b"caf\xe9");
    symlink(unsendable, root.path().join("a")).unwrap();
    assert_eq!(
        paths(folder.root(), &selection).unwrap_err().to_string(),
        "`a`: its name or target is not UTF-8"
    );
}

#[test]
fn a_file_that_changes_while_it_is_sent_is_an_error() {
    let (root, folder) = folder(&["grown", "shrunk", "replaced", "same"]);
    let mut files = Vec::new();
    walk(
        folder.root(),
        &folder.select(&FolderRequest::default()).unwrap(),
        |entry| {
            files.extend(entry.file);
            Ok(())
        },
    )
    .unwrap();
    std::fs::write(root.path().join("grown"), "much longer than it was").unwrap();
    std::fs::write(root.path().join("shrunk"), "").unwrap();
    std::fs::write(root.path().join("new"), "replaced").unwrap();
    std::fs::rename(root.path().join("new"), root.path().join("replaced")).unwrap();
    let changed: BTreeSet<String> = files
        .iter()
        .filter_map(|file| file.read(&mut [0; 3], |_| Ok(())).err())
        .map(|error| error.to_string())
        .collect();
    let expected =
        ["grown", "replaced", "shrunk"].map(|name| format!("`{name}`: it changed while it was read"));
    assert_eq!(changed, BTreeSet::from(expected));
}

#[test]
fn a_pattern_that_cannot_be_read_is_named_with_its_file() {
    let (root, _) = folder(&["Dockerfile", "a/.dockerignore", "a/x"]);
    std::fs::write(root.path().join("a/.dockerignore"), "fine\nwrong[\n").unwrap();
    let dockerfile = root.path().join("Dockerfile");
    let read = ContextInputs::read(&root.path().join("a"), &dockerfile);
    let error = read.unwrap_err().to_string();
    assert!(error.starts_with("ignore file `"), "{error}");
    assert!(
        error.ends_with("a/.dockerignore` cannot be used: pattern `wrong[` cannot be read"),
        "{error}"
    );
}
