//! The caches of several builders that build one image.

use super::{CacheEntry, CacheKind};
use crate::content::Platform;

impl CacheEntry {
    /// Returns the same cache in a place of its own for `platforms`, which one of several builders builds: they would
    /// overwrite each other's. What is written there is read there too.
    #[must_use]
    pub fn of_share(mut self, platforms: &[Platform]) -> Self {
        let names: Vec<String> = platforms
            .iter()
            .map(|platform| platform.normalized().to_string().replace('/', "-"))
            .collect();
        let suffix = names.join("-");
        match self.kind {
            CacheKind::Registry => {
                if let Some(reference) = self.attributes.get_mut("ref")
                    && !reference.contains('@')
                {
                    let has_tag = reference
                        .rsplit('/')
                        .next()
                        .is_some_and(|name| name.contains(':'));
                    let before = if has_tag { "-" } else { ":" };
                    *reference = format!("{reference}{before}{suffix}");
                }
            }
            CacheKind::Gha => {
                // The name of the cache where none is given. Source: Docker documentation, "GitHub Actions cache".
                let scope = self
                    .attributes
                    .entry("scope".to_owned())
                    .or_insert_with(|| "buildkit".to_owned());
                *scope = format!("{scope}-{suffix}");
            }
            CacheKind::Local => {
                // Blobs are named by digest: their names alone would be overwritten.
                let tag = self.attributes.entry("tag".to_owned());
                let tag = tag.or_insert_with(|| "latest".to_owned());
                *tag = format!("{tag}-{suffix}");
            }
            CacheKind::Inline | CacheKind::S3 | CacheKind::Azblob => {}
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn builders_do_not_overwrite_each_others_caches() {
        let platforms = ["linux/arm64/v8", "linux/arm"].map(|text| Platform::parse(text).unwrap());
        for (line, expected) in [
            (
                "type=registry,ref=host:5000/team/app:cache",
                "host:5000/team/app:cache-linux-arm64-linux-arm-v7",
            ),
            (
                "type=registry,ref=host:5000/team/app",
                "host:5000/team/app:linux-arm64-linux-arm-v7",
            ),
            ("host/team/app@sha256:0", "host/team/app@sha256:0"),
            ("type=local,src=c", "src=c,tag=latest-linux-arm64-linux-arm-v7"),
            ("type=gha", "scope=buildkit-linux-arm64-linux-arm-v7"),
            ("type=gha,scope=app", "scope=app-linux-arm64-linux-arm-v7"),
        ] {
            let entry = CacheEntry::from(line).unwrap().of_share(&platforms).to_string();
            assert!(entry.ends_with(expected), "{line}: {entry}");
        }
    }
}
