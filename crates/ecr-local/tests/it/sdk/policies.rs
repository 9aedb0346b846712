//! Policies of repositories and of the registry: how they are set, and what they allow, and to which principal.

use aws_credential_types::Credentials;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::bench::{ACCOUNT, Bench, REPOSITORY, api_error, oci_error};

/// Roles of the bench's account, and one of another.
pub(crate) const ROLES: &str = r#"
Roles:
  - RoleName: powerless
    AssumeRolePolicyDocument:
      Statement: {Effect: Allow, Principal: {AWS: "123456789012"}, Action: "sts:AssumeRole"}
    PolicyDocuments:
      - Statement: {Effect: Allow, Action: "ecr:GetAuthorizationToken", Resource: "*"}
  - RoleName: powerful
    AssumeRolePolicyDocument:
      Statement: {Effect: Allow, Principal: {AWS: "123456789012"}, Action: "sts:AssumeRole"}
    PolicyDocuments:
      - Statement: {Effect: Allow, Action: "ecr:*", Resource: "*"}
  - RoleName: partner
    Account: "210987654321"
    AssumeRolePolicyDocument:
      Statement: {Effect: Allow, Principal: {AWS: "123456789012"}, Action: "sts:AssumeRole"}
    PolicyDocuments:
      - Statement: {Effect: Allow, Action: "ecr:*", Resource: "*"}
"#;

const POWERLESS: &str = "arn:aws:iam::123456789012:role/powerless";
const POWERFUL: &str = "arn:aws:iam::123456789012:role/powerful";
pub(crate) const PARTNER: &str = "arn:aws:iam::210987654321:role/partner";

fn policy(statement: &Value) -> String {
    json!({"Version": "2012-10-17", "Statement": [statement]}).to_string()
}

async fn set(bench: &Bench, statement: Value) {
    bench
        .ecr()
        .set_repository_policy()
        .repository_name(REPOSITORY)
        .policy_text(policy(&statement))
        .send()
        .await
        .unwrap();
}

/// Lists the images of the repository in the bench's registry.
async fn list(bench: &Bench, credentials: Credentials) -> Result<(), (String, String)> {
    let listed = bench
        .ecr_as(credentials)
        .list_images()
        .registry_id(ACCOUNT)
        .repository_name(REPOSITORY)
        .send()
        .await;
    match listed {
        Ok(_) => Ok(()),
        Err(error) => Err(api_error::<(), _, _>(Err(error))),
    }
}

fn refusal(user: &str, reason: &str) -> (String, String) {
    (
        "AccessDeniedException".to_owned(),
        format!(
            "User: {user} is not authorized to perform: ecr:ListImages on resource: \
             arn:aws:ecr:eu-central-1:123456789012:repository/team/app {reason}"
        ),
    )
}

const NO_IDENTITY_POLICY: &str = "because no identity-based policy allows the ecr:ListImages action";
const NO_RESOURCE_POLICY: &str = "because no resource-based policy allows the ecr:ListImages action";
const DENIED_BY_RESOURCE: &str = "with an explicit deny in a resource-based policy";

#[tokio::test]
async fn a_repository_policy_is_set_given_back_and_deleted() {
    let bench = Bench::start().await;
    let ecr = bench.ecr();
    let get = || ecr.get_repository_policy().repository_name(REPOSITORY).send();
    let missing = (
        "RepositoryPolicyNotFoundException".to_owned(),
        format!(
            "Repository policy does not exist for the repository with name '{REPOSITORY}' in the registry with id '{ACCOUNT}'"
        ),
    );
    assert_eq!(api_error(get().await), missing);
    let statement = json!({"Sid": "a", "Effect": "Allow", "Principal": "*", "Action": "ecr:BatchGetImage"});
    set(&bench, statement.clone()).await;
    let found = get().await.unwrap();
    assert_eq!(found.policy_text(), Some(policy(&statement).as_str()));
    assert_eq!(found.registry_id(), Some(ACCOUNT));
    let deleted = ecr
        .delete_repository_policy()
        .repository_name(REPOSITORY)
        .send()
        .await
        .unwrap();
    assert_eq!(deleted.policy_text(), found.policy_text());
    assert_eq!(api_error(get().await), missing);
    let delete = ecr.delete_repository_policy().repository_name(REPOSITORY).send();
    assert_eq!(api_error(delete.await), missing);
    let elsewhere = ecr.get_repository_policy().repository_name("team/missing").send();
    assert_eq!(api_error(elsewhere.await).0, "RepositoryNotFoundException");
}

#[tokio::test]
async fn bad_policies_are_refused_in_ecrs_words() {
    let bench = Bench::start().await;
    let ecr = bench.ecr();
    let refused = async |text: &str, force: bool| {
        let set = ecr
            .set_repository_policy()
            .repository_name(REPOSITORY)
            .policy_text(text)
            .force(force);
        api_error(set.send().await)
    };
    let invalid = (
        "InvalidParameterException".to_owned(),
        "Invalid parameter at 'PolicyText' failed to satisfy constraint: 'Invalid repository policy provided'"
            .to_owned(),
    );
    assert_eq!(refused("", false).await, invalid);
    assert_eq!(refused("{}", false).await, invalid);
    let no_principal = policy(&json!({"Effect": "Allow", "Action": "ecr:*"}));
    assert_eq!(refused(&no_principal, false).await, invalid);
    let paths = policy(&json!({
        "Effect": "Allow",
        "Principal": "*",
        "Action": "ecr:*",
        "Condition": {"StringEquals": {"aws:PrincipalOrgPaths": "o-1/*"}},
    }));
    let (code, message) = refused(&paths, false).await;
    assert_eq!(code, invalid.0);
    assert!(
        message.contains("does not evaluate the condition key `aws:principalorgpaths`"),
        "{message}"
    );
    // Who locks himself out must say so.
    let deny_all = json!({"Effect": "Deny", "Principal": "*", "Action": "ecr:*"});
    assert_eq!(refused(&policy(&deny_all), false).await, invalid);
    ecr.set_repository_policy()
        .repository_name(REPOSITORY)
        .policy_text(policy(&deny_all))
        .force(true)
        .send()
        .await
        .unwrap();
    let delete = ecr.delete_repository_policy().repository_name(REPOSITORY).send();
    let (code, message) = api_error(delete.await);
    assert_eq!(code, "AccessDeniedException");
    assert!(message.ends_with(DENIED_BY_RESOURCE), "{message}");
}

#[tokio::test]
async fn in_one_account_either_side_may_allow_and_any_denial_counts() {
    let bench = Bench::with_roles(ROLES).await;
    let (powerless, powerful) = (bench.in_role(POWERLESS).await, bench.in_role(POWERFUL).await);
    let user = "arn:aws:sts::123456789012:assumed-role/powerless/test";
    let allow =
        |principal: Value| json!({"Effect": "Allow", "Principal": principal, "Action": "ecr:ListImages"});
    assert_eq!(
        list(&bench, powerless.clone()).await,
        Err(refusal(user, NO_IDENTITY_POLICY))
    );
    for (principal, allowed) in [
        (json!({"AWS": POWERLESS}), true),
        (json!({"AWS": [POWERFUL, user]}), true),
        (json!("*"), true),
        (json!({"AWS": POWERFUL}), false),
        // The account leaves it to the role's own policies.
        (json!({"AWS": "arn:aws:iam::123456789012:root"}), false),
    ] {
        set(&bench, allow(principal.clone())).await;
        let expected = if allowed {
            Ok(())
        } else {
            Err(refusal(user, NO_IDENTITY_POLICY))
        };
        assert_eq!(list(&bench, powerless.clone()).await, expected, "{principal}");
    }
    assert_eq!(list(&bench, powerful.clone()).await, Ok(()));
    set(
        &bench,
        json!({"Effect": "Deny", "Principal": {"AWS": POWERFUL}, "Action": "ecr:List*"}),
    )
    .await;
    let user = "arn:aws:sts::123456789012:assumed-role/powerful/test";
    assert_eq!(
        list(&bench, powerful).await,
        Err(refusal(user, DENIED_BY_RESOURCE))
    );
}

#[tokio::test]
async fn across_accounts_both_sides_must_allow() {
    let bench = Bench::with_roles(ROLES).await;
    let partner = bench.in_role(PARTNER).await;
    let user = "arn:aws:sts::210987654321:assumed-role/partner/test";
    assert_eq!(
        list(&bench, partner.clone()).await,
        Err(refusal(user, NO_RESOURCE_POLICY))
    );
    let registry = bench.registry_as(partner.clone()).await;
    let (status, code, message) = oci_error(registry.get(&format!("{REPOSITORY}/tags/list")).await).await;
    assert_eq!((status, code.as_str()), (403, "DENIED"));
    assert_eq!(message, refusal(user, NO_RESOURCE_POLICY).1);
    set(
        &bench,
        json!({"Effect": "Allow", "Principal": {"AWS": "210987654321"}, "Action": "ecr:ListImages"}),
    )
    .await;
    assert_eq!(list(&bench, partner).await, Ok(()));
    let listed = registry.get(&format!("{REPOSITORY}/tags/list")).await;
    assert_eq!(listed.status(), StatusCode::OK);
    // Nothing else was allowed.
    let (status, code, _) = oci_error(registry.get(&format!("{REPOSITORY}/manifests/v1")).await).await;
    assert_eq!((status, code.as_str()), (403, "DENIED"));
}

#[tokio::test]
async fn the_data_plane_knows_where_a_request_comes_from() {
    let bench = Bench::start().await;
    let registry = bench.registry().await;
    registry.image(REPOSITORY, "v1", "one").await;
    let only_from = |range: &str| {
        json!({
            "Effect": "Deny",
            "Principal": "*",
            "Action": "ecr:BatchGetImage",
            "Condition": {"NotIpAddress": {"aws:SourceIp": range}},
        })
    };
    let pull = async || registry.get(&format!("{REPOSITORY}/manifests/v1")).await.status();
    set(&bench, only_from("127.0.0.0/8")).await;
    assert_eq!(pull().await, StatusCode::OK);
    set(&bench, only_from("198.51.100.0/24")).await;
    assert_eq!(pull().await, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_registry_policy_reaches_every_repository() {
    let bench = Bench::with_roles(ROLES).await;
    let ecr = bench.ecr();
    let missing = (
        "RegistryPolicyNotFoundException".to_owned(),
        format!("Registry policy does not exist in the registry with id '{ACCOUNT}'"),
    );
    assert_eq!(api_error(ecr.get_registry_policy().send().await), missing);
    let bad = ecr.put_registry_policy().policy_text("{}").send().await;
    assert_eq!(
        api_error(bad).1,
        "Invalid parameter at 'PolicyText' failed to satisfy constraint: 'Invalid registry policy provided'"
    );
    let text = policy(&json!({
        "Sid": "partners",
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::210987654321:root"},
        "Action": "ecr:List*",
        "Resource": "arn:aws:ecr:eu-central-1:123456789012:repository/team/*",
    }));
    ecr.put_registry_policy().policy_text(&text).send().await.unwrap();
    let found = ecr.get_registry_policy().send().await.unwrap();
    assert_eq!(found.policy_text(), Some(text.as_str()));
    let partner = bench.in_role(PARTNER).await;
    assert_eq!(list(&bench, partner.clone()).await, Ok(()));
    let deleted = ecr.delete_registry_policy().send().await.unwrap();
    assert_eq!(deleted.policy_text(), Some(text.as_str()));
    assert_eq!(api_error(ecr.delete_registry_policy().send().await), missing);
    assert_eq!(
        list(&bench, partner).await.unwrap_err().0,
        "AccessDeniedException"
    );
}
