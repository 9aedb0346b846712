//! Answers that clients of AWS rely on, each with the page that it comes from.

use aws_sdk_ecr::types::{EncryptionConfiguration, EncryptionType};
use reqwest::{Method, StatusCode};
use serde_json::Value;
use tagship_domain::immutability::Mutability;

use crate::bench::{ACCOUNT, Bench, REGION, REPOSITORY, api_error, oci_error, session_of, text};

// ECR API reference, `EncryptionConfiguration`: without a key it is the account's AWS managed key.
#[tokio::test]
async fn kms_without_a_key_is_the_accounts_own_key() {
    let bench = Bench::start().await;
    let ecr = bench.ecr();
    let mut keys = Vec::new();
    for (name, kind) in [("a", EncryptionType::Kms), ("b", EncryptionType::KmsDsse)] {
        let encryption = EncryptionConfiguration::builder()
            .encryption_type(kind)
            .build()
            .unwrap();
        let request = ecr.create_repository().repository_name(format!("kms/{name}"));
        let made = request.encryption_configuration(encryption).send().await.unwrap();
        let encryption = made.repository.unwrap().encryption_configuration.unwrap();
        keys.push(encryption.kms_key.unwrap());
    }
    let prefix = format!("arn:aws:kms:{REGION}:{ACCOUNT}:key/");
    let id = keys[0].strip_prefix(&prefix).unwrap();
    assert_eq!(
        id.split('-').map(str::len).collect::<Vec<_>>(),
        [8, 4, 4, 4, 12],
        "{id}"
    );
    assert_eq!(keys[0], keys[1]);
    let plain = ecr
        .create_repository()
        .repository_name("kms/none")
        .send()
        .await
        .unwrap();
    assert_eq!(
        plain
            .repository
            .unwrap()
            .encryption_configuration
            .unwrap()
            .kms_key,
        None
    );
}

// OCI distribution spec, "Pulling manifests": what is not there is 404.
#[tokio::test]
async fn a_reference_that_is_no_tag_is_not_found_where_the_specification_counts() {
    for (strict, expected) in [(true, (404, "MANIFEST_UNKNOWN")), (false, (400, "UNSUPPORTED"))] {
        let bench = Bench::start_with(|options| options.quirks.strict_oci = strict).await;
        let registry = bench.registry().await;
        for reference in [".INVALID_MANIFEST_NAME", "-x", "a b"] {
            let answer = registry.get(&format!("{REPOSITORY}/manifests/{reference}")).await;
            let (status, code, _) = oci_error(answer).await;
            assert_eq!((status, code.as_str()), expected, "{reference}");
        }
        let put = registry
            .request(Method::PUT, &format!("{REPOSITORY}/manifests/.x"))
            .body("{}");
        assert_eq!(put.send().await.unwrap().status(), StatusCode::BAD_REQUEST);
    }
}

// Distribution registry documentation, "Listing Repositories"; ECR takes `n` up to 1000.
#[tokio::test]
async fn the_catalog_lists_all_repositories_in_pages() {
    let bench = Bench::start().await;
    for number in 0..5 {
        bench
            .make(&format!("catalog/{number}"), Mutability::Mutable)
            .await;
    }
    let registry = bench.registry().await;
    let mut url = bench.url("/v2/_catalog?n=4");
    let mut names = Vec::new();
    let mut pages = 0;
    loop {
        let answer = registry.at(Method::GET, &url).send().await.unwrap();
        let link = text(&answer, "link");
        let page: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
        names.extend(
            page["repositories"]
                .as_array()
                .unwrap()
                .iter()
                .map(|name| name.as_str().unwrap().to_owned()),
        );
        pages += 1;
        let Some(next) = link.strip_prefix('<').and_then(|link| link.split_once('>')) else {
            break;
        };
        next.0.clone_into(&mut url);
    }
    assert_eq!(pages, 2);
    let mut expected: Vec<String> = (0..5).map(|number| format!("catalog/{number}")).collect();
    expected.push(REPOSITORY.to_owned());
    assert_eq!(names, expected);
    for number in ["0", "1001", "x"] {
        let answer = registry.get(&format!("_catalog?n={number}")).await;
        assert_eq!(answer.status(), StatusCode::METHOD_NOT_ALLOWED, "{number}");
    }
    let anonymous = bench.http.get(bench.url("/v2/_catalog")).send().await.unwrap();
    assert_eq!(anonymous.status(), StatusCode::UNAUTHORIZED);
}

// ECR user guide, "AWS managed policies for Amazon Elastic Container Registry".
#[tokio::test]
async fn awss_managed_policies_narrow_sessions_and_make_roles() {
    let bench = Bench::with_roles(&format!(
        r#"
Roles:
  - RoleName: reader
    AssumeRolePolicyDocument:
      Statement: {{Effect: Allow, Principal: {{AWS: "{ACCOUNT}"}}, Action: "sts:AssumeRole"}}
    ManagedPolicyArns: ["arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryReadOnly"]
  - RoleName: all
    AssumeRolePolicyDocument:
      Statement: {{Effect: Allow, Principal: {{AWS: "{ACCOUNT}"}}, Action: "sts:AssumeRole"}}
    PolicyDocuments:
      - Statement: {{Effect: Allow, Action: "ecr:*", Resource: "*"}}
"#
    ))
    .await;
    let arn = |role: &str| format!("arn:aws:iam::{ACCOUNT}:role/{role}");
    let reader = bench.ecr_as(bench.in_role(&arn("reader")).await);
    let sts = bench.sts_as(bench.administrator());
    let policy = |name: &str| {
        let arn = format!("arn:aws:iam::aws:policy/{name}");
        aws_sdk_sts::types::PolicyDescriptorType::builder()
            .arn(arn)
            .build()
    };
    let request = sts.assume_role().role_arn(arn("all")).role_session_name("test");
    let narrowed = request
        .clone()
        .policy_arns(policy("AmazonEC2ContainerRegistryReadOnly"));
    let narrowed = bench.ecr_as(session_of(narrowed.send().await.unwrap().credentials()));
    for ecr in [reader, narrowed] {
        assert!(ecr.describe_repositories().send().await.is_ok());
        let refused = ecr.create_repository().repository_name("new/app").send().await;
        assert_eq!(api_error(refused).0, "AccessDeniedException");
    }
    let unknown = request.policy_arns(policy("AdministratorAccess")).send().await;
    assert_eq!(api_error(unknown).0, "MalformedPolicyDocument");
}

// STS API reference, `AssumeRoleWithSAML`: "Calling AssumeRoleWithSAML does not require the use of AWS security
// credentials"; "Errors".
#[tokio::test]
async fn a_saml_assertion_needs_no_signature_and_is_of_no_provider() {
    let bench = Bench::start().await;
    let call = async |assertion: &str| {
        let parameters = [
            ("Action", "AssumeRoleWithSAML"),
            ("Version", "2011-06-15"),
            ("RoleArn", "arn:aws:iam::123456789012:role/tagship-example"),
            ("PrincipalArn", "arn:aws:iam::123456789012:saml-provider/example"),
            ("SAMLAssertion", assertion),
        ];
        let body = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(parameters)
            .finish();
        let request = bench.http.post(bench.url("/")).body(body);
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    for (assertion, message) in [
        ("PHNhbWw+", "Specified provider doesn't exist"),
        ("?not base64?", "Invalid base64 SAMLResponse"),
    ] {
        let (status, body) = call(assertion).await;
        assert_eq!(status, 400, "{body}");
        assert!(body.contains("<Code>InvalidIdentityToken</Code>"), "{body}");
        assert!(body.contains(message), "{body}");
    }
    assert!(call("x").await.1.contains("<Code>ValidationError</Code>"));
}
