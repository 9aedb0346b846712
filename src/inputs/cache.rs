//! Caches outside of the engine.

use super::lists::each;
use super::paths::Paths;
use super::problem::Problems;
use super::{Environment, Face, RawInputs, container};
use crate::settings::CacheWish;
use tagship_domain::build::{BuildOptions, CacheEntry, CacheKind};
use tagship_domain::untrusted::cleaned;

/// Reads the lines, and fills in what the job knows.
pub(super) fn read(
    raw: &RawInputs,
    environment: &Environment,
    paths: &Paths,
    options: &mut BuildOptions,
    problems: &mut Problems,
) {
    options.cache_from = each(raw, "cache-from", CacheEntry::from, problems);
    options.cache_to = each(raw, "cache-to", CacheEntry::to, problems);
    for (input, entries) in [
        ("cache-from", &mut options.cache_from),
        ("cache-to", &mut options.cache_to),
    ] {
        for entry in entries.iter_mut() {
            if entry.kind == CacheKind::S3 {
                fill_aws(entry, environment);
            }
            let folder = entry.folder().map(|folder| folder.to_string_lossy().into_owned());
            if let Some(folder) = folder {
                place(raw, input, entry, &folder, paths, problems);
            }
        }
        let of_github = entries.iter_mut().filter(|entry| entry.kind == CacheKind::Gha);
        for entry in of_github {
            fill(entry, environment);
            if !is_complete(entry) {
                lacks_service(raw, input, problems);
            }
        }
    }
}

/// Reads `cache`. It stands beside no lines: whoever writes lines says everything.
pub(super) fn wish(raw: &RawInputs, environment: &Environment, problems: &mut Problems) -> CacheWish {
    let Some(value) = raw.text("cache", problems) else {
        return CacheWish::None;
    };
    let has_lines = ["cache-from", "cache-to"]
        .into_iter()
        .any(|input| !raw.entries(input, problems).is_empty());
    if value.text != "none" && has_lines {
        let message = "stands for both `cache-from` and `cache-to`, and is given beside them";
        problems.add::<()>(&value.origin, message, "leave it out".to_owned());
    }
    let of_github = || {
        let pair = [CacheEntry::from("type=gha"), CacheEntry::to("type=gha,mode=max")];
        let [from, to] = pair.map(|entry| {
            entry.ok().map(|mut entry| {
                fill(&mut entry, environment);
                entry
            })
        });
        from.zip(to)
            .filter(|(from, to)| is_complete(from) && is_complete(to))
    };
    match value.text.as_str() {
        "none" => CacheWish::None,
        "registry" => CacheWish::Registry { is_optional: false },
        "gha" | "auto" => {
            let is_optional = value.text == "auto";
            match of_github() {
                Some((from, to)) => CacheWish::Lines {
                    from,
                    to,
                    is_optional,
                },
                None if is_optional => CacheWish::Registry { is_optional },
                None => {
                    lacks_service(raw, "cache", problems);
                    CacheWish::None
                }
            }
        }
        other => {
            let message = format!("`{}` is no place for a cache", cleaned(other));
            let hint = "write `registry`, `gha`, `auto` or `none`".to_owned();
            problems.add::<()>(&value.origin, message, hint);
            CacheWish::None
        }
    }
}

/// Puts a folder where it is on this machine, if the run sees it there.
fn place(
    raw: &RawInputs,
    input: &str,
    entry: &mut CacheEntry,
    folder: &str,
    paths: &Paths,
    problems: &mut Problems,
) {
    let here = paths.resolve(folder);
    let origin = raw.list(input, problems).map(|list| list.origin);
    let Some(origin) = origin else { return };
    if raw.face() == Face::Action && paths.is_of_host(folder) {
        let message = format!("the action's container does not see `{}`", cleaned(folder));
        problems.add::<()>(&origin, message, container::HINT.to_owned());
    } else if raw.trust().is_foreign() && paths.is_led_out(&here) {
        let message = format!("`{}` is led out of the checkout by a link", cleaned(folder));
        problems.add::<()>(&origin, message, "name a folder below `RUNNER_TEMP`".to_owned());
    } else {
        entry.set_folder(&here);
    }
}

fn lacks_service(raw: &RawInputs, input: &str, problems: &mut Problems) {
    let Some(value) = raw.list(input, problems) else {
        return;
    };
    let message = "GitHub's cache service is not known here: `ACTIONS_RUNTIME_TOKEN` and `ACTIONS_RESULTS_URL` are not set";
    let hint =
        "the runner gives them to actions, and to no `run:` step; elsewhere use `type=registry`".to_owned();
    problems.add::<()>(&value.origin, message, hint);
}

/// What the runner's variables say of GitHub's cache service.
///
/// Source: buildx, `util/buildflags/cache.go`, `addGithubToken`.
fn fill(entry: &mut CacheEntry, environment: &Environment) {
    let get = |name: &str| environment.get(name).filter(|value| !value.is_empty());
    let is_second =
        get("ACTIONS_CACHE_SERVICE_V2").is_some_and(|flag| flag.eq_ignore_ascii_case("true") || flag == "1");
    if is_second {
        entry.or_set("version", "2");
    }
    let pairs = [
        ("token", get("ACTIONS_RUNTIME_TOKEN")),
        ("url_v2", get("ACTIONS_RESULTS_URL").filter(|_| is_second)),
        (
            "url",
            get("ACTIONS_CACHE_URL").or_else(|| get("ACTIONS_RESULTS_URL")),
        ),
    ];
    for (key, value) in pairs {
        if let Some(value) = value {
            entry.or_set(key, value);
        }
    }
}

/// What the variables of AWS say of the login to a bucket, where the line does not say it whole.
///
/// Source: buildx, `util/buildflags/cache.go`, `addAwsCredentials`.
fn fill_aws(entry: &mut CacheEntry, environment: &Environment) {
    if entry.has("access_key_id") && entry.has("secret_access_key") {
        return;
    }
    for (key, variable) in [
        ("access_key_id", "AWS_ACCESS_KEY_ID"),
        ("secret_access_key", "AWS_SECRET_ACCESS_KEY"),
        ("session_token", "AWS_SESSION_TOKEN"),
    ] {
        if let Some(value) = environment.get(variable).filter(|value| !value.is_empty()) {
            entry.or_set(key, value);
        }
    }
}

fn is_complete(entry: &CacheEntry) -> bool {
    entry.has("token") && (entry.has("url") || entry.has("url_v2"))
}
