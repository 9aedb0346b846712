//! `AssumeRole`: who may become which role, for how long, and with what.

use aws_credential_types::Credentials;
use aws_sdk_sts::operation::assume_role::builders::AssumeRoleFluentBuilder;
use aws_sdk_sts::types::Tag;

use crate::bench::{Bench, REPOSITORY, api_error, oci_error, session_of};

/// Roles of two accounts: the bench's own, 123456789012, and 210987654321.
const ROLES: &str = r#"
Roles:
  - RoleName: builder
    MaxSessionDuration: 7200
    AssumeRolePolicyDocument:
      Statement: {Effect: Allow, Principal: {AWS: "arn:aws:iam::123456789012:root"}, Action: ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]}
    PolicyDocuments:
      - Statement:
          - {Effect: Allow, Action: "sts:*", Resource: "arn:aws:iam::*:role/deployer"}
          - {Effect: Allow, Action: "ecr:*", Resource: "*"}
  - RoleName: deployer
    Account: "210987654321"
    AssumeRolePolicyDocument:
      Statement:
        Effect: Allow
        Principal: {AWS: "arn:aws:iam::123456789012:role/builder"}
        Action: ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]
        Condition: {StringEquals: {"sts:ExternalId": "four-words-all-secret"}}
    PolicyDocuments:
      - Statement: {Effect: Allow, Action: "ecr:*", Resource: "*"}
  - RoleName: other-deployer
    Account: "210987654321"
    AssumeRolePolicyDocument:
      Statement: {Effect: Allow, Principal: {AWS: "123456789012"}, Action: "sts:AssumeRole"}
  - RoleName: by-role
    AssumeRolePolicyDocument:
      Statement: {Effect: Allow, Principal: {AWS: "arn:aws:iam::123456789012:role/builder"}, Action: "sts:AssumeRole"}
  - RoleName: by-session
    AssumeRolePolicyDocument:
      Statement: {Effect: Allow, Principal: {AWS: "arn:aws:sts::123456789012:assumed-role/builder/first"}, Action: "sts:AssumeRole"}
  - RoleName: by-account
    AssumeRolePolicyDocument:
      Statement: {Effect: Allow, Principal: {AWS: "123456789012"}, Action: "sts:AssumeRole"}
  - RoleName: by-everyone
    AssumeRolePolicyDocument:
      Statement: {Effect: Allow, Principal: "*", Action: "sts:AssumeRole"}
  - RoleName: not-by-builder
    AssumeRolePolicyDocument:
      Statement:
        - {Effect: Allow, Principal: "*", Action: "sts:*"}
        - {Effect: Deny, Principal: {AWS: "arn:aws:iam::123456789012:role/builder"}, Action: "sts:AssumeRole"}
"#;

const BUILDER: &str = "arn:aws:iam::123456789012:role/builder";
const DEPLOYER: &str = "arn:aws:iam::210987654321:role/deployer";
const EXTERNAL_ID: &str = "four-words-all-secret";

fn assume(bench: &Bench, credentials: Credentials, role: &str, name: &str) -> AssumeRoleFluentBuilder {
    bench
        .sts_as(credentials)
        .assume_role()
        .role_arn(role)
        .role_session_name(name)
}

async fn session(request: AssumeRoleFluentBuilder) -> Credentials {
    session_of(request.send().await.unwrap().credentials())
}

async fn refusal(request: AssumeRoleFluentBuilder) -> (String, String) {
    api_error(request.send().await)
}

async fn builder(bench: &Bench, name: &str) -> Credentials {
    session(assume(bench, bench.administrator(), BUILDER, name)).await
}

fn tag(key: &str, value: &str) -> Tag {
    Tag::builder().key(key).value(value).build().unwrap()
}

#[tokio::test]
async fn a_session_of_another_account_works_in_that_accounts_registry() {
    let bench = Bench::with_roles(ROLES).await;
    let builder = builder(&bench, "first").await;
    let deployer = assume(&bench, builder, DEPLOYER, "release")
        .external_id(EXTERNAL_ID)
        .send()
        .await
        .unwrap();
    let user = deployer.assumed_role_user().unwrap();
    assert_eq!(
        user.arn(),
        "arn:aws:sts::210987654321:assumed-role/deployer/release"
    );
    let session = session_of(deployer.credentials());
    let caller = bench
        .sts_as(session.clone())
        .get_caller_identity()
        .send()
        .await
        .unwrap();
    assert_eq!(caller.account(), Some("210987654321"));
    assert_eq!(caller.arn(), Some(user.arn()));
    assert_eq!(caller.user_id(), Some(user.assumed_role_id()));
    let made = bench
        .ecr_as(session)
        .create_repository()
        .repository_name("theirs")
        .send()
        .await
        .unwrap();
    assert_eq!(
        made.repository()
            .and_then(|repository| repository.repository_arn()),
        Some("arn:aws:ecr:eu-central-1:210987654321:repository/theirs")
    );
    assert_eq!(
        api_error(
            bench
                .ecr()
                .describe_repositories()
                .repository_names("theirs")
                .send()
                .await
        )
        .0,
        "RepositoryNotFoundException"
    );
}

#[tokio::test]
async fn a_login_of_another_account_is_one_but_opens_nothing_by_itself() {
    let bench = Bench::with_roles(ROLES).await;
    let deployer = assume(&bench, builder(&bench, "first").await, DEPLOYER, "release");
    let registry = bench
        .registry_as(session(deployer.external_id(EXTERNAL_ID)).await)
        .await;
    assert!(registry.get("").await.status().is_success());
    let answer = registry.get(&format!("{REPOSITORY}/manifests/1.0.0")).await;
    assert_eq!(
        oci_error(answer).await,
        (
            403,
            "DENIED".to_owned(),
            "User: arn:aws:sts::210987654321:assumed-role/deployer/release is not authorized to perform: \
             ecr:BatchGetImage on resource: arn:aws:ecr:eu-central-1:123456789012:repository/team/app because no \
             resource-based policy allows the ecr:BatchGetImage action"
                .to_owned()
        )
    );
}

#[tokio::test]
async fn a_policy_tells_sessions_apart_by_their_tags() {
    let bench = Bench::with_roles(
        r#"
Roles:
  - RoleName: builder
    AssumeRolePolicyDocument:
      Statement: {Effect: Allow, Principal: {AWS: "123456789012"}, Action: ["sts:AssumeRole", "sts:TagSession"]}
    PolicyDocuments:
      - Statement:
          Effect: Allow
          Action: "ecr:ListImages"
          Resource: "*"
          Condition: {StringEquals: {"aws:PrincipalTag/Team": platform}}
"#,
    )
    .await;
    for (team, permitted) in [("platform", true), ("other", false)] {
        let tagged = assume(&bench, bench.administrator(), BUILDER, "first").tags(tag("team", team));
        let ecr = bench.ecr_as(session(tagged).await);
        let listed = ecr.list_images().repository_name(REPOSITORY).send().await;
        assert_eq!(listed.is_ok(), permitted, "{team}");
    }
}

#[tokio::test]
async fn an_external_id_must_be_the_one_that_the_role_wants() {
    let bench = Bench::with_roles(ROLES).await;
    let builder = builder(&bench, "first").await;
    let request = || assume(&bench, builder.clone(), DEPLOYER, "release");
    let expected = (
        "AccessDenied".to_owned(),
        "User: arn:aws:sts::123456789012:assumed-role/builder/first is not authorized to perform: sts:AssumeRole on \
         resource: arn:aws:iam::210987654321:role/deployer"
            .to_owned(),
    );
    assert_eq!(refusal(request()).await, expected);
    assert_eq!(refusal(request().external_id("another")).await, expected);
    assert!(request().external_id(EXTERNAL_ID).send().await.is_ok());
}

#[tokio::test]
async fn both_sides_must_agree_unless_the_own_account_names_the_caller() {
    let bench = Bench::with_roles(ROLES).await;
    let first = builder(&bench, "first").await;
    let second = builder(&bench, "second").await;
    let own = |role: &str| format!("arn:aws:iam::123456789012:role/{role}");
    for (role, caller, trusted) in [
        // `builder` itself may assume no role of these names.
        (own("by-role"), &second, true),
        (own("by-session"), &first, true),
        (own("by-session"), &second, false),
        (own("by-account"), &first, false),
        (own("by-everyone"), &first, true),
        (own("not-by-builder"), &first, false),
        (own("missing"), &first, false),
        (
            "arn:aws:iam::210987654321:role/other-deployer".to_owned(),
            &first,
            false,
        ),
    ] {
        let result = assume(&bench, caller.clone(), &role, "test").send().await;
        assert_eq!(result.is_ok(), trusted, "{role}");
    }
    // The administrator may do everything that others let it.
    for (role, trusted) in [
        (own("by-account"), true),
        (own("by-role"), false),
        ("arn:aws:iam::210987654321:role/other-deployer".to_owned(), true),
        (DEPLOYER.to_owned(), false),
    ] {
        let result = assume(&bench, bench.administrator(), &role, "test").send().await;
        assert_eq!(result.is_ok(), trusted, "{role}");
    }
}

#[tokio::test]
async fn a_session_policy_holds_back_what_only_the_role_was_trusted_with() {
    let bench = Bench::with_roles(ROLES).await;
    let narrow = r#"{"Statement":{"Effect":"Allow","Action":"ecr:ListImages","Resource":"*"}}"#;
    let narrowed = assume(&bench, bench.administrator(), BUILDER, "first").policy(narrow);
    let narrowed = narrowed.send().await.unwrap();
    #[expect(deprecated, reason = "older clients read it still")]
    let packed = narrowed.packed_policy_size();
    assert!(packed.is_some_and(|percent| percent > 0));
    let narrowed = session_of(narrowed.credentials());
    let own = |role: &str| format!("arn:aws:iam::123456789012:role/{role}");
    let refused = refusal(assume(&bench, narrowed.clone(), &own("by-role"), "test")).await;
    assert_eq!(refused.0, "AccessDenied");
    assert!(
        assume(&bench, narrowed, &own("by-session"), "test")
            .send()
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn a_chained_session_lasts_an_hour_at_most() {
    let bench = Bench::with_roles(ROLES).await;
    let long = |seconds| assume(&bench, bench.administrator(), BUILDER, "first").duration_seconds(seconds);
    assert_eq!(
        refusal(long(7201)).await,
        (
            "ValidationError".to_owned(),
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.".to_owned()
        )
    );
    let first = session(long(7200)).await;
    let role = "arn:aws:iam::123456789012:role/by-role";
    assert!(
        assume(&bench, first.clone(), role, "chained")
            .duration_seconds(3600)
            .send()
            .await
            .is_ok()
    );
    let bench_roles = ROLES.replace(
        "RoleName: by-role",
        "RoleName: by-role\n    MaxSessionDuration: 43200",
    );
    let bench = Bench::with_roles(&bench_roles).await;
    let first = builder(&bench, "first").await;
    assert_eq!(
        refusal(assume(&bench, first, role, "chained").duration_seconds(3601)).await,
        (
            "ValidationError".to_owned(),
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining."
                .to_owned()
        )
    );
}

#[tokio::test]
async fn tags_need_a_permission_of_their_own_and_go_on_when_they_are_transitive() {
    let bench = Bench::with_roles(&ROLES.replace(
        r#"Action: ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]
        Condition: {StringEquals: {"sts:ExternalId": "four-words-all-secret"}}"#,
        r#"Action: ["sts:AssumeRole", "sts:TagSession"]
        Condition: {StringEquals: {"aws:RequestTag/Team": "platform"}}"#,
    ))
    .await;
    let tagged = |credentials, role| assume(&bench, credentials, role, "first").tags(tag("Team", "platform"));
    let untrusted = "arn:aws:iam::123456789012:role/by-account";
    let refused = refusal(tagged(bench.administrator(), untrusted)).await;
    assert_eq!(
        refused.1,
        "User: arn:aws:iam::123456789012:user/administrator is not authorized to perform: sts:TagSession on \
         resource: arn:aws:iam::123456789012:role/by-account"
    );
    // A tag that is not transitive stays where it is.
    let stays = session(tagged(bench.administrator(), BUILDER)).await;
    assert_eq!(
        refusal(assume(&bench, stays, DEPLOYER, "test")).await.0,
        "AccessDenied"
    );
    let goes_on = session(tagged(bench.administrator(), BUILDER).transitive_tag_keys("team")).await;
    let chained = assume(&bench, goes_on.clone(), DEPLOYER, "test");
    assert!(chained.send().await.is_ok());
    let conflict = tagged(goes_on, DEPLOYER);
    assert_eq!(refusal(conflict).await.0, "InvalidParameterValue");
    for broken in [
        tagged(bench.administrator(), BUILDER).tags(tag("TEAM", "twice")),
        tagged(bench.administrator(), BUILDER).tags(tag("aws:team", "reserved")),
        tagged(bench.administrator(), BUILDER).transitive_tag_keys("missing"),
    ] {
        assert_eq!(refusal(broken).await.0, "InvalidParameterValue");
    }
}

#[tokio::test]
async fn a_source_identity_is_kept() {
    let bench = Bench::with_roles(ROLES).await;
    let first = assume(&bench, bench.administrator(), BUILDER, "first").source_identity("alice");
    let first = first.send().await.unwrap();
    assert_eq!(first.source_identity(), Some("alice"));
    let chain = || assume(&bench, session_of(first.credentials()), DEPLOYER, "next").external_id(EXTERNAL_ID);
    assert_eq!(
        refusal(chain().source_identity("mallory")).await.0,
        "AccessDenied"
    );
    let next = chain().send().await.unwrap();
    assert_eq!(next.source_identity(), Some("alice"));
    // `by-role` does not let anybody say who was there first.
    let role = "arn:aws:iam::123456789012:role/by-role";
    let refused = refusal(assume(&bench, session_of(first.credentials()), role, "next")).await;
    assert!(refused.1.contains("sts:SetSourceIdentity"), "{}", refused.1);
}

#[tokio::test]
async fn everything_that_is_wrong_is_told_in_stss_words() {
    let bench = Bench::with_roles(ROLES).await;
    let request = |role: &str, name: &str| assume(&bench, bench.administrator(), role, name);
    let long = "a".repeat(65);
    for (request, message) in [
        (
            request(BUILDER, "a"),
            "1 validation error detected: Value 'a' at 'roleSessionName' failed to satisfy constraint: Member must \
             have length greater than or equal to 2"
                .to_owned(),
        ),
        (
            request(BUILDER, "my session"),
            "1 validation error detected: Value 'my session' at 'roleSessionName' failed to satisfy constraint: \
             Member must satisfy regular expression pattern: [\\w+=,.@-]*"
                .to_owned(),
        ),
        (
            request("short", &long),
            format!(
                "2 validation errors detected: Value 'short' at 'roleArn' failed to satisfy constraint: Member must \
                 have length greater than or equal to 20; Value '{long}' at 'roleSessionName' failed to satisfy \
                 constraint: Member must have length less than or equal to 64"
            ),
        ),
        (
            request(BUILDER, "first").duration_seconds(43_201),
            "1 validation error detected: Value '43201' at 'durationSeconds' failed to satisfy constraint: Member \
             must have value less than or equal to 43200"
                .to_owned(),
        ),
        (
            request(BUILDER, "first").tags(tag("semi;colon", "")),
            "1 validation error detected: Value 'semi;colon' at 'tags.1.member.key' failed to satisfy constraint: \
             Member must satisfy regular expression pattern: [\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]+"
                .to_owned(),
        ),
        (
            request("not-the-name-of-any-role", "first"),
            "not-the-name-of-any-role is invalid".to_owned(),
        ),
    ] {
        assert_eq!(refusal(request).await, ("ValidationError".to_owned(), message));
    }
    let malformed = request(BUILDER, "first").policy("{");
    assert_eq!(refusal(malformed).await.0, "MalformedPolicyDocument");
    let tags: Vec<Tag> = (1..=9).map(|n| tag(&format!("T{n}"), &"a".repeat(250))).collect();
    assert_eq!(
        refusal(request(BUILDER, "first").set_tags(Some(tags))).await,
        (
            "PackedPolicyTooLarge".to_owned(),
            "Packed size of session tags consumes 498% of allotted space.".to_owned()
        )
    );
}

#[tokio::test]
async fn what_is_not_served_is_denied_and_what_is_unknown_is_no_action() {
    let bench = Bench::with_roles(ROLES).await;
    let session = builder(&bench, "first").await;
    assert_eq!(
        api_error(bench.sts_as(session).get_session_token().send().await),
        (
            "AccessDenied".to_owned(),
            "Cannot call GetSessionToken with session credentials".to_owned()
        )
    );
    let administrator = bench.sts_as(bench.administrator());
    let refused = api_error(
        administrator
            .get_access_key_info()
            .access_key_id("AKIAEXAMPLEEXAMPLE")
            .send()
            .await,
    );
    assert_eq!(refused.0, "AccessDenied");
    let answer = bench
        .http
        .post(bench.url("/"))
        .header("content-type", "application/x-www-form-urlencoded")
        .body("Action=MakeTea&Version=2011-06-15")
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 400);
    assert!(
        answer
            .text()
            .await
            .unwrap()
            .contains("<Code>InvalidAction</Code>")
    );
}
