//! Caches in folders of this machine, which a build reads and writes over its session.
//!
//! Source: BuildKit, `client/solve.go`, `parseCacheOptions`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use buildkit_session::{ExporterResponse, cache_in_folder, name_cache_in_folder};

use crate::ports::{Reporter, RunEvent, Warning};
use tagship_domain::build::BuildOptions;
use tagship_domain::untrusted::cleaned;

/// The key of what a cache that was written begins with. Source: BuildKit, `solver/llbsolver`, `runCacheExporters`.
const WRITTEN: &str = "cache.manifest";

/// Finds what each cache that is read begins with, and leaves those out that are not there yet.
pub(super) fn find(options: &mut BuildOptions, reporter: &dyn Reporter) {
    options.cache_from.retain_mut(|entry| {
        let Some(folder) = entry.folder() else { return true };
        if entry.has("digest") {
            return true;
        }
        let shown = cleaned(&folder.to_string_lossy());
        match cache_in_folder(folder, entry.tag_in_folder()) {
            Ok(Some(digest)) => {
                entry.or_set("digest", &digest);
                return true;
            }
            Ok(None) => reporter.event(RunEvent::Note(&format!("there is no cache in `{shown}` yet"))),
            Err(error) => warn(
                reporter,
                format!("the cache in `{shown}` could not be read: {error}"),
            ),
        }
        false
    });
}

/// The folders that the session serves, by the names that the engine has for them.
pub(super) fn stores(options: &BuildOptions) -> BTreeMap<String, PathBuf> {
    let entries = options.cache_from.iter().chain(&options.cache_to);
    entries
        .filter_map(|entry| entry.folder())
        .map(|folder| (format!("local:{}", folder.display()), folder.to_owned()))
        .collect()
}

/// Names what was written, so that the next build finds it.
pub(super) fn name_written(options: &BuildOptions, response: &ExporterResponse, reporter: &dyn Reporter) {
    let Some(descriptor) = response.get(WRITTEN) else {
        return;
    };
    for entry in &options.cache_to {
        let Some(folder) = entry.folder() else { continue };
        if let Err(error) = name_cache_in_folder(folder, entry.tag_in_folder(), descriptor) {
            let shown = cleaned(&folder.to_string_lossy());
            warn(
                reporter,
                format!("the cache in `{shown}` could not be written: {error}"),
            );
        }
    }
}

fn warn(reporter: &dyn Reporter, message: String) {
    reporter.event(RunEvent::Warning(&Warning {
        message,
        file: None,
        line: None,
    }));
}
