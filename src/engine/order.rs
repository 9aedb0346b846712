//! A build request in the words of `BuildKit`.

use std::collections::{BTreeMap, HashMap};

use buildkit_session::{Cache, Export, Folder, Order};

use crate::ports::BuildError;
use tagship_domain::build::{BuildRequest, CacheEntry, Entitlement, NamedContext, Network};

/// A request, with where its result goes. `dockerfile` is its file's name.
pub(super) fn order(request: &BuildRequest, dockerfile: &str, exports: Vec<Export>) -> Order {
    let caches = |entries: &[CacheEntry]| entries.iter().map(cache).collect();
    Order {
        frontend_options: frontend_options(request, dockerfile),
        exports,
        cache_from: caches(&request.options.cache_from),
        cache_to: caches(&request.options.cache_to),
        entitlements: entitlements(request),
    }
}

fn cache(entry: &CacheEntry) -> Cache {
    Cache {
        kind: entry.kind.as_str(),
        options: entry
            .exposed()
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect(),
    }
}

/// Steps in the engine's own network need the permission for it too, which is asked for with the network.
fn entitlements(request: &BuildRequest) -> Vec<String> {
    let mut all = request.options.allow.clone();
    if request.options.network == Some(Network::Host) {
        all.insert(Entitlement::NetworkHost);
    }
    all.into_iter().map(|one| one.as_str().to_owned()).collect()
}

/// The folders that the frontend reads, by the names that it asks for, and the Dockerfile's name.
pub(super) fn folders(request: &BuildRequest) -> Result<(BTreeMap<String, Folder>, String), BuildError> {
    let (dockerfile, name) = Folder::dockerfile(&request.dockerfile)?;
    let mut folders = BTreeMap::from([
        ("context".to_owned(), Folder::context(&request.context)?),
        ("dockerfile".to_owned(), dockerfile),
    ]);
    for (name, context) in &request.options.contexts {
        if let NamedContext::Folder(path) = context {
            folders.insert(local_name(name), Folder::context(path)?);
        }
    }
    Ok((folders, name))
}

/// The name that the frontend asks for a named folder by: never that of the main context or of the Dockerfile's folder.
fn local_name(context: &str) -> String {
    match context {
        "context" | "dockerfile" => format!("_{context}"),
        _ => context.to_owned(),
    }
}

/// A request in the words of the Dockerfile frontend.
///
/// Source: `BuildKit`, `frontend/dockerui.Config`; Dockerfile reference, "Predefined ARGs".
fn frontend_options(request: &BuildRequest, dockerfile: &str) -> HashMap<String, String> {
    let mut all = HashMap::new();
    let mut set = |name: String, value: String| drop(all.insert(name, value));
    set("filename".to_owned(), dockerfile.to_owned());
    // One that differs from commit to commit would make `WORKDIR` and every step below it run again.
    if request.reproducible {
        let time = request.latest_time().to_string();
        set("build-arg:SOURCE_DATE_EPOCH".to_owned(), time);
    }
    for (name, value) in request.build_args.iter() {
        set(format!("build-arg:{name}"), value.to_owned());
    }
    for (name, value) in &request.labels {
        set(format!("label:{name}"), value.clone());
    }
    let options = &request.options;
    for (name, context) in &options.contexts {
        let value = match context {
            NamedContext::Folder(_) => format!("local:{}", local_name(name)),
            NamedContext::Address(address) => address.clone(),
        };
        set(format!("context:{name}"), value);
    }
    for (kind, attributes) in &options.attestations {
        set(format!("attest:{}", kind.as_str()), attributes.clone());
    }
    // The stages that it concerns; all when there are none.
    let uncached = match options.no_cache_filters.as_slice() {
        _ if request.no_cache => Some(String::new()),
        [] => None,
        stages => Some(stages.join(",")),
    };
    let single = [
        ("target", request.target.clone()),
        ("platform", listed(&request.platforms)),
        ("add-hosts", listed(&options.add_hosts)),
        (
            "force-network-mode",
            options.network.map(|network| network.as_str().to_owned()),
        ),
        ("shm-size", options.shm_size.map(|bytes| bytes.to_string())),
        ("ulimit", listed(&options.ulimits)),
        ("cgroup-parent", options.cgroup_parent.clone()),
        ("image-resolve-mode", options.pull.then(|| "pull".to_owned())),
        ("no-cache", uncached),
    ];
    for (name, value) in single {
        if let Some(value) = value {
            set(name.to_owned(), value);
        }
    }
    all
}

/// Several values with commas between them, if there are any.
fn listed(values: &[impl ToString]) -> Option<String> {
    let texts: Vec<String> = values.iter().map(ToString::to_string).collect();
    (!texts.is_empty()).then(|| texts.join(","))
}
