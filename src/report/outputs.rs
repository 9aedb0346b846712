//! The action's outputs.

use serde_json::json;

use super::{ReleaseReport, Report, Status};
use tagship_domain::untrusted::json;

/// One output of the action.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    /// Its name.
    pub name: &'static str,
    /// One sentence.
    pub description: &'static str,
}

/// Every output, in the order of the documentation.
///
/// Those without registry host are free of the account id: where a job masks that, the runner drops every
/// job output that contains it.
pub const OUTPUTS: [Output; 25] = [
    Output {
        name: "status",
        description: "`published`, `already-published`, `pushed` (with `by-digest`), `built`, `dry-run` or `failed`; `unchanged` with `all` and `changed`, where the commit touches no image.",
    },
    Output {
        name: "digest",
        description: "Digest of the manifest that the tags point to, read back from the registry.",
    },
    Output {
        name: "image",
        description: "Reference by digest: `<registry>/<repository>@<digest>`.",
    },
    Output {
        name: "tags",
        description: "References by tag, one a line: `<registry>/<repository>:<tag>`.",
    },
    Output {
        name: "tag",
        description: "The release tag, else the commit tag; without the registry.",
    },
    Output {
        name: "tag-names",
        description: "All tags, one a line; without the registry.",
    },
    Output {
        name: "targets",
        description: "With `targets`: references by digest, one a line, of every repository that has the image under its tags.",
    },
    Output {
        name: "repository",
        description: "Name of the repository, without the registry.",
    },
    Output {
        name: "registry",
        description: "Host of the registry.",
    },
    Output {
        name: "version",
        description: "The version, if the commit has one.",
    },
    Output {
        name: "revision",
        description: "The commit, with `-dirty` behind it when the working tree differed.",
    },
    Output {
        name: "manifests",
        description: "JSON object: the digest for each platform.",
    },
    Output {
        name: "size",
        description: "Bytes of config and layers, compressed.",
    },
    Output {
        name: "gate",
        description: "With `scan`: `passed` or `failed`; empty where nothing was judged, because nothing was to be tagged.",
    },
    Output {
        name: "findings",
        description: "With `scan`: JSON object: how many findings count, for each severity.",
    },
    Output {
        name: "git-tag",
        description: "With `release`: the git tag of the version.",
    },
    Output {
        name: "release-url",
        description: "With `release: true`: the release's page.",
    },
    Output {
        name: "release-pr-url",
        description: "With `release-pr`: the page of the pull request that proposes the next version.",
    },
    Output {
        name: "deploy-files",
        description: "With `deploy-files`: the files that were written, one a line.",
    },
    Output {
        name: "image-id",
        description: "With `push: false` and `load`: what the engine knows the image as.",
    },
    Output {
        name: "matrix",
        description: "With `changed`: the images that the commit touches, for `strategy.matrix`; all else is empty then.",
    },
    Output {
        name: "docker-username",
        description: "With `export-docker-login`: the user of the registry's login.",
    },
    Output {
        name: "docker-password",
        description: "With `export-docker-login`: its password, which lasts 12 hours at most; masked.",
    },
    Output {
        name: "images",
        description: "With `all`: a JSON list with name, status, image, digest, version, tags and exit code of each image.",
    },
    Output {
        name: "json",
        description: "The whole report as JSON.",
    },
];

/// The value of every output. What is not known is empty.
pub fn outputs(report: &Report) -> Vec<(&'static str, String)> {
    let own: Vec<_> = report.own_tags().map(|tag| &tag.tag).collect();
    let lines = |values: Vec<String>| values.join("\n");
    let image = report.image.as_ref();
    // A failed run's digest is not to be deployed: its tags are missing.
    let digest = report.digest.filter(|_| report.status != Status::Failed);
    OUTPUTS
        .iter()
        .map(|output| {
            let value = match output.name {
                "status" => report.status.as_str().to_owned(),
                "digest" => digest.map(|digest| digest.to_string()).unwrap_or_default(),
                "image" => image
                    .zip(digest)
                    .map(|(image, digest)| image.at(digest).to_string())
                    .unwrap_or_default(),
                "tags" => image
                    .map(|image| {
                        lines(
                            own.iter()
                                .map(|tag| image.at((*tag).clone()).to_string())
                                .collect(),
                        )
                    })
                    .unwrap_or_default(),
                "tag" => report
                    .principal_tag()
                    .map(ToString::to_string)
                    .unwrap_or_default(),
                "tag-names" => lines(own.iter().map(ToString::to_string).collect()),
                "targets" => lines(report.in_targets(digest)),
                "repository" => image
                    .map(|image| image.repository.to_string())
                    .unwrap_or_default(),
                "registry" => image.map(|image| image.registry.to_string()).unwrap_or_default(),
                "version" => report
                    .version
                    .as_ref()
                    .map(ToString::to_string)
                    .unwrap_or_default(),
                "revision" => report
                    .revision
                    .as_ref()
                    .map(ToString::to_string)
                    .unwrap_or_default(),
                "manifests" => json(
                    &report
                        .manifests
                        .iter()
                        .map(|manifest| (manifest.platform.to_string(), json!(manifest.digest)))
                        .collect::<serde_json::Map<_, _>>(),
                ),
                "gate" => report
                    .gate
                    .as_ref()
                    .map(|gate| gate.verdict().to_owned())
                    .unwrap_or_default(),
                "findings" => report
                    .gate
                    .as_ref()
                    .map(|gate| json(&gate.counts()))
                    .unwrap_or_default(),
                "git-tag" => report
                    .release
                    .as_ref()
                    .and_then(ReleaseReport::git_tag)
                    .unwrap_or_default()
                    .to_owned(),
                "release-url" => report
                    .release
                    .as_ref()
                    .and_then(|release| release.url.clone())
                    .unwrap_or_default(),
                "release-pr-url" => report
                    .proposal
                    .as_ref()
                    .map(|proposal| proposal.url.clone())
                    .unwrap_or_default(),
                "deploy-files" => lines(report.deploy_files.iter().map(|file| file.path.clone()).collect()),
                "image-id" => report.image_id.map(|id| id.to_string()).unwrap_or_default(),
                // Of the job, and of what is exported: the report knows neither.
                "matrix" | "images" | "docker-username" | "docker-password" => String::new(),
                "size" => report.size.map(|size| size.to_string()).unwrap_or_default(),
                _ => json(report),
            };
            (output.name, value)
        })
        .collect()
}
