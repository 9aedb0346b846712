//! Git histories of any form, written at once with `git fast-import`.

use std::io::Write as _;
use std::process::Stdio;

use super::checkout::{Checkout, FIRST_COMMIT_AT};
use super::process::scrubbed;

/// A history that is being written.
#[derive(Debug, Default)]
pub struct History {
    script: Vec<u8>,
    commits: usize,
}

/// A commit of a history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark(usize);

impl History {
    /// A commit that adds one file of its own in the root folder, an hour after the one that was written before.
    pub fn commit(&mut self, parents: &[Mark], message: impl AsRef<[u8]>) -> Mark {
        let time = FIRST_COMMIT_AT + 3600 * self.commits as u64;
        let file = format!("file-{}", self.commits);
        self.commit_with(parents, message, time, &[&file])
    }

    /// A commit at a time, in seconds since 1970, that changes some files.
    pub fn commit_with(
        &mut self,
        parents: &[Mark],
        message: impl AsRef<[u8]>,
        time: u64,
        files: &[&str],
    ) -> Mark {
        self.commits += 1;
        let mark = self.commits;
        if parents.is_empty() {
            self.line("reset refs/heads/main");
        }
        self.line("commit refs/heads/main");
        self.line(&format!("mark :{mark}"));
        self.line(&format!("committer Ada <ada@example.com> {time} +0000"));
        self.data(message.as_ref());
        for (index, Mark(parent)) in parents.iter().enumerate() {
            let word = if index == 0 { "from" } else { "merge" };
            self.line(&format!("{word} :{parent}"));
        }
        for file in files {
            self.line(&format!("M 100644 inline {file}"));
            self.data(mark.to_string().as_bytes());
        }
        Mark(mark)
    }

    /// A lightweight tag.
    pub fn tag(&mut self, name: &str, Mark(commit): Mark) {
        self.line(&format!("reset refs/tags/{name}"));
        self.line(&format!("from :{commit}\n"));
    }

    /// A tag with an object of its own.
    pub fn annotated_tag(&mut self, name: &str, Mark(commit): Mark) {
        self.line(&format!("tag {name}"));
        self.line(&format!("from :{commit}"));
        self.line(&format!("tagger Ada <ada@example.com> {FIRST_COMMIT_AT} +0000"));
        self.data(b"tagged");
    }

    /// A repository with the history, and `head` at the branch `main`. Its working tree is empty.
    pub fn into_checkout(mut self, Mark(head): Mark) -> Checkout {
        self.line("reset refs/heads/main");
        self.line(&format!("from :{head}\n"));
        let checkout = Checkout::empty();
        let mut import = scrubbed("git", checkout.path())
            .args(["fast-import", "--quiet", "--force"])
            .current_dir(checkout.path())
            .stdin(Stdio::piped())
            .spawn()
            .expect("git can be started");
        let mut stdin = import.stdin.take().expect("standard input is a pipe");
        stdin.write_all(&self.script).expect("git reads the history");
        drop(stdin);
        let status = import.wait().expect("git ends");
        assert!(status.success(), "git fast-import: {status}");
        checkout
    }

    fn line(&mut self, line: &str) {
        self.script.extend_from_slice(line.as_bytes());
        self.script.push(b'\n');
    }

    fn data(&mut self, data: &[u8]) {
        self.line(&format!("data {}", data.len()));
        self.script.extend_from_slice(data);
        self.script.push(b'\n');
    }
}
