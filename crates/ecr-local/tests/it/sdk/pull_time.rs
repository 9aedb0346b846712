//! Recorded pull times.

use super::identity::session;
use crate::bench::{Bench, REPOSITORY, api_error};

#[tokio::test]
async fn the_pulls_of_excluded_principals_are_not_recorded() {
    let bench = Bench::start().await;
    bench.registry().await.image(REPOSITORY, "1.0.0", "one").await;
    let role = bench.local.role_arn().to_owned();
    let register = || {
        bench
            .ecr()
            .register_pull_time_update_exclusion()
            .principal_arn(&role)
    };
    assert_eq!(
        register().send().await.unwrap().principal_arn(),
        Some(role.as_str())
    );
    assert_eq!(
        api_error(register().send().await).0,
        "ExclusionAlreadyExistsException"
    );
    let listed = bench
        .ecr()
        .list_pull_time_update_exclusions()
        .send()
        .await
        .unwrap();
    assert_eq!(listed.pull_time_update_exclusions(), [role.as_str()]);

    let session = session(&bench, &role, None).await;
    let scanner = bench.registry_as(session).await;
    let pulled_at = || async {
        let answer = bench
            .ecr()
            .describe_images()
            .repository_name(REPOSITORY)
            .send()
            .await;
        answer.unwrap().image_details()[0]
            .last_recorded_pull_time()
            .copied()
    };
    scanner.get(&format!("{REPOSITORY}/manifests/1.0.0")).await;
    assert_eq!(pulled_at().await, None);
    let deregister = || {
        let deregister = bench.ecr().deregister_pull_time_update_exclusion();
        deregister.principal_arn(&role).send()
    };
    deregister().await.unwrap();
    assert_eq!(api_error(deregister().await).0, "ExclusionNotFoundException");
    scanner.get(&format!("{REPOSITORY}/manifests/1.0.0")).await;
    assert!(pulled_at().await.is_some());
}
