//! The knobs of a build, each with the lines that `docker/build-push-action` takes.

use url::Url;

use super::cache;
use super::entries::stays;
use super::lists::{checked, each, names, one};
use super::paths::Paths;
use super::problem::Problems;
use super::raw::InputText;
use super::{Environment, Origin, RawInputs};
use crate::settings::GitAddress;
use tagship_domain::build::{
    Annotation, BuildOptions, Compression, Entitlement, HostEntry, LayerForm, NamedContext, Network, Ulimit,
    named_context, size_in_bytes,
};
use tagship_domain::content::Platform;
use tagship_domain::untrusted::{cleaned, is_hidden};

/// Reads everything about a build that has a default.
pub(super) fn read(
    raw: &RawInputs,
    environment: &Environment,
    paths: &Paths,
    problems: &mut Problems,
) -> BuildOptions {
    let mut options = BuildOptions {
        add_hosts: each(raw, "add-hosts", HostEntry::parse, problems),
        network: one(raw, "network", Network::parse, problems).flatten(),
        shm_size: one(raw, "shm-size", size_in_bytes, problems),
        ulimits: each(raw, "ulimit", Ulimit::parse, problems),
        cgroup_parent: raw.text("cgroup-parent", problems).map(|value| value.text),
        allow: each(raw, "allow", Entitlement::parse, problems)
            .into_iter()
            .collect(),
        pull: raw.flag("pull", problems),
        compression: compression(raw, problems),
        no_cache_filters: stages(raw, problems),
        annotations: each(raw, "annotations", Annotation::parse, problems).concat(),
        volatile_args: names(raw, "volatile-build-args", problems)
            .into_iter()
            .map(|name| name.text)
            .collect(),
        ..BuildOptions::default()
    };
    contexts(raw, paths, &mut options, problems);
    cache::read(raw, environment, paths, &mut options, problems);
    options
}

/// How layers are compressed, with a level of that form.
fn compression(raw: &RawInputs, problems: &mut Problems) -> Compression {
    let form = one(raw, "compression", LayerForm::parse, problems).unwrap_or_default();
    let level = one(raw, "compression-level", |text| form.level(text), problems);
    // What nothing is said of stays as the engine has it; AWS Lambda takes gzip alone.
    let is_given = raw
        .text("compression", problems)
        .is_some_and(|value| !matches!(value.origin, Origin::Default(_)));
    let converts = is_given || level.is_some() || raw.text("preset", problems).is_some();
    Compression {
        form,
        level,
        converts,
    }
}

/// The platforms, each once, in their order.
pub(super) fn platforms(raw: &RawInputs, problems: &mut Problems) -> Vec<Platform> {
    let mut platforms = Vec::new();
    for name in names(raw, "platforms", problems) {
        let hint = "write them as `linux/amd64,linux/arm64`".to_owned();
        let platform = problems.check(&name.origin, Platform::parse(&name.text), hint);
        if let Some(platform) = platform.filter(|platform| !platforms.contains(platform)) {
            platforms.push(platform);
        }
    }
    platforms
}

/// The name of a stage.
///
/// Source: Dockerfile reference, "FROM": `BuildKit` takes stage names of `[a-z][a-z0-9-_.]*`, without regard to case,
/// and numbers.
pub(super) fn stage(value: InputText, problems: &mut Problems) -> Option<String> {
    let legal = value.text.len() <= 128
        && value
            .text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
    if legal {
        return Some(value.text);
    }
    let message = format!("`{}` is not the name of a stage", cleaned(&value.text));
    problems.add(&value.origin, message, None)
}

fn stages(raw: &RawInputs, problems: &mut Problems) -> Vec<String> {
    let names = names(raw, "no-cache-filters", problems);
    names
        .into_iter()
        .filter_map(|name| stage(name, problems))
        .collect()
}

/// The contexts beside the main one. Folders are made absolute.
fn contexts(raw: &RawInputs, paths: &Paths, options: &mut BuildOptions, problems: &mut Problems) {
    for (index, entry) in raw.entries("build-contexts", problems).into_iter().enumerate() {
        let Some((name, context)) = checked(&entry, index, named_context(&entry.text), problems) else {
            continue;
        };
        let context = match context {
            NamedContext::Address(address) => of_address(&name, address, &entry, problems),
            NamedContext::Folder(folder) => {
                let path = paths.resolve(&folder.to_string_lossy());
                let stays = stays(raw, &entry, &path, paths, problems);
                stays.then(|| folder_of(&name, &path, &entry, problems)).flatten()
            }
        };
        let Some(context) = context else { continue };
        if options.contexts.insert(name.clone(), context).is_some() {
            let message = format!("context `{}` is given twice", cleaned(&name));
            problems.add::<()>(&entry.origin, message, None);
        }
    }
}

/// An address that the builder fetches from; what it is given, it repeats.
fn of_address(
    name: &str,
    address: String,
    entry: &InputText,
    problems: &mut Problems,
) -> Option<NamedContext> {
    let context = cleaned(name);
    if address.chars().any(is_hidden) || address.contains(char::is_whitespace) {
        let message = format!("context `{context}` holds characters that are not shown");
        return problems.add(&entry.origin, message, None);
    }
    let has_password = if GitAddress::is_repository(&address) {
        match GitAddress::parse(&address) {
            Ok(address) => address.has_secret(),
            Err(error) => {
                let message = format!("context `{context}`: {error}");
                let hint = "an address is `https://HOST/PATH.git#REF:FOLDER`".to_owned();
                return problems.add(&entry.origin, message, hint);
            }
        }
    } else if address.starts_with("http") && !holds_user(&address) {
        // BuildKit 0.25, of Docker 28.5, refuses each as an invalid argument; others take the file as it is, whatever it holds that day.
        let message = format!("context `{context}` is a file on the web, which not every builder takes");
        let hint = "write `ADD --checksum=sha256:… URL /` in the Dockerfile; the address of a git repository ends in `.git`";
        return problems.add(&entry.origin, message, hint.to_owned());
    } else {
        holds_user(&address)
    };
    if has_password {
        let message =
            format!("context `{context}` holds a password or token, which the builder would repeat");
        let hint =
            "leave it out; what opens a git repository is a secret: `secret-envs: GIT_AUTH_TOKEN=TOKEN`";
        return problems.add(&entry.origin, message, hint.to_owned());
    }
    Some(NamedContext::Address(address))
}

fn holds_user(address: &str) -> bool {
    Url::parse(address).is_ok_and(|url| !url.username().is_empty() || url.password().is_some())
}

fn folder_of(
    name: &str,
    path: &std::path::Path,
    entry: &InputText,
    problems: &mut Problems,
) -> Option<NamedContext> {
    match path.canonicalize() {
        Ok(folder) if folder.is_dir() => Some(NamedContext::Folder(folder)),
        found => {
            let problem = if found.is_ok() {
                "is not a folder"
            } else {
                "cannot be read"
            };
            let message = format!(
                "context `{}` is `{}`, which {problem}",
                cleaned(name),
                path.display()
            );
            problems.add(
                &entry.origin,
                message,
                "give a folder relative to the workspace".to_owned(),
            )
        }
    }
}
