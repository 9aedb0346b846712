//! Checkouts that are damaged, or made to lead elsewhere.

use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;
use std::path::Path;

use test_support::checkout::Checkout;
use test_support::process::tagship;

use super::survive;

type Attack = fn(&Checkout);

fn write(checkout: &Checkout, path: &str, content: impl AsRef<[u8]>) {
    checkout.write(path, content);
}

/// A program that leaves a trace where it is run.
fn trap(checkout: &Checkout) -> String {
    let program = checkout.write(".git/trap", "#!/bin/sh\ntouch \"$(dirname \"$0\")/run\"\ncat\n");
    let mut permissions = fs::metadata(&program).unwrap().permissions();
    std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, 0o755);
    fs::set_permissions(&program, permissions).unwrap();
    program.display().to_string()
}

const ATTACKS: &[(&str, Attack)] = &[
    ("HEAD is empty", |c| write(c, ".git/HEAD", "")),
    ("HEAD is noise", |c| write(c, ".git/HEAD", [0xff; 5000])),
    ("HEAD is long", |c| {
        write(
            c,
            ".git/HEAD",
            "ref: refs/heads/".to_owned() + &"a".repeat(1 << 20),
        );
    }),
    ("HEAD leads out", |c| {
        write(c, ".git/HEAD", "ref: ../../../../etc/passwd\n");
    }),
    ("HEAD has an escape", |c| {
        write(c, ".git/HEAD", "ref: refs/heads/\u{1b}[31m\u{202e}\n");
    }),
    ("HEAD leads to itself", |c| write(c, ".git/HEAD", "ref: HEAD\n")),
    ("HEAD is an unknown commit", |c| {
        write(c, ".git/HEAD", "1".repeat(40) + "\n");
    }),
    ("HEAD is a folder", |c| {
        fs::remove_file(c.path().join(".git/HEAD")).unwrap();
        fs::create_dir(c.path().join(".git/HEAD")).unwrap();
    }),
    ("HEAD is a circle of links", |c| {
        fs::remove_file(c.path().join(".git/HEAD")).unwrap();
        symlink("HEAD", c.path().join(".git/HEAD")).unwrap();
    }),
    ("refs lead to each other", |c| {
        write(c, ".git/refs/heads/one", "ref: refs/heads/two\n");
        write(c, ".git/refs/heads/two", "ref: refs/heads/one\n");
        write(c, ".git/HEAD", "ref: refs/heads/one\n");
    }),
    ("packed refs are noise", |c| {
        write(c, ".git/packed-refs", [0xfe; 10_000]);
    }),
    ("a packed tag is no commit", |c| {
        write(
            c,
            ".git/packed-refs",
            format!("{} refs/tags/v9.9.9\n", "2".repeat(40)),
        );
    }),
    ("a tag has an escape", |c| {
        let path = std::ffi::OsStr::from_bytes(b".git/refs/tags/v1.0.0-\x1b[31m").to_owned();
        fs::write(c.path().join(path), c.head() + "\n").unwrap();
    }),
    ("a tag that is no text", |c| {
        let path = std::ffi::OsStr::from_bytes(b".git/refs/tags/\xff\xfe").to_owned();
        fs::write(c.path().join(path), c.head() + "\n").unwrap();
    }),
    ("ten thousand tags", |c| {
        let head = c.head();
        let all: String = (0..10_000)
            .map(|n| format!("{head} refs/tags/v1.0.{n}\n"))
            .collect();
        write(c, ".git/packed-refs", all);
    }),
    ("settings are noise", |c| write(c, ".git/config", [0x80; 10_000])),
    ("settings are long", |c| {
        write(c, ".git/config", "[a]\n\tb = c\n".repeat(100_000));
    }),
    ("settings include themselves", |c| {
        write(
            c,
            ".git/config",
            "[core]\n\trepositoryformatversion = 0\n[include]\n\tpath = config\n",
        );
    }),
    ("settings include a secret", |c| {
        write(
            c,
            ".git/config",
            "[core]\n\trepositoryformatversion = 0\n[include]\n\tpath = /etc/shadow\n",
        );
    }),
    ("a format that there is not", |c| {
        write(c, ".git/config", "[core]\n\trepositoryformatversion = 99\n");
    }),
    ("another tree", |c| {
        write(
            c,
            ".git/config",
            "[core]\n\trepositoryformatversion = 0\n\tworktree = /\n",
        );
    }),
    ("an index that is noise", |c| write(c, ".git/index", [0xaa; 5000])),
    ("an index of an unknown version", |c| {
        write(c, ".git/index", b"DIRC\0\0\0\x63\xff\xff\xff\xff");
    }),
    ("a shallow file that is noise", |c| {
        write(c, ".git/shallow", "none\n");
    }),
    ("objects elsewhere", |c| {
        write(c, ".git/objects/info/alternates", "/proc/self/fd\n../objects\n");
    }),
    ("all objects damaged", |c| {
        for folder in fs::read_dir(c.path().join(".git/objects")).unwrap().flatten() {
            for object in fs::read_dir(folder.path()).unwrap().flatten() {
                fs::remove_file(object.path()).ok();
                fs::write(object.path(), b"x\x9c\xff").ok();
            }
        }
    }),
    ("no objects", |c| {
        fs::remove_dir_all(c.path().join(".git/objects")).unwrap();
    }),
    ("a repository that is a file", |c| {
        fs::rename(c.path().join(".git"), c.path().join("git")).unwrap();
        write(c, ".git", "gitdir: /proc/self\n");
    }),
    ("a repository that leads to itself", |c| {
        fs::rename(c.path().join(".git"), c.path().join("git")).unwrap();
        write(c, ".git", "gitdir: .git\n");
    }),
    // What the repository's own settings name is its owner's word, such as Git LFS; a commit cannot name a program.
    ("filters that no settings name", |c| {
        trap(c);
        write(
            c,
            ".gitattributes",
            "* filter=.git/trap diff=.git/trap merge=.git/trap\n",
        );
        write(c, "file", "changed");
    }),
    ("a monitor that is a program", |c| {
        let program = trap(c);
        write(
            c,
            ".git/config",
            format!(
                "[core]\n\trepositoryformatversion = 0\n\tfsmonitor = {program}\n\thooksPath = {program}\n"
            ),
        );
    }),
    ("attributes that are noise", |c| {
        write(c, ".gitattributes", [0xff; 100_000]);
    }),
    ("patterns that are noise", |c| {
        write(c, ".gitignore", "[".repeat(100_000));
    }),
    ("patterns of a build that are noise", |c| {
        write(c, ".dockerignore", "[a-\n!**\n\\\n".repeat(1000));
    }),
    ("patterns of superlinear cost", |c| {
        write(c, ".dockerignore", "**/*a*a*a*a*a*a*a*a*a*b\n".repeat(200));
    }),
    ("modules that lead out", |c| {
        write(
            c,
            ".gitmodules",
            "[submodule \"../..\"]\n\tpath = ../..\n\turl = ext::sh -c touch% run\n",
        );
    }),
    ("a folder in a folder in a folder", |c| {
        let mut path = c.path().to_owned();
        for _ in 0..200 {
            path = path.join("d");
            fs::create_dir(&path).unwrap();
        }
        fs::write(path.join("file"), "deep").unwrap();
    }),
    ("links in a circle", |c| {
        symlink("b", c.path().join("a")).unwrap();
        symlink("a", c.path().join("b")).unwrap();
        symlink(".", c.path().join("here")).unwrap();
    }),
    ("a name with an escape", |c| {
        write(c, "\u{1b}[2J::error::\u{202e}", "x");
    }),
    ("a name that is no text", |c| {
        fs::write(c.path().join(std::ffi::OsStr::from_bytes(b"\xff\xfe")), "x").unwrap();
    }),
    ("a Dockerfile that is a link out", |c| {
        fs::remove_file(c.path().join("Dockerfile")).unwrap();
        symlink("/etc/shadow", c.path().join("Dockerfile")).unwrap();
    }),
    ("a Dockerfile that is a folder", |c| {
        fs::remove_file(c.path().join("Dockerfile")).unwrap();
        fs::create_dir(c.path().join("Dockerfile")).unwrap();
    }),
    ("a Dockerfile that is noise", |c| {
        write(c, "Dockerfile", [0xff; 5000]);
    }),
];

#[test]
fn no_checkout_harms_a_run_or_runs_a_program() {
    let home = tempfile::tempdir().unwrap();
    for (what, attack) in ATTACKS {
        let checkout = Checkout::with(&[("Dockerfile", "FROM scratch\nCOPY . /\n"), ("file", "content")]);
        checkout.tag("v1.0.0");
        attack(&checkout);
        for arguments in [
            ["plan", "--local", "--repository=team/app"].as_slice(),
            &["version"],
            &["tags"],
        ] {
            let mut command = tagship(home.path());
            command.current_dir(checkout.path()).args(arguments);
            let finished = survive(&format!("{what}: {arguments:?}"), &mut command);
            assert!(!finished.stderr.contains("root:"), "{what}: {}", finished.stderr);
        }
        let traces = [".git/run", "run"].map(|trace| checkout.path().join(trace));
        assert!(
            !traces.iter().any(|trace| Path::exists(trace)),
            "{what}: a program was run"
        );
    }
    assert!(ATTACKS.len() >= 42, "{}", ATTACKS.len());
}
