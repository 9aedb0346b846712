//! "Content Discovery": "Listing Tags", "Listing Referrers".

use reqwest::StatusCode;
use serde_json::{Value, json};
use tagship_domain::content::{OCI_INDEX, OCI_MANIFEST};

use super::{BOTH, Personality, REPOSITORY};
use crate::bench::{digest_of, text};

#[tokio::test]
async fn tags_come_in_lexical_order_and_in_pages_by_tag() {
    let (_bench, registry) = Personality::Strict.start().await;
    let manifest = registry.image(REPOSITORY, "b", "one").await;
    for tag in ["C", "a", "D", "e"] {
        registry.put(REPOSITORY, tag, &manifest).await;
    }
    let list = async |query: &str| {
        let answer = registry.get(&format!("{REPOSITORY}/tags/list{query}")).await;
        assert_eq!(answer.status(), StatusCode::OK);
        let link = text(&answer, "link");
        let body: Value = answer.json().await.unwrap();
        (body["tags"].clone(), link)
    };
    // "If the list is not empty, the tags MUST be in lexical order (i.e. case-insensitive alphanumeric order)."
    assert_eq!(list("").await, (json!(["a", "b", "C", "D", "e"]), String::new()));
    // "When n is zero, this endpoint MUST return an empty list, and MUST NOT include a Link header."
    assert_eq!(list("?n=0").await, (json!([]), String::new()));
    // "The response to such a request MAY return fewer than <int> results, but only when the total number of tags
    // attached to the repository is less than <int>".
    let (page, link) = list("?n=2").await;
    assert_eq!(page, json!(["a", "b"]));
    assert!(link.ends_with("/tags/list?last=b&n=2>; rel=\"next\""), "{link}");
    // "last ... will begin the list non-inclusively".
    assert_eq!(list("?n=2&last=b").await.0, json!(["C", "D"]));
    assert_eq!(list("?n=2&last=D").await, (json!(["e"]), String::new()));
    assert_eq!(list("?last=bb").await.0, json!(["C", "D", "e"]));
}

#[tokio::test]
async fn referrers_are_an_index_of_what_has_the_subject() {
    for personality in BOTH {
        let (_bench, registry) = personality.start().await;
        let subject = registry.image(REPOSITORY, "v1", "one").await;
        let list = async |digest: &str, query: &str| {
            let answer = registry
                .get(&format!("{REPOSITORY}/referrers/{digest}{query}"))
                .await;
            // "If the request is valid ... the registry MUST return a 200 OK", "MUST contain Content-Type:
            // application/vnd.oci.image.index.v1+json".
            assert_eq!(answer.status(), StatusCode::OK);
            assert_eq!(text(&answer, "content-type"), OCI_INDEX);
            let filters = text(&answer, "oci-filters-applied");
            (answer.json::<Value>().await.unwrap(), filters)
        };
        // "If a query results in no matching referrers, an empty manifest list MUST be returned."
        assert_eq!(list(&digest_of("unknown"), "").await.0["manifests"], json!([]));
        for kind in ["example/sbom", "example/signature"] {
            let plain = registry.content(REPOSITORY, kind).await;
            let mut document: Value = serde_json::from_str(&plain).unwrap();
            document["artifactType"] = kind.into();
            document["annotations"] = json!({"kind": kind});
            document["subject"] =
                json!({"mediaType": OCI_MANIFEST, "digest": digest_of(&subject), "size": subject.len()});
            let manifest = document.to_string();
            registry.put(REPOSITORY, &digest_of(&manifest), &manifest).await;
        }
        let (all, filters) = list(&digest_of(&subject), "").await;
        assert_eq!((all["schemaVersion"].clone(), filters.as_str()), (json!(2), ""));
        assert_eq!(all["manifests"].as_array().unwrap().len(), 2);
        // "artifactType ... MUST be set to the value of artifactType in the manifest"; "annotations ... MUST be
        // copied"; "If filtering is requested and applied, the response MUST include a header OCI-Filters-Applied:
        // artifactType".
        let (some, filters) = list(&digest_of(&subject), "?artifactType=example/sbom").await;
        assert_eq!(filters, "artifactType");
        let found = some["manifests"].as_array().unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0]["artifactType"], "example/sbom");
        assert_eq!(found[0]["annotations"], json!({"kind": "example/sbom"}));
        assert_eq!(found[0]["mediaType"], OCI_MANIFEST);
    }
}
