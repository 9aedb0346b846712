//! A build request in the words of the Dockerfile frontend.

use std::collections::HashMap;

use tagship_domain::build::BuildRequest;

/// A request in the words of the Dockerfile frontend.
///
/// Source: BuildKit, `frontend/dockerui.Config`; Dockerfile reference, "Predefined ARGs".
pub(super) fn frontend_options(request: &BuildRequest, dockerfile: &str) -> HashMap<String, String> {
    let mut options = HashMap::new();
    let mut set = |name: String, value: &str| drop(options.insert(name, value.to_owned()));
    set("filename".to_owned(), dockerfile);
    // One that differs from commit to commit would make `WORKDIR` and every step below it run again.
    if request.reproducible {
        set(
            "build-arg:SOURCE_DATE_EPOCH".to_owned(),
            &request.latest_time().to_string(),
        );
    }
    for (name, value) in request.build_args.iter() {
        set(format!("build-arg:{name}"), value);
    }
    for (name, value) in &request.labels {
        set(format!("label:{name}"), value);
    }
    if let Some(target) = &request.target {
        set("target".to_owned(), target);
    }
    if let Some(platform) = &request.platform {
        set("platform".to_owned(), &platform.to_string());
    }
    if request.no_cache {
        // The names of the stages that it concerns; all when there are none.
        set("no-cache".to_owned(), "");
    }
    options
}
