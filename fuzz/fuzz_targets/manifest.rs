//! What a registry answers is read: manifests, indexes and references.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tagship_domain::content::{Manifest, Platform};
use tagship_domain::reference::{Digest, RegistryHost, RepositoryName, Tag};

fuzz_target!(|input: &[u8]| {
    let Some([media_type, json]) = tagship_fuzz::texts(input) else {
        return;
    };
    let manifest = Manifest::new(media_type, json.to_owned());
    manifest.content().ok();
    assert_eq!(
        Digest::parse(&manifest.digest().to_string()),
        Ok(manifest.digest())
    );
    for text in [media_type, json] {
        if let Ok(platform) = Platform::parse(text) {
            assert_eq!(Platform::parse(&platform.to_string()), Ok(platform));
        }
        if let Ok(tag) = Tag::parse(text) {
            assert_eq!(tag.to_string(), text);
        }
        RegistryHost::parse(text).ok();
        RepositoryName::parse(text).ok();
    }
});
