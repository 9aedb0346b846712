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
    for (name, address) in request.cached_bases() {
        set(format!("context:{name}"), format!("docker-image://{address}"));
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;
    use tagship_domain::build::{Annotation, BuildOptions};

    fn request(options: BuildOptions) -> BuildRequest {
        BuildRequest {
            context: PathBuf::from("/w"),
            dockerfile: PathBuf::from("/w/Dockerfile"),
            options,
            ..BuildRequest::default()
        }
    }

    /// GitHub's service cannot be called by a test: what is sent is what `docker buildx build` sends.
    #[test]
    fn a_cache_of_github_is_sent_with_its_token() {
        let mut from = CacheEntry::from("type=gha,scope=app").unwrap();
        let mut to = CacheEntry::to("type=gha,scope=app,mode=max").unwrap();
        for entry in [&mut from, &mut to] {
            entry.or_set("token", "job-token");
            entry.or_set("url_v2", "https://results.example/");
            entry.or_set("version", "2");
        }
        let order = order(
            &request(BuildOptions {
                cache_from: vec![from],
                cache_to: vec![to],
                ..BuildOptions::default()
            }),
            "Dockerfile",
            Vec::new(),
        );
        let pairs = |cache: &Cache| {
            let mut pairs: Vec<String> = cache
                .options
                .iter()
                .map(|(key, value)| format!("{key}={value}"))
                .collect();
            pairs.sort();
            format!("{} {}", cache.kind, pairs.join(" "))
        };
        assert_eq!(
            order.cache_from.iter().map(pairs).collect::<Vec<_>>(),
            ["gha scope=app token=job-token url_v2=https://results.example/ version=2"]
        );
        assert_eq!(
            order.cache_to.iter().map(pairs).collect::<Vec<_>>(),
            [
                "gha ignore-error=true mode=max scope=app token=job-token url_v2=https://results.example/ version=2"
            ]
        );
    }

    #[test]
    fn nothing_is_said_that_was_not_asked_for() {
        let options = BuildOptions {
            annotations: Annotation::parse("a=b").unwrap(),
            ..BuildOptions::default()
        };
        let order = order(&request(options), "Dockerfile", Vec::new());
        let filename = ("filename".to_owned(), "Dockerfile".to_owned());
        assert_eq!(order.frontend_options, HashMap::from([filename]));
        assert!(order.entitlements.is_empty() && order.cache_to.is_empty());
    }

    #[test]
    fn the_engines_network_brings_its_permission() {
        let options = BuildOptions {
            network: Some(Network::Host),
            ..BuildOptions::default()
        };
        let order = order(&request(options), "Dockerfile", Vec::new());
        assert_eq!(order.frontend_options["force-network-mode"], "host");
        assert_eq!(order.entitlements, ["network.host"]);
    }
}
