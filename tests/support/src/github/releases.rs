//! The releases of the fake, which are immutable once they are published.
//!
//! Sources: docs.github.com, "Immutable releases" (assets and tag are fixed when a release is published, and its tag's name
//! is spent for ever); docs.github.com/en/rest/releases/releases ("Drafts and prereleases cannot be set as latest";
//! `make_latest` is `true` unless it is given; only who may push sees drafts; drafts are not found by their tags);
//! docs.github.com/en/rest/releases/assets (a second asset of one name: 422, `already_exists`).

/// The most characters of a release's text; GitHub's own words are in the refusal.
const MAX_TEXT: usize = 125_000;

use serde_json::{Value, json};

use super::git::Bare;
use super::{Answer, refused};
use crate::unique::sha256_hex;

#[derive(Debug, Default)]
pub(super) struct Releases {
    known: Vec<Release>,
    latest: Option<u64>,
    given_ids: u64,
    spent: Vec<String>,
}

#[derive(Debug)]
struct Release {
    id: u64,
    tag: String,
    body: String,
    is_draft: bool,
    is_prerelease: bool,
    author: &'static str,
    upload_url: String,
    assets: Vec<Asset>,
}

#[derive(Debug)]
struct Asset {
    id: u64,
    name: String,
    content: Vec<u8>,
}

impl Releases {
    pub(super) fn list(&self) -> Value {
        self.known.iter().map(|release| self.shown(release)).collect()
    }

    /// The same for a token that may write, or not.
    pub(super) fn list_for(&self, may_write: bool) -> Value {
        let seen = self.known.iter().filter(|release| may_write || !release.is_draft);
        seen.map(|release| self.shown(release)).collect()
    }

    /// Publishes a release of another run, as the latest.
    pub(super) fn publish_other(&mut self, tag: &str) {
        let id = self.next_id();
        self.known.push(Release {
            id,
            tag: tag.to_owned(),
            body: String::new(),
            is_draft: false,
            is_prerelease: false,
            author: "another",
            upload_url: String::new(),
            assets: Vec::new(),
        });
        self.latest = Some(id);
    }

    pub(super) fn spend(&mut self, tag: &str) {
        self.spent.push(tag.to_owned());
    }

    /// The published release of a tag: drafts are not found by their tags.
    pub(super) fn published(&self, tag: &str) -> Option<Value> {
        let mut published = self.known.iter().filter(|release| !release.is_draft);
        published
            .find(|release| release.tag == tag)
            .map(|release| self.shown(release))
    }

    pub(super) fn assets(&self, id: &str) -> Option<Value> {
        let id: u64 = id.parse().ok()?;
        let release = self.known.iter().find(|release| release.id == id)?;
        Some(release.assets.iter().map(Asset::shown).collect())
    }

    pub(super) fn draft(&mut self, body: &Value, uploads: &str, author: &'static str) -> Answer {
        let Some(tag) = body["tag_name"].as_str() else {
            return refused(422, "Validation Failed");
        };
        if body["draft"] != true {
            return refused(422, "this fake makes drafts alone");
        }
        if let Some(refusal) = self.invalid(tag, body) {
            return refusal;
        }
        let id = self.next_id();
        let release = Release {
            id,
            tag: tag.to_owned(),
            body: body["body"].as_str().unwrap_or_default().to_owned(),
            is_draft: true,
            is_prerelease: body["prerelease"] == true,
            author,
            upload_url: format!("{uploads}/{id}/assets{{?name,label}}"),
            assets: Vec::new(),
        };
        let shown = self.shown(&release);
        self.known.push(release);
        (201, shown)
    }

    pub(super) fn change(&mut self, id: &str, body: &Value, repository: &Bare) -> Answer {
        let Some(index) = self.known.iter().position(|release| release.id.to_string() == id) else {
            return refused(404, "Not Found");
        };
        let tag = self.known[index].tag.clone();
        if let Some(refusal) = self.invalid(&tag, body) {
            return refusal;
        }
        let is_published = |other: &Release| other.tag == tag && !other.is_draft;
        let publishes = body["draft"] == false && self.known[index].is_draft;
        if publishes && self.known.iter().any(is_published) {
            let errors = json!([{ "resource": "Release", "code": "already_exists", "field": "tag_name" }]);
            return (422, json!({ "message": "Validation Failed", "errors": errors }));
        }
        let release = &mut self.known[index];
        if let Some(text) = body["body"].as_str() {
            text.clone_into(&mut release.body);
        }
        if let Some(is_prerelease) = body["prerelease"].as_bool() {
            release.is_prerelease = is_prerelease;
        }
        let stays_draft = release.is_draft && !publishes;
        if body["make_latest"] == "true" && (stays_draft || release.is_prerelease) {
            return refused(422, "Drafts and prereleases cannot be set as latest.");
        }
        if publishes {
            if repository.reference(&release.tag).is_none() {
                // GitHub makes the tag itself, on the branch that is the default.
                let head = repository.commit("HEAD").expect("there is a commit");
                repository.put_tag(&release.tag, head["sha"].as_str().expect("it is text"));
            }
            release.is_draft = false;
        }
        let is_latest = match body["make_latest"].as_str() {
            Some(given) => given == "true",
            None => publishes && !release.is_prerelease,
        };
        if is_latest {
            self.latest = Some(release.id);
        }
        (200, self.shown(&self.known[index]))
    }

    pub(super) fn upload(&mut self, id: u64, name: &str, content: &[u8]) -> Answer {
        let asset_id = self.next_id();
        let Some(release) = self.known.iter_mut().find(|release| release.id == id) else {
            return refused(404, "Not Found");
        };
        if !release.is_draft {
            return refused(422, "Cannot upload assets to an immutable release.");
        }
        if release.assets.iter().any(|asset| asset.name == name) {
            let errors = json!([{ "resource": "ReleaseAsset", "code": "already_exists", "field": "name" }]);
            return (422, json!({ "message": "Validation Failed", "errors": errors }));
        }
        let asset = Asset {
            id: asset_id,
            name: name.to_owned(),
            content: content.to_vec(),
        };
        let shown = asset.shown();
        release.assets.push(asset);
        (201, shown)
    }

    pub(super) fn remove_asset(&mut self, id: &str) -> Answer {
        for release in &mut self.known {
            if let Some(index) = release.assets.iter().position(|asset| asset.id.to_string() == id) {
                if !release.is_draft {
                    return refused(422, "Cannot delete assets of an immutable release.");
                }
                release.assets.remove(index);
                return (204, Value::Null);
            }
        }
        refused(404, "Not Found")
    }

    /// A file at `download/TAG/NAME` or `latest/download/NAME`, for everybody.
    pub(super) fn download(&self, path: &str) -> Option<Vec<u8>> {
        let parts: Vec<&str> = path.split('/').collect();
        let (release, name) = match parts.as_slice() {
            ["download", tag, name] => (self.known.iter().find(|release| release.tag == *tag)?, name),
            ["latest", "download", name] => {
                let latest = self.latest?;
                (self.known.iter().find(|release| release.id == latest)?, name)
            }
            _ => return None,
        };
        let asset = release.assets.iter().find(|asset| asset.name == **name)?;
        (!release.is_draft).then(|| asset.content.clone())
    }

    /// Why a release cannot be as it is asked for.
    fn invalid(&self, tag: &str, body: &Value) -> Option<Answer> {
        let length = body["body"].as_str().map_or(0, |text| text.chars().count());
        if length > MAX_TEXT {
            let errors = json!([{ "resource": "Release", "code": "custom", "field": "body",
                "message": "body is too long (maximum is 125000 characters)" }]);
            return Some((422, json!({ "message": "Validation Failed", "errors": errors })));
        }
        self.spent.iter().any(|spent| spent == tag).then(|| {
            let errors = json!([{ "resource": "Release", "code": "custom", "field": "tag_name",
                "message": "tag_name was used by an immutable release" }]);
            (422, json!({ "message": "Validation Failed", "errors": errors }))
        })
    }

    fn next_id(&mut self) -> u64 {
        self.given_ids += 1;
        self.given_ids
    }

    fn shown(&self, release: &Release) -> Value {
        json!({
            "id": release.id,
            "tag_name": release.tag,
            "body": release.body,
            "draft": release.is_draft,
            "prerelease": release.is_prerelease,
            "author": { "login": release.author },
            "upload_url": release.upload_url,
            "html_url": format!("https://github.example/releases/{}", release.id),
            "is_latest": self.latest == Some(release.id),
            "assets": release.assets.iter().map(Asset::shown).collect::<Vec<_>>(),
        })
    }
}

impl Asset {
    fn shown(&self) -> Value {
        json!({
            "id": self.id,
            "name": self.name,
            "state": "uploaded",
            "size": self.content.len(),
            "digest": format!("sha256:{}", sha256_hex(&self.content)),
        })
    }
}
