//! The releases of the fake, which are immutable once they are published.
//! Source: docs.github.com, "Immutable releases".

use serde_json::{Value, json};

use super::git::Bare;
use super::{Answer, refused};
use crate::unique::sha256_hex;

#[derive(Debug, Default)]
pub(super) struct Releases {
    known: Vec<Release>,
    latest: Option<u64>,
    given_ids: u64,
}

#[derive(Debug)]
struct Release {
    id: u64,
    tag: String,
    body: String,
    is_draft: bool,
    is_prerelease: bool,
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

    pub(super) fn draft(&mut self, body: &Value, uploads: &str) -> Answer {
        let Some(tag) = body["tag_name"].as_str() else {
            return refused(422, "Validation Failed");
        };
        if body["draft"] != true {
            return refused(422, "this fake makes drafts alone");
        }
        let id = self.next_id();
        let release = Release {
            id,
            tag: tag.to_owned(),
            body: body["body"].as_str().unwrap_or_default().to_owned(),
            is_draft: true,
            is_prerelease: body["prerelease"] == true,
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
        let release = &mut self.known[index];
        if body["draft"] == false && release.is_draft {
            if repository.reference(&release.tag).is_none() {
                // GitHub makes the tag itself, on the branch that is the default.
                let head = repository.commit("HEAD").expect("there is a commit");
                repository.put_tag(&release.tag, head["sha"].as_str().expect("it is text"));
            }
            release.is_draft = false;
        }
        if body["make_latest"] == "true" {
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
            "upload_url": release.upload_url,
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
