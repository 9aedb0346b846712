//! The plain port has no name that says which registry is meant: there the login says it.

use aws_sdk_ecr::Client;
use reqwest::StatusCode;

use crate::bench::{ACCOUNT, Bench, REPOSITORY, Registry, oci_error};

const OTHER_ACCOUNT: &str = "999988887777";

/// The data plane at the plain port, with a login that `ecr` gives for the registry of `account`.
#[expect(deprecated, reason = "clients of several accounts still name them")]
async fn registry(bench: &Bench, ecr: &Client, account: Option<&str>) -> Registry {
    let request = ecr.get_authorization_token();
    let answer = request
        .set_registry_ids(account.map(|id| vec![id.to_owned()]))
        .send()
        .await
        .unwrap();
    let token = answer.authorization_data()[0]
        .authorization_token()
        .unwrap()
        .to_owned();
    Registry {
        http: bench.http.clone(),
        host: bench.local.registry_host().to_string(),
        login: format!("Basic {token}"),
    }
}

#[tokio::test]
async fn the_address_of_a_repository_leads_there_with_a_login_of_its_region() {
    let bench = Bench::start().await;
    let far = bench.ecr_in(bench.administrator(), "ap-northeast-2");
    let made = far
        .create_repository()
        .repository_name("far/app")
        .send()
        .await
        .unwrap();
    let address = made.repository().unwrap().repository_uri().unwrap().to_owned();
    let login = registry(&bench, &far, None).await;
    assert_eq!(address, format!("{}/far/app", login.host));
    let manifest = login.image("far/app", "1.0.0", "content").await;
    let pulled = login.get("far/app/manifests/1.0.0").await;
    assert_eq!(pulled.text().await.unwrap(), manifest);
    let images = far
        .describe_images()
        .repository_name("far/app")
        .send()
        .await
        .unwrap();
    assert_eq!(images.image_details().len(), 1);
    // Each login sees the registry of its region.
    let own = bench.registry().await;
    assert_eq!(
        oci_error(own.get("far/app/manifests/1.0.0").await).await.1,
        "NAME_UNKNOWN"
    );
    let other = login.get(&format!("{REPOSITORY}/tags/list")).await;
    assert_eq!(oci_error(other).await.1, "NAME_UNKNOWN");
}

#[tokio::test]
async fn a_login_for_another_account_leads_to_its_registry() {
    let bench = Bench::start().await;
    let ecr = bench.ecr();
    let request = ecr.create_repository().registry_id(OTHER_ACCOUNT);
    request.repository_name("their/app").send().await.unwrap();
    let theirs = registry(&bench, &ecr, Some(OTHER_ACCOUNT)).await;
    theirs.image("their/app", "1.0.0", "content").await;
    let images = ecr.describe_images().registry_id(OTHER_ACCOUNT);
    let images = images.repository_name("their/app").send().await.unwrap();
    assert_eq!(images.image_details().len(), 1);
    let own = registry(&bench, &ecr, Some(ACCOUNT)).await;
    assert_eq!(
        own.get(&format!("{REPOSITORY}/tags/list")).await.status(),
        StatusCode::OK
    );
}
