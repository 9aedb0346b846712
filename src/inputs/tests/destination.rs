//! Inputs that say where the image goes.

use super::*;

#[test]
fn a_repository_that_is_more_than_a_name_is_refused_with_what_was_meant() {
    for (given, hint) in [
        ("Team/App", Some("write `team/app`")),
        (
            "registry.example.com/team/app:1.0",
            Some("give the host as `registry: registry.example.com` and the rest as `repository: team/app`"),
        ),
        (
            "AWS:s3cret@registry.example.com/team/app",
            Some("give the host as `registry: registry.example.com` and the rest as `repository: team/app`"),
        ),
        (
            "team/app:1.0",
            Some("write `team/app`; tags are given with `tags` and `version`"),
        ),
        ("team//app", None),
        ("téam", None),
    ] {
        let (message, found) = Case::complete()
            .without("repository")
            .flag("repository", given)
            .problem();
        assert!(
            message.starts_with("`--repository`: repository name `"),
            "{message}"
        );
        assert_eq!(found.as_deref(), hint, "{given}");
        assert!(!message.contains("s3cret"), "{message}");
    }
}

#[test]
fn the_registry_comes_from_its_host_or_from_account_and_region() {
    let of = |case: Case| match case.settings().destination {
        Destination::Registry(name) => name.to_string(),
        Destination::Local { .. } | Destination::Nowhere { .. } => panic!("not in a registry"),
    };
    assert_eq!(of(Case::complete()), format!("{REGISTRY}/team/app"));
    let split = Case::new()
        .flag("repository", "team/app")
        .flag("account-id", "012345678901")
        .variable("AWS_REGION", "cn-north-1");
    assert_eq!(
        of(split),
        "012345678901.dkr.ecr.cn-north-1.amazonaws.com.cn/team/app"
    );
    // The machine's region says nothing against the host's; an explicit one does.
    assert_eq!(
        of(Case::complete().variable("AWS_REGION", "us-east-1")),
        format!("{REGISTRY}/team/app")
    );
    let (message, _) = Case::complete().flag("aws-region", "us-east-1").problem();
    assert!(message.contains("is not the region of registry"), "{message}");
    let (message, _) = Case::complete().flag("account-id", "000000000001").problem();
    assert!(message.contains("is not the account of registry"), "{message}");
    let (message, hint) = Case::new().flag("repository", "team/app").problem();
    assert_eq!(message, "inputs: no registry is set");
    assert!(hint.unwrap().contains("`local: true`"));
    let (message, _) = Case::complete()
        .without("registry")
        .flag("registry", "localhost:5510")
        .problem();
    assert!(message.contains("is not one of ECR's"), "{message}");
    let emulator = Case::complete()
        .without("registry")
        .flag("registry", "localhost:5510")
        .flag("endpoint-url", "http://localhost:5510");
    assert_eq!(of(emulator), "localhost:5510/team/app");
}

#[test]
fn images_names_the_image_in_place_of_registry_and_repository() {
    let image = format!("{REGISTRY}/team/app");
    for list in [
        image.clone(),
        format!("# ours\n{image}\nname=other/app,enable=false"),
        format!("name={image}"),
        format!("{image}\n{image}"),
    ] {
        let settings = Case::new().flag("images", &list).settings();
        let Destination::Registry(name) = settings.destination else {
            panic!("local")
        };
        assert_eq!(name.to_string(), image);
        assert!(settings.targets.is_empty());
    }
    let (message, _) = Case::new()
        .flag("images", &format!("name={image},enable=false"))
        .problem();
    assert_eq!(message, "`--images`: names no image that is enabled");
    let (message, hint) = Case::new()
        .flag("images", &image)
        .flag("repository", "team/other")
        .problem();
    assert_eq!(
        message,
        "`--repository`: `images` names repository `team/app`, and `repository` another"
    );
    assert_eq!(hint.as_deref(), Some("leave `repository` out"));
    let (message, _) = Case::new().flag("images", "ghcr.io/user/app").problem();
    assert!(
        message.starts_with("`--images`: registry `ghcr.io` is neither an ECR host"),
        "{message}"
    );
}

#[test]
fn local_goes_without_a_registry() {
    let case = Case::new().flag("repository", "team/app").flag("local", "true");
    match case.settings().destination {
        Destination::Local { data, .. } => assert!(data.is_absolute() && data.ends_with("tagship/local")),
        Destination::Registry(_) | Destination::Nowhere { .. } => panic!("not local"),
    }
    let (message, _) = case.flag("registry", REGISTRY).problem();
    assert_eq!(
        message,
        "`--registry`: `registry` does not go together with `local`"
    );
}

#[test]
fn an_endpoint_is_http_without_credentials() {
    for bad in [
        "ftp://localhost",
        "localhost:5510",
        "http://user:s3cret@localhost",
        "http://localhost/?x",
        "file:///etc",
    ] {
        let (message, _) = Case::complete().flag("endpoint-url", bad).problem();
        assert!(message.starts_with("`--endpoint-url`: "), "{message}");
        assert!(!message.contains("s3cret"), "{message}");
    }
}

#[test]
fn a_role_is_an_arn_of_any_partition_or_a_name_with_a_known_account() {
    let role = |registry: &str, given: &str| {
        let case = Case::complete()
            .without("registry")
            .flag("registry", registry)
            .flag("role-to-assume", given);
        case.settings().identity.role.unwrap()
    };
    let china = "123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn";
    assert_eq!(
        role(china, "ci/publish"),
        "arn:aws-cn:iam::123456789012:role/ci/publish"
    );
    let gov = "123456789012.dkr.ecr.us-gov-west-1.amazonaws.com";
    assert_eq!(
        role(gov, "publish"),
        "arn:aws-us-gov:iam::123456789012:role/publish"
    );
    for arn in [
        "arn:aws:iam::999999999999:role/x",
        "arn:aws-eusc:iam::999999999999:role/a/b/c",
        "arn:aws-iso-b:iam::999999999999:role/x",
    ] {
        assert_eq!(role(REGISTRY, arn), arn);
    }
    for bad in [
        "arn:aws:iam::999999999999:user/x",
        "arn:aws:sts::999999999999:assumed-role/x/y",
        "arn:aws:iam::999999999999:oidc-provider/token.actions.githubusercontent.com",
        "arn:aws:iam::99:role/x",
        "arn:AWS:iam::999999999999:role/x",
        "arn:aws:iam::999999999999:role/",
        "a role",
    ] {
        let (message, hint) = Case::complete().flag("role-to-assume", bad).problem();
        assert!(message.starts_with("`--role-to-assume`: "), "{message}");
        assert!(hint.is_some(), "{bad}");
    }
}

#[test]
fn the_registry_must_belong_to_an_allowed_account() {
    let case = Case::complete().flag("allowed-account-ids", "111111111111, 123456789012");
    assert_eq!(case.settings().identity.allowed_accounts.len(), 2);
    let (message, _) = Case::complete()
        .flag("allowed-account-ids", "111111111111")
        .problem();
    assert!(message.contains("is not among the allowed accounts"), "{message}");
}

#[test]
fn a_run_on_this_machine_passes_over_the_registry_of_the_file() {
    let file = "registry: 123456789012.dkr.ecr.eu-central-1.amazonaws.com\nrepository: team/app\n";
    let settings = Case::new()
        .flag("local", "true")
        .file("tagship.yaml", file)
        .settings();
    assert!(matches!(settings.destination, Destination::Local { .. }));
    // Both in one place contradict each other.
    let both = format!("{file}local: true\n");
    let (message, _) = Case::new().file("tagship.yaml", &both).problem();
    assert!(
        message.ends_with("`registry` does not go together with `local`"),
        "{message}"
    );
    // A flag counts more than `local` in the file.
    let elsewhere = Case::new()
        .flag("registry", REGISTRY)
        .file("tagship.yaml", "repository: team/app\nlocal: true\n");
    assert!(matches!(
        elsewhere.settings().destination,
        Destination::Registry(_)
    ));
    // The names that a run there prints begin with where it listened.
    let printed = Case::new()
        .flag("local", "true")
        .flag("registry", "127.0.0.1:5510")
        .flag("repository", "team/app");
    assert!(matches!(
        printed.settings().destination,
        Destination::Local { .. }
    ));
    let flags = Case::new()
        .flag("local", "true")
        .flag("registry", REGISTRY)
        .flag("repository", "team/app");
    let (message, _) = flags.problem();
    assert!(
        message.ends_with("`registry` does not go together with `local`"),
        "{message}"
    );
}

#[test]
fn the_embedded_ecr_takes_the_place_of_the_files_registry_and_says_so() {
    let registry = "registry: 123456789012.dkr.ecr.eu-central-1.amazonaws.com\nrepository: team/app\n";
    let case = Case::new().flag("local", "true").file("tagship.yaml", registry);
    assert!(matches!(case.settings().destination, Destination::Local { .. }));
    let said = "`registry` is `123456789012.dkr.ecr.eu-central-1.amazonaws.com` in tagship.yaml:1:1, and does not count: `--local` publishes to the embedded ECR";
    let notes = case.resolve().unwrap().notes;
    assert!(notes.iter().any(|note| note == said), "{notes:?}");
    let alone = Case::new().flag("local", "true").flag("repository", "team/app");
    let notes = alone.resolve().unwrap().notes;
    assert!(
        !notes.iter().any(|note| note.contains("does not count")),
        "{notes:?}"
    );
}

#[test]
fn a_public_repository_is_named_with_the_alias_of_its_registry() {
    let public = |repository: &str| {
        Case::new()
            .flag("registry", "public.ecr.aws")
            .flag("repository", repository)
    };
    let settings = public("a1b2c3d4/team/app")
        .variable("AWS_REGION", "eu-central-1")
        .settings();
    let Destination::Registry(name) = settings.destination else {
        panic!("not in a registry")
    };
    assert_eq!(name.to_string(), "public.ecr.aws/a1b2c3d4/team/app");
    // STS is asked in the run's region.
    assert_eq!(settings.identity.region.unwrap().as_str(), "eu-central-1");
    let whole = Case::new()
        .flag("images", "public.ecr.aws/a1b2c3d4/app")
        .settings();
    assert!(
        matches!(whole.destination, Destination::Registry(name) if name.repository.as_str() == "a1b2c3d4/app")
    );
    for wrong in ["app", "a1b2c3d4/my__app", "a1b2c3d4/x"] {
        let (message, hint) = public(wrong).problem();
        assert!(message.starts_with("`--repository`: "), "{message}");
        assert!(hint.unwrap().contains("`ALIAS/NAME`"), "{wrong}");
    }
    let (message, hint) = Case::new()
        .flag("registry", "public.ecr.aws/a1b2c3d4")
        .flag("repository", "a1b2c3d4/app")
        .problem();
    assert!(message.contains("has a path"), "{message}");
    assert_eq!(hint.as_deref(), Some("write `public.ecr.aws`"));
    let (message, _) = public("a1b2c3d4/app").flag("aws-region", "cn-north-1").problem();
    assert!(
        message.contains("accounts of region `cn-north-1` have no registry"),
        "{message}"
    );
}

#[test]
fn what_ecr_public_does_not_do_is_refused_by_its_input() {
    let public = || {
        Case::new()
            .flag("registry", "public.ecr.aws")
            .flag("repository", "a1b2c3d4/app")
    };
    for (input, value, message) in [
        ("scan", "wait", "`public.ecr.aws` scans no images"),
        ("sign", "managed", "`public.ecr.aws` signs no images itself"),
        ("from-cache", "true", "`public.ecr.aws` caches no base images"),
        (
            "wait-for-replication",
            "true",
            "`public.ecr.aws` replicates no images",
        ),
    ] {
        let (found, _) = public().flag(input, value).problem();
        assert_eq!(found, format!("`--{input}`: {message}"));
    }
    let harmless = public().flag("scan", "off").flag("from-cache", "False");
    harmless.settings();
}

#[test]
fn a_file_of_a_job_does_not_publish_to_everybody() {
    let file = "registry: public.ecr.aws\nrepository: a1b2c3d4/app\n";
    // On this machine the file is the user's own.
    Case::new().file("tagship.yaml", file).settings();
    let job = Case::new()
        .file("tagship.yaml", file)
        .variable("GITHUB_ACTIONS", "true");
    let (message, hint) = job.problem();
    assert!(
        message.contains("names no account, and counts only when the workflow says so"),
        "{message}"
    );
    assert_eq!(hint.as_deref(), Some("give it as an input of the step"));
}
