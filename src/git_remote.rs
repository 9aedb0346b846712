//! The git remote of a checkout, which the program `git` reaches with the checkout's own credential: for forges whose API is not
//! spoken here.

use std::path::PathBuf;
use std::process::Stdio;

use async_trait::async_trait;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::Command;
use tokio::time::timeout;

use crate::limits;
use crate::ports::{ForgeError, ListedTag, ReadTags, WriteTags};
use tagship_domain::error::cleaned;
use tagship_domain::facts::CommitId;

/// The remote that tags are pushed to.
const REMOTE: &str = "origin";

/// The most bytes that git may print.
const MAX_OUTPUT: u64 = 16 * 1024 * 1024;

/// The most characters of what git says that are shown.
const MAX_WORDS: usize = 300;

/// What says that a remote does not know, or does not let, who asks. Sources: git, `http.c` and `remote-curl.c`; OpenSSH.
const REFUSALS: [&str; 6] = [
    "Authentication failed",
    "could not read Username",
    "Permission denied",
    "Permission to",
    "returned error: 403",
    "not allowed to",
];

/// The remote `origin` of a checkout.
#[derive(Debug, Clone)]
pub struct GitRemote {
    workspace: PathBuf,
}

impl GitRemote {
    /// Returns the remote of the checkout that `workspace`, an absolute path, lies in; contacts no server.
    pub fn of(workspace: impl Into<PathBuf>) -> Self {
        Self {
            workspace: workspace.into(),
        }
    }

    /// Runs git to its end, without a terminal to ask at and without the checkout's hooks; gives what it prints. It ends with the
    /// future.
    async fn run(&self, arguments: &[&str], input: &str) -> Result<String, ForgeError> {
        let mut child = Command::new("git")
            .args(["-c", "core.hooksPath=/dev/null"])
            .args(arguments)
            .env("GIT_TERMINAL_PROMPT", "0")
            .current_dir(&self.workspace)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| failed(format!("the program `git` cannot be run: {error}"), false))?;
        let stdin = child.stdin.take();
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let ended = async {
            if let Some(mut stdin) = stdin {
                // Git that does not read to the end says why itself.
                drop(stdin.write_all(input.as_bytes()).await);
            }
            let (output, errors, status) = tokio::join!(bounded(stdout), bounded(stderr), child.wait());
            status.map(|status| (output, errors, status.success()))
        };
        let (output, errors, has_succeeded) = match timeout(limits::GIT_REMOTE, ended).await {
            Ok(ended) => ended.map_err(|error| failed(error.to_string(), true))?,
            Err(_elapsed) => {
                let seconds = limits::GIT_REMOTE.as_secs();
                return Err(failed(format!("git did not end within {seconds} s"), true));
            }
        };
        if output.len() as u64 > MAX_OUTPUT {
            let message = format!("it lists more than {} MiB", MAX_OUTPUT >> 20);
            return Err(failed(message, false));
        }
        if has_succeeded {
            return Ok(String::from_utf8_lossy(&output).into_owned());
        }
        let said = String::from_utf8_lossy(&errors);
        let words: String = cleaned(said.trim()).chars().take(MAX_WORDS).collect();
        if REFUSALS.iter().any(|refusal| said.contains(refusal)) {
            return Err(ForgeError::RemoteRefuses {
                remote: REMOTE,
                message: words,
            });
        }
        Err(failed(words, true))
    }

    /// Tags with what they point to, through tag objects.
    async fn list(&self, pattern: &str) -> Result<Vec<ListedTag>, ForgeError> {
        let listed = self.run(&["ls-remote", REMOTE, pattern], "").await;
        // What is only read was not done by halves.
        let listed = listed.map_err(|error| match error {
            ForgeError::Remote { message, .. } => failed(message, false),
            error => error,
        })?;
        let mut tags: Vec<ListedTag> = Vec::new();
        for line in listed.lines() {
            let Some((object, name)) = line.split_once('\t') else {
                continue;
            };
            let (Some(object), Some(name)) = (CommitId::parse(object), name.strip_prefix("refs/tags/"))
            else {
                continue;
            };
            // What a tag object leads to stands on the next line, under its name and `^{}`.
            let name = name.strip_suffix("^{}").unwrap_or(name);
            match tags.last_mut() {
                Some(known) if known.name == name => known.object = object,
                _ => tags.push(ListedTag {
                    name: name.to_owned(),
                    object,
                    is_commit: true,
                }),
            }
        }
        Ok(tags)
    }

    /// Makes a tag object. The same tag has the same one, whichever run makes it: its time is the commit's.
    async fn tag_object(&self, tag: &str, commit: &CommitId, message: &str) -> Result<String, ForgeError> {
        let time = self
            .run(&["show", "--no-patch", "--format=%ct", commit.as_str()], "")
            .await?;
        let content = format!(
            "object {commit}\ntype commit\ntag {tag}\ntagger Tagship <tagship@localhost> {} +0000\n\n{message}",
            time.trim()
        );
        let object = self.run(&["mktag"], &content).await?;
        Ok(object.trim().to_owned())
    }
}

/// What is printed, as far as it is looked at; the rest is read too, so that git does not wait for a reader.
async fn bounded(from: Option<impl AsyncRead + Unpin>) -> Vec<u8> {
    let mut output = Vec::new();
    let Some(mut from) = from else { return output };
    // A pipe that breaks ends what is printed.
    let mut beginning = (&mut from).take(MAX_OUTPUT + 1);
    drop(beginning.read_to_end(&mut output).await);
    drop(tokio::io::copy(&mut from, &mut tokio::io::sink()).await);
    output
}

fn failed(message: String, is_unsure: bool) -> ForgeError {
    ForgeError::Remote {
        remote: REMOTE,
        message,
        is_unsure,
    }
}

#[async_trait]
impl ReadTags for GitRemote {
    async fn git_tags(&self, prefix: &str) -> Result<Vec<ListedTag>, ForgeError> {
        self.list(&format!("refs/tags/{prefix}*")).await
    }

    async fn tag_commit(&self, tag: &str) -> Result<Option<CommitId>, ForgeError> {
        // A pattern is one, too, for what stands behind the name.
        let listed = self.list(&format!("refs/tags/{tag}*")).await?;
        let own = listed.into_iter().find(|known| known.name == tag);
        Ok(own.map(|known| known.object))
    }
}

#[async_trait]
impl WriteTags for GitRemote {
    async fn check_write(&self) -> Result<(), ForgeError> {
        let push = ["push", "--dry-run", REMOTE, "HEAD:refs/tags/tagship-may-write"];
        self.run(&push, "").await.map(drop)
    }

    async fn create_tag(
        &self,
        tag: &str,
        commit: &CommitId,
        message: Option<&str>,
    ) -> Result<(), ForgeError> {
        let object = match message {
            Some(message) => self.tag_object(tag, commit, message).await?,
            None => commit.to_string(),
        };
        // Without `--force` git moves no tag that is there.
        let pushed = self
            .run(&["push", REMOTE, &format!("{object}:refs/tags/{tag}")], "")
            .await;
        match pushed {
            Err(ForgeError::Remote { message, .. }) if message.contains("already exists") => {
                Err(ForgeError::Taken {
                    repository: REMOTE.to_owned(),
                    name: tag.to_owned(),
                })
            }
            pushed => pushed.map(drop),
        }
    }

    async fn move_tag(&self, tag: &str, commit: &CommitId) -> Result<(), ForgeError> {
        let push = ["push", "--force", REMOTE, &format!("{commit}:refs/tags/{tag}")];
        self.run(&push, "").await.map(drop)
    }
}
