//! Lines of `cache-from` and `cache-to`.

use super::*;
use crate::reference::{RegistryHost, RepositoryName};

fn image() -> ImageName {
    ImageName {
        registry: RegistryHost::parse("123456789012.dkr.ecr.eu-central-1.amazonaws.com").unwrap(),
        repository: RepositoryName::parse("team/app").unwrap(),
    }
}

#[test]
fn a_registry_cache_is_one_that_ecr_takes_and_fails_no_build() {
    let entry = CacheEntry::to("type=registry,ref=r.example/a:c,mode=max").unwrap();
    assert_eq!(
        entry.to_string(),
        "type=registry,ignore-error=true,image-manifest=true,mode=max,oci-mediatypes=true,ref=r.example/a:c"
    );
    let own_words =
        CacheEntry::to("type=registry,ref=r.example/a:c,image-manifest=false,ignore-error=false").unwrap();
    assert_eq!(
        own_words.to_string(),
        "type=registry,ignore-error=false,image-manifest=false,oci-mediatypes=true,ref=r.example/a:c"
    );
    assert_eq!(CacheEntry::to("type=inline").unwrap().to_string(), "type=inline");
    assert_eq!(
        CacheEntry::from("r.example/a:c").unwrap().to_string(),
        "type=registry,ref=r.example/a:c"
    );
}

#[test]
fn a_line_that_is_no_cache_is_refused() {
    use InvalidOption::*;
    let refused = |line: &str| CacheEntry::to(line).unwrap_err();
    assert_eq!(refused("ref=a"), CacheWithoutType);
    assert_eq!(refused("type=registry"), CacheWithoutReference);
    assert_eq!(refused("type=registry,ref="), CacheWithoutReference);
    assert_eq!(
        refused("type=floppy"),
        CacheType {
            name: "floppy".to_owned()
        }
    );
    assert_eq!(
        refused("type=gha,mode=most"),
        CacheMode {
            mode: "most".to_owned()
        }
    );
    let kind = CacheKind::Registry.as_str();
    assert_eq!(
        refused("type=registry,ref=a,moed=max"),
        CacheKey {
            kind,
            key: "moed".to_owned()
        }
    );
    assert_eq!(refused("type=local"), CacheWithoutFolder);
    assert_eq!(
        CacheEntry::from("type=local,src=").unwrap_err(),
        CacheWithoutFolder
    );
    assert!(matches!(refused("type=local,src=a"), CacheKey { .. }));
    assert_eq!(CacheEntry::from("type=inline").unwrap_err(), CacheFromInline);
    // No engine takes it, so that its keys are the capability table's business.
    assert!(CacheEntry::to("type=s3,bucket=b,region=r").is_ok());
}

#[test]
fn tokens_are_sent_and_never_shown() {
    let mut entry = CacheEntry::to("type=gha,token=hush,scope=app").unwrap();
    entry.or_set("token", "other");
    entry.or_set("url_v2", "https://results.example/");
    let shown = "type=gha,ignore-error=true,scope=app,url_v2=https://results.example/";
    assert_eq!(entry.to_string(), shown);
    assert_eq!(format!("{entry:?}"), shown);
    assert_eq!(serde_json::to_string(&entry).unwrap(), format!("\"{shown}\""));
    assert!(entry.exposed().any(|pair| pair == ("token", "hush")));
}

#[test]
fn a_cache_in_the_own_repository_has_a_tag() {
    let [from, to] = CacheEntry::of_repository(&image());
    assert_eq!(from.tag_in(&image()).unwrap().as_str(), "buildcache");
    assert_eq!(to.tag_in(&image()).unwrap().as_str(), "buildcache");
    let tag = |line: &str| {
        CacheEntry::from(line)
            .unwrap()
            .tag_in(&image())
            .map(|tag| tag.to_string())
    };
    let name = image().to_string();
    assert_eq!(tag(&name).as_deref(), Some("latest"));
    assert_eq!(tag(&format!("{name}-cache:1")), None);
    assert_eq!(tag(&format!("{name}/cache:1")), None);
}
