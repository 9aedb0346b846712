//! Fetches one commit of a repository elsewhere, and checks it out. No git program, helper or hook is run; `ssh` is, for
//! addresses that need it.

use std::any::Any;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::num::NonZeroU32;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use gix::bstr::{BStr, BString, ByteSlice as _};
use gix::clone::PrepareFetch;
use gix::create;
use gix::open;
use gix::progress::Discard;
use gix::protocol::handshake::Ref;
use gix::protocol::transport::client::blocking_io::http;
use gix::refspec::parse::Operation;
use gix::remote::fetch::Shallow;
use gix::remote::{Direction, ref_map};
use secrecy::{ExposeSecret as _, SecretString};

use super::{failure, shown};
use crate::network;
use crate::ports::GitError;
use tagship_domain::error::{cleaned, innermost};

/// What is fetched.
#[derive(Debug)]
pub struct WantedCommit<'a> {
    /// The repository's address, with its password.
    pub url: &'a str,
    /// The same for messages.
    pub shown: &'a str,
    /// The branch, tag, other reference, or commit's full id; the default branch when absent.
    pub reference: Option<&'a str>,
    /// A header that opens the repository, as `Authorization: …`.
    pub header: Option<&'a SecretString>,
}

/// The commits that references of a server lead to, by full name.
type References = BTreeMap<BString, gix::ObjectId>;

/// The deepest that submodules lie in each other.
const MAX_DEPTH: usize = 8;

impl WantedCommit<'_> {
    /// Fetches the commit into a folder of this name in `root`, which is empty, with its submodules, and checks it out.
    /// git's own files stand beside that folder. Tags are there by name, so that those of the commit are known.
    ///
    /// Blocks; `stop` ends it.
    pub fn fetch(&self, root: &Path, name: &str, stop: &AtomicBool) -> Result<(), GitError> {
        let written = |error: io::Error| self.failed(&error.to_string());
        let tree = root.join(name);
        let listed = self.list(&root.join("list"))?;
        let id = self.resolve(&listed)?;
        self.check_out(&tree, id, stop)?;
        self.submodules(&tree, stop, 0)?;
        let git = root.join(".git");
        fs::rename(tree.join(".git"), &git).map_err(written)?;
        write_tags(&git, &listed).map_err(written)?;
        let mut config = File::options()
            .append(true)
            .open(git.join("config"))
            .map_err(written)?;
        config
            .write_all(format!("[core]\n\tworktree = ../{name}\n").as_bytes())
            .map_err(written)
    }

    fn failed(&self, message: &str) -> GitError {
        GitError::NotFetched {
            address: self.shown.to_owned(),
            message: cleaned(&self.without_secrets(message)),
        }
    }

    fn wrong(&self, error: &gix::Error) -> GitError {
        let tried = error.to_string();
        let wrong = innermost(error);
        if tried.contains(&wrong) {
            self.failed(&tried)
        } else {
            self.failed(&format!("{tried}: {wrong}"))
        }
    }

    /// A library's words may repeat the address, and a server's the header that it was sent.
    fn without_secrets(&self, text: &str) -> String {
        let text = text.replace(self.url, self.shown);
        let header = self.header.map(SecretString::expose_secret).unwrap_or_default();
        // `Authorization: basic eDp5`: what names the scheme is no secret.
        let secrets = header.split_whitespace().skip(1).filter(|word| word.len() > 6);
        secrets.fold(text, |text, secret| text.replace(secret, "***"))
    }

    /// The user's own git configuration does not count: it may name programs, and other addresses.
    fn options(&self) -> open::Options {
        let header = self.header.map(SecretString::expose_secret);
        let settings = ["core.sshCommand=ssh -oBatchMode=yes".to_owned()].into_iter();
        let settings = settings.chain(header.map(|header| format!("http.extraHeader={header}")));
        open::Options::isolated().config_overrides(settings)
    }

    /// The references that the server has: what is asked for, the default branch, and all tags.
    fn list(&self, scratch: &Path) -> Result<References, GitError> {
        let wrong = |error: gix::Error| self.wrong(&error);
        let listed = (|| {
            let kind = create::Kind::Bare;
            let repository = gix::ThreadSafeRepository::init_opts(
                scratch,
                kind,
                create::Options::default(),
                self.options(),
            )
            .map_err(wrong)?
            .to_thread_local();
            let mut names = vec!["HEAD".to_owned(), "refs/tags/*:refs/tags/*".to_owned()];
            if let Some(name) = self.reference.filter(|name| !is_id(name)) {
                names.extend(candidates(name));
            }
            let specs = names.iter().map(|name| {
                gix::refspec::parse(name.as_str().into(), Operation::Fetch).map(|spec| spec.to_owned())
            });
            let options = ref_map::Options {
                extra_refspecs: specs
                    .collect::<Result<_, _>>()
                    .map_err(|error| self.failed(&error.to_string()))?,
                ..ref_map::Options::default()
            };
            let remote = repository.remote_at(self.url).map_err(wrong)?;
            let remote = remote.with_fetch_tags(gix::remote::fetch::Tags::None);
            // Helpers that know passwords are programs, and might ask.
            let mut connection = remote
                .connect(Direction::Fetch)
                .map_err(wrong)?
                .with_credentials(|_| Ok(None));
            if let Some(options) = transport(&repository, self.url).map_err(wrong)? {
                connection.set_transport_options(options);
            }
            let (map, _) = connection.ref_map(Discard, options).map_err(wrong)?;
            Ok(map.remote_refs)
        })();
        let ids = |one: Ref| match one {
            Ref::Peeled {
                full_ref_name,
                object,
                ..
            }
            | Ref::Direct {
                full_ref_name,
                object,
            }
            | Ref::Symbolic {
                full_ref_name,
                object,
                ..
            } => Some((full_ref_name, object)),
            Ref::Unborn { .. } => None,
        };
        Ok(listed?.into_iter().filter_map(ids).collect())
    }

    /// The commit that is asked for.
    fn resolve(&self, listed: &References) -> Result<gix::ObjectId, GitError> {
        let Some(name) = self.reference else {
            let head = listed.get(b"HEAD".as_bstr());
            return head.copied().ok_or_else(|| self.failed("it has no commit yet"));
        };
        if is_id(name) {
            return gix::ObjectId::from_hex(name.to_ascii_lowercase().as_bytes())
                .map_err(|error| self.failed(&error.to_string()));
        }
        let found = candidates(name)
            .into_iter()
            .find_map(|full| listed.get(full.as_bytes().as_bstr()));
        found.copied().ok_or_else(|| GitError::NoReference {
            address: self.shown.to_owned(),
            reference: cleaned(name),
        })
    }

    fn check_out(&self, into: &Path, id: gix::ObjectId, stop: &AtomicBool) -> Result<(), GitError> {
        let wrong = |error: gix::Error| self.wrong(&error);
        let kind = create::Kind::WithWorktree;
        let address = self.url.to_owned();
        let mut fetch = PrepareFetch::new(self.url, into, kind, create::Options::default(), self.options())
            .map_err(wrong)?
            .with_shallow(Shallow::DepthAtRemote(NonZeroU32::MIN))
            .with_revision(Some(id.to_hex().to_string()))
            .map_err(wrong)?
            .configure_connection(move |connection| {
                connection.set_credentials(|_| Ok(None));
                let repository = connection.remote().repo();
                if let Some(options) = transport(repository, &address)? {
                    connection.set_transport_options(options);
                }
                Ok(())
            });
        let (mut checkout, _) = fetch.fetch_then_checkout(Discard, stop).map_err(wrong)?;
        let (_, outcome) = checkout.main_worktree(Discard, stop).map_err(wrong)?;
        if stop.load(Ordering::Relaxed) {
            return Err(self.failed("it was cancelled"));
        }
        match (outcome.errors.first(), outcome.collisions.first()) {
            (Some(error), _) => Err(self.failed(&format!("`{}` cannot be written", error.path))),
            (None, Some(collision)) => Err(self.failed(&format!("`{}` is there twice", collision.path))),
            (None, None) => Ok(()),
        }
    }

    /// Fetches what lies in the folders of submodules, as BuildKit does.
    fn submodules(&self, root: &Path, stop: &AtomicBool, depth: usize) -> Result<(), GitError> {
        let unreadable = |error: gix::Error| failure::unreadable(shown(root), &error);
        let repository = gix::open_opts(root, open::Options::isolated()).map_err(unreadable)?;
        let Some(modules) = repository.submodules().map_err(unreadable)? else {
            return Ok(());
        };
        for module in modules {
            let path = module.path().map_err(|error| self.failed(&error.to_string()))?;
            let Some(id) = module.index_id().map_err(unreadable)? else {
                continue;
            };
            if depth == MAX_DEPTH {
                return Err(self.failed("its submodules lie too deep in each other"));
            }
            let named = module.url().map_err(|error| self.failed(&error.to_string()))?;
            let named = named.to_bstring().to_string();
            let url = address_of_module(self.url, &named);
            // One on the same server is opened by the same header; no other server gets it.
            let is_same_server = origin(&url).is_some() && origin(&url) == origin(self.url);
            let shown_url = cleaned(&super::web_url(url.as_str().into()).unwrap_or(named));
            let is_web = ["https://", "http://", "ssh://", "git://", "git@"]
                .iter()
                .any(|scheme| url.starts_with(scheme));
            if !is_web {
                return Err(self.failed(&format!(
                    "its submodule `{path}` has no address that is fetched from"
                )));
            }
            let id = id.to_hex().to_string();
            let wanted = WantedCommit {
                url: &url,
                shown: &shown_url,
                reference: Some(&id),
                header: self.header.filter(|_| is_same_server),
            };
            let relative = path.to_str().map_err(|error| self.failed(&error.to_string()))?;
            let folder = root.join(relative);
            // The checkout made it empty; a link in its place would lead elsewhere.
            let is_folder = fs::symlink_metadata(&folder).is_ok_and(|found| found.is_dir());
            let is_within = folder
                .canonicalize()
                .is_ok_and(|real| root.canonicalize().is_ok_and(|root| real.starts_with(root)));
            if !is_folder || !is_within {
                return Err(self.failed(&format!("`{}` is no folder of a submodule", folder.display())));
            }
            let commit =
                gix::ObjectId::from_hex(id.as_bytes()).map_err(|error| self.failed(&error.to_string()))?;
            wanted.check_out(&folder, commit, stop)?;
            wanted.submodules(&folder, stop, depth + 1)?;
            fs::remove_dir_all(folder.join(".git")).map_err(|error| self.failed(&error.to_string()))?;
        }
        Ok(())
    }
}

/// How a server is reached: as the settings of the repository say, and by the rules of the network.
fn transport(repository: &gix::Repository, url: &str) -> Result<Option<Box<dyn Any>>, gix::Error> {
    let mut options = repository.transport_options(BStr::new(url), None)?;
    let http = options
        .as_mut()
        .and_then(|options| options.downcast_mut::<http::Options>());
    if let Some(http) = http {
        http.backend = Some(Arc::new(Mutex::new(http::reqwest::Options {
            configure_client: Some(Box::new(|builder| {
                network::blocking(builder).map_err(gix::Error::from_error)
            })),
            configure_request: None,
        })));
    }
    Ok(options)
}

fn is_id(name: &str) -> bool {
    name.len() == 40 && name.bytes().all(|b| b.is_ascii_hexdigit())
}

/// What a name may stand for, in git's order.
///
/// Source: git, `gitrevisions(7)`, "refname".
fn candidates(name: &str) -> Vec<String> {
    if name.starts_with("refs/") {
        return vec![name.to_owned()];
    }
    ["refs/tags/", "refs/heads/", "refs/"]
        .iter()
        .map(|before| format!("{before}{name}"))
        .collect()
}

/// Writes the tags that the server has. Those of commits that were not fetched lead nowhere, as in a shallow clone.
fn write_tags(git: &Path, listed: &References) -> io::Result<()> {
    let mut text = "# pack-refs with: peeled fully-peeled sorted \n".to_owned();
    for (name, commit) in listed {
        if name.starts_with(b"refs/tags/") {
            writeln!(text, "{} {name}", commit.to_hex()).map_err(io::Error::other)?;
        }
    }
    fs::write(git.join("packed-refs"), text)
}

/// The address of a submodule: `./` and `../` begin at its parent's.
///
/// Source: git, `git-submodule(1)`, "add".
fn address_of_module(parent: &str, module: &str) -> String {
    if !module.starts_with("./") && !module.starts_with("../") {
        return module.to_owned();
    }
    let mut base = parent.trim_end_matches('/').to_owned();
    let mut rest = module;
    loop {
        if let Some(after) = rest.strip_prefix("./") {
            rest = after;
        } else if let Some(after) = rest.strip_prefix("../") {
            rest = after;
            let cut = base.rfind(['/', ':']).unwrap_or(0);
            base.truncate(cut);
        } else {
            return format!("{base}/{rest}");
        }
    }
}

/// Protocol and host of an address that is asked by HTTP.
fn origin(address: &str) -> Option<String> {
    let url = url::Url::parse(address).ok()?;
    let is_web = matches!(url.scheme(), "http" | "https");
    is_web.then(|| url.origin().ascii_serialization())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relative_addresses_of_submodules_begin_at_the_parents() {
        for (parent, module, whole) in [
            (
                "https://host/team/app.git",
                "../lib.git",
                "https://host/team/lib.git",
            ),
            (
                "https://host/team/app.git",
                "../../other/lib",
                "https://host/other/lib",
            ),
            ("git@host:team/app", "../lib", "git@host:team/lib"),
            (
                "https://host/team/app.git",
                "https://else/lib.git",
                "https://else/lib.git",
            ),
        ] {
            assert_eq!(address_of_module(parent, module), whole);
        }
    }

    #[test]
    fn a_name_stands_for_a_tag_before_a_branch() {
        assert_eq!(candidates("v1"), ["refs/tags/v1", "refs/heads/v1", "refs/v1"]);
        assert_eq!(candidates("refs/pull/1/merge"), ["refs/pull/1/merge"]);
    }

    #[test]
    fn what_a_server_says_back_of_the_header_is_not_shown() {
        let header = SecretString::from("Authorization: basic eC1hY2Nlc3MtdG9rZW46aHVudGVyMg==");
        let wanted = WantedCommit {
            url: "https://u:hunter2@host/a.git",
            shown: "https://u:***@host/a.git",
            reference: None,
            header: Some(&header),
        };
        let said = "refused https://u:hunter2@host/a.git with basic eC1hY2Nlc3MtdG9rZW46aHVudGVyMg==";
        assert_eq!(
            wanted.without_secrets(said),
            "refused https://u:***@host/a.git with basic ***"
        );
    }
}
