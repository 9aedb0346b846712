//! References, strict and partial.

use super::*;

#[test]
fn digests_are_strict() {
    // `echo -n | sha256sum`
    let empty = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    assert_eq!(Digest::of(b"").to_string(), empty);
    assert_eq!(
        Digest::parse(empty).map(|digest| digest.to_string()).as_deref(),
        Ok(empty)
    );
    for text in [
        "",
        "sha256:",
        &empty[..70],
        &empty.to_uppercase(),
        &empty.replace("sha256", "sha512"),
        &format!("{empty}0"),
    ] {
        assert!(Digest::parse(text).is_err(), "{text}");
    }
}

#[test]
fn digests_of_another_algorithm_are_read_only_where_any_is() {
    // `printf '' | sha512sum`
    let empty = "sha512:cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce\
                 47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e";
    let digest = Digest::of_as(DigestAlgorithm::Sha512, b"");
    assert_eq!(digest.to_string(), empty);
    assert_eq!(Digest::parse_any(empty), Ok(digest));
    assert_eq!(
        Digest::parse_any(&Digest::of(b"").to_string()),
        Ok(Digest::of(b""))
    );
    assert!(Digest::parse(empty).is_err());
    for text in [
        &empty[..71],
        &empty.to_uppercase(),
        &empty.replace("sha512", "sha256"),
        "blake3:00",
    ] {
        assert!(Digest::parse_any(text).is_err(), "{text}");
    }
}

#[test]
fn tags_follow_the_oci_grammar() {
    for text in ["1.2.3", "latest", "_x", "A-b_c.d", &"a".repeat(128)] {
        assert!(Tag::parse(text).is_ok(), "{text}");
    }
    for text in ["", "-a", ".a", "a+b", "a/b", "a b", "ä", "a\n", &"a".repeat(129)] {
        assert!(Tag::parse(text).is_err(), "{text}");
    }
}

#[test]
fn repository_names_follow_ecrs_pattern() {
    for text in ["ab", "team/app", "a.b", "a__b", "a--b", "1a/2b", "a-b_c.d/e"] {
        assert!(RepositoryName::parse(text).is_ok(), "{text}");
    }
    for text in [
        "a",
        "",
        "Team/app",
        "a..b",
        "a___b",
        "-ab",
        "ab-",
        "a//b",
        "/ab",
        "ab/",
        "a b",
        "a._b",
        &"a".repeat(257),
    ] {
        assert!(RepositoryName::parse(text).is_err(), "{text}");
    }
}

#[test]
fn every_kind_of_ecr_host_tells_account_and_region() {
    for (host, region) in [
        ("123456789012.dkr.ecr.eu-central-1.amazonaws.com", "eu-central-1"),
        (
            "123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com",
            "us-gov-west-1",
        ),
        ("123456789012.dkr-ecr.us-east-1.on.aws", "us-east-1"),
        ("123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn", "cn-north-1"),
        (
            "123456789012.dkr.ecr.eusc-de-east-1.amazonaws.eu",
            "eusc-de-east-1",
        ),
        (
            "123456789012.dkr-ecr.cn-north-1.on.amazonwebservices.com.cn",
            "cn-north-1",
        ),
    ] {
        let parsed = RegistryHost::parse(host).unwrap();
        assert_eq!(
            parsed.account().map(AccountId::as_str),
            Some("123456789012"),
            "{host}"
        );
        assert_eq!(parsed.region().map(Region::as_str), Some(region), "{host}");
        assert!(!parsed.is_plain_http());
    }
    for host in [
        "",
        "public.ecr.aws",
        "https://123456789012.dkr.ecr.eu-central-1.amazonaws.com",
        "123456789012.dkr.ecr.eu-central-1.amazonaws.com/team",
        "123456789012.dkr.ecr.eu-central-1.amazonaws.com.evil.example",
        "12345.dkr.ecr.eu-central-1.amazonaws.com",
        "127.0.0.1",
        "127.0.0.1:0",
        "127.0.0.1:66000",
        ":5000",
        "user@host:80",
    ] {
        assert!(RegistryHost::parse(host).is_err(), "{host}");
    }
    assert!(RegistryHost::parse("127.0.0.1:5510").is_ok_and(|host| host.is_plain_http()));
}

#[test]
fn hosts_are_made_in_the_regions_partition() {
    let account = AccountId::parse("012345678901").unwrap();
    for (region, host) in [
        ("eu-west-1", "012345678901.dkr.ecr.eu-west-1.amazonaws.com"),
        ("cn-north-1", "012345678901.dkr.ecr.cn-north-1.amazonaws.com.cn"),
        (
            "us-isob-east-1",
            "012345678901.dkr.ecr.us-isob-east-1.sc2s.sgov.gov",
        ),
    ] {
        let made = RegistryHost::of(&account, &Region::parse(region).unwrap());
        assert_eq!(made.as_str(), host);
        assert_eq!(RegistryHost::parse(host).unwrap(), made);
    }
}

#[test]
fn refused_names_are_shown_without_control_characters() {
    let error = Tag::parse(&format!("a\u{1b}[31m\n{}", "b".repeat(500)))
        .unwrap_err()
        .to_string();
    assert!(!error.contains(['\u{1b}', '\n']), "{error}");
    assert!(error.chars().count() < 500);
    let error = RegistryHost::parse("AWS:s3cret@host").unwrap_err().to_string();
    assert!(error.contains("`AWS:***@host`"), "{error}");
}

/// A bare `aws` command would change whatever account its user is signed in to.
#[test]
fn the_aws_command_is_led_to_the_registry_that_is_meant() {
    for (host, options) in [
        (
            "123456789012.dkr.ecr.ap-northeast-2.amazonaws.com",
            " --region ap-northeast-2",
        ),
        ("127.0.0.1:5510", " --endpoint-url http://127.0.0.1:5510"),
    ] {
        let host = RegistryHost::parse(host).unwrap();
        assert_eq!(host.aws_options(), options, "{host}");
    }
    // An emulator has a registry in each region, and its name says none.
    let host = RegistryHost::parse("127.0.0.1:5510").unwrap();
    let there = host.clone().emulated_in(&Region::parse("eu-central-1").unwrap());
    assert_eq!(there, host);
    assert_eq!(
        there.aws_options(),
        " --region eu-central-1 --endpoint-url http://127.0.0.1:5510"
    );
}

#[test]
fn a_public_repository_is_named_behind_the_alias_of_its_registry() {
    for host in ["public.ecr.aws", "ecr-public.aws.com"] {
        let registry = RegistryHost::parse_destination(host).unwrap();
        assert!(registry.is_public_ecr() && !registry.is_plain_http());
        assert_eq!((registry.account(), registry.region()), (None, None));
        assert_eq!(registry.aws_options(), " --region us-east-1");
        let image = |repository: &str| ImageName {
            registry: registry.clone(),
            repository: RepositoryName::parse(repository).unwrap(),
        };
        let app = image("a1b2c3d4/team/app");
        let name = RepositoryName::parse("team/app").unwrap();
        assert_eq!(app.in_public_registry(), Some(("a1b2c3d4", name.clone())));
        assert_eq!(app.name_in_api(), name);
        assert_eq!(image("app").in_public_registry(), None);
    }
    let private = RegistryHost::parse_destination("123456789012.dkr.ecr.eu-west-1.amazonaws.com").unwrap();
    assert!(!private.is_public_ecr());
    let private = ImageName {
        registry: private,
        repository: RepositoryName::parse("team/app").unwrap(),
    };
    assert_eq!(private.in_public_registry(), None);
    assert_eq!(private.name_in_api().as_str(), "team/app");
    assert!(RegistryHost::parse_destination("public.ecr.aws/a1b2c3d4").is_err());
}

// The pattern is that of botocore's model, `ecr-public`, `RepositoryName`.
#[test]
fn names_of_public_repositories_are_stricter() {
    let long = "a".repeat(205);
    for (name, is_public) in [
        ("app", true),
        ("team/my-app_2.x", true),
        (long.as_str(), true),
        ("my__app", false),
        ("team/my--app", false),
        (&format!("{long}a"), false),
    ] {
        assert_eq!(
            RepositoryName::parse(name).unwrap().is_public(),
            is_public,
            "{name}"
        );
    }
}
