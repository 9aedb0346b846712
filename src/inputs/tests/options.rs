//! Inputs that build-push-action has, too.

use tagship_domain::build::{CacheKind, Compression, Entitlement, LayerForm, NamedContext, Network};

use super::*;
use crate::settings::CacheWish;

#[test]
fn every_knob_is_read_as_build_push_action_reads_it() {
    let case = Case::complete()
        .file("shared/file", "")
        .file("key", "from a file")
        .flag("platforms", "linux/amd64,linux/arm64\nlinux/amd64")
        .flag("build-contexts", "shared=shared\nbase=docker-image://busybox")
        .flag("add-hosts", "db:10.0.0.7")
        .flag("network", "none")
        .flag("shm-size", "64m")
        .flag("ulimit", "nofile=512:1024\nnproc=3")
        .flag("cgroup-parent", "build")
        .flag("allow", "security.insecure\nnetwork.host")
        .flag("pull", "true")
        .flag("no-cache-filters", "one,two")
        .flag("annotations", "index:a=b\nc=d")
        .flag("volatile-build-args", "DATE")
        .flag("cache-from", "type=registry,ref=r.example/a:c\nr.example/b:c")
        .flag("cache-to", "type=inline")
        .flag("secret-envs", "token=TOKEN")
        .flag("secret-files", "key=key")
        .variable("TOKEN", "hush");
    let build = case.settings().build;
    let platforms: Vec<String> = build.platforms.iter().map(ToString::to_string).collect();
    assert_eq!(platforms, ["linux/amd64", "linux/arm64"]);
    let options = build.options;
    let shared = case.path().canonicalize().unwrap().join("shared");
    assert_eq!(options.contexts["shared"], NamedContext::Folder(shared));
    let image = NamedContext::Address("docker-image://busybox".to_owned());
    assert_eq!(options.contexts["base"], image);
    assert_eq!(options.add_hosts[0].to_string(), "db=10.0.0.7");
    assert_eq!(options.network, Some(Network::None));
    assert_eq!(options.shm_size, Some(64 << 20));
    assert_eq!(options.ulimits.len(), 2);
    assert_eq!(options.cgroup_parent.as_deref(), Some("build"));
    let both = [Entitlement::NetworkHost, Entitlement::SecurityInsecure];
    assert_eq!(options.allow, both.into());
    assert!(options.pull);
    assert_eq!(options.no_cache_filters, ["one", "two"]);
    assert_eq!(options.annotations.len(), 2);
    assert!(options.volatile_args.contains("DATE"));
    assert_eq!(options.cache_from.len(), 2);
    assert_eq!(options.cache_to[0].kind, CacheKind::Inline);
    let ids: Vec<&str> = build.secrets.iter().map(|secret| secret.id.as_str()).collect();
    assert_eq!(ids, ["token", "key"]);
}

#[test]
fn every_entry_that_is_wrong_is_named_and_no_value_of_it() {
    for (input, value, expected) in [
        ("platforms", "linux", "platform `linux` is not of the form"),
        (
            "add-hosts",
            "db",
            "entry 1, `db`: it is not of the form `HOST:ADDRESS`",
        ),
        ("network", "bridge", "`bridge` is no network of a build"),
        ("shm-size", "much", "`much` is no size"),
        ("ulimit", "files=1", "entry 1, `files`: `files=1` is no limit"),
        ("allow", "everything", "`everything` is neither"),
        ("no-cache-filters", "a b", "`a b` is not the name of a stage"),
        ("annotations", "a", "entry 1, `a`: it is not of the form"),
        ("build-contexts", "lib=missing", "context `lib` is `"),
        (
            "build-contexts",
            "lib=oci-layout:///x",
            "`oci-layout://` is not supported here",
        ),
        (
            "cache-to",
            "type=floppy",
            "entry 1, `type=floppy`: `type=floppy` is no kind of cache",
        ),
        ("cache", "somewhere", "`somewhere` is no place for a cache"),
        (
            "secret-envs",
            "token=UNSET",
            "comes from variable `UNSET`, which is not set",
        ),
        (
            "secret-envs",
            "=hidden",
            "secret 1 is not of the form `ID=VARIABLE`",
        ),
        ("secret-files", "key=missing", "which cannot be read"),
    ] {
        let (message, _) = Case::complete().flag(input, value).problem();
        assert!(message.starts_with(&format!("`--{input}`: ")), "{message}");
        assert!(message.contains(expected), "{message}");
        assert!(!message.contains("hidden"), "{message}");
    }
    let twice = Case::complete()
        .file("a/x", "")
        .flag("build-contexts", "a=a\na=a");
    assert!(twice.problem().0.contains("context `a` is given twice"));
}

#[test]
fn addresses_of_contexts_are_checked_as_that_of_the_main_one_is() {
    for (address, expected) in [
        ("https://host/app.git#a..b", "`a..b` is no name of a branch"),
        ("https://host/app.git#main:../x", "lies outside of the repository"),
        (
            "https://host/app.git?ref=main",
            "parameters after `?` are not taken",
        ),
        (
            "ssh://-oProxyCommand=evil/app",
            "it is not an address with a host",
        ),
        ("git@host", "it is not an address with a host"),
        (
            "https://host/a\u{200b}.git",
            "holds characters that are not shown",
        ),
        (
            "docker-image://al\u{202e}pine",
            "holds characters that are not shown",
        ),
        ("https://ada:hunter22@host/app.git", "holds a password or token"),
        ("https://hunter22@host/app.git", "holds a password or token"),
        ("ssh://ada:hunter22@host/app", "holds a password or token"),
        (
            "https://ada:hunter22@host/app.tar.gz",
            "holds a password or token",
        ),
        ("HTTPS://ada:hunter22@host/app.git", "holds a password or token"),
        ("https://host/app.tar.gz", "is a file on the web"),
        ("HTTP://host/app", "is a file on the web"),
    ] {
        let entry = format!("lib={address}");
        let (message, _) = Case::complete().flag("build-contexts", &entry).problem();
        assert!(message.contains("context `lib`"), "{message}");
        assert!(message.contains(expected), "{message}");
        assert!(!message.contains("hunter22"), "{message}");
    }
    for address in [
        "https://host/app.git#v1.2.3:lib",
        "git@host:team/app#main",
        "ssh://git@host/app",
        "docker-image://host/app:1",
    ] {
        let entry = format!("lib={address}");
        let build = Case::complete().flag("build-contexts", &entry).settings().build;
        let context = NamedContext::Address(address.to_owned());
        assert_eq!(build.options.contexts["lib"], context);
    }
}

#[test]
fn one_word_stands_for_a_cache() {
    let job = |case: Case| {
        case.variable("ACTIONS_RUNTIME_TOKEN", "job-token")
            .variable("ACTIONS_RESULTS_URL", "https://results.example/")
            .variable("ACTIONS_CACHE_SERVICE_V2", "True")
    };
    let wish = |case: Case| case.settings().build.cache;
    assert!(matches!(wish(Case::complete()), CacheWish::None));
    assert!(matches!(
        wish(Case::complete().flag("cache", "registry")),
        CacheWish::Registry { is_optional: false }
    ));
    assert!(matches!(
        wish(Case::complete().flag("cache", "auto")),
        CacheWish::Registry { is_optional: true }
    ));
    let CacheWish::Lines {
        from,
        to,
        is_optional,
    } = wish(job(Case::complete().flag("cache", "auto")))
    else {
        panic!("the job has a cache service");
    };
    assert!(is_optional);
    assert_eq!(
        from.to_string(),
        "type=gha,url=https://results.example/,url_v2=https://results.example/,version=2"
    );
    assert!(to.exposed().any(|pair| pair == ("token", "job-token")));
    assert!(to.exposed().any(|pair| pair == ("mode", "max")));

    let (message, hint) = Case::complete().flag("cache", "gha").problem();
    assert!(message.contains("`ACTIONS_RUNTIME_TOKEN`"), "{message}");
    assert!(hint.unwrap().contains("`type=registry`"));
    let (message, _) = Case::complete().flag("cache-to", "type=gha").problem();
    assert!(
        message.starts_with("`--cache-to`: GitHub's cache service"),
        "{message}"
    );
    let both = Case::complete()
        .flag("cache", "registry")
        .flag("cache-from", "r.example/a:c");
    assert!(both.problem().0.contains("is given beside them"));
}

#[test]
fn the_tokens_of_caches_are_secrets_of_the_run() {
    let case = Case::complete()
        .flag("cache-from", "type=gha")
        .variable("ACTIONS_RUNTIME_TOKEN", "job-token")
        .variable("ACTIONS_CACHE_URL", "https://cache.example/");
    let settings = case.settings();
    let secrets: Vec<&str> = settings
        .secrets()
        .map(secrecy::ExposeSecret::expose_secret)
        .collect();
    assert_eq!(secrets, ["job-token"]);
    assert!(!format!("{settings:?}").contains("job-token"));
}

/// In a job, a stranger's file decides nothing of addresses, credentials, entitlements and places outside.
#[test]
fn a_file_that_the_workflow_does_not_name_may_say_little_about_a_build() {
    let problem = |line: &str| {
        let case = Case::complete()
            .file("lib/x", "")
            .file("tagship.yaml", line)
            .variable("CI", "true");
        case.resolve().err().map(|error| error.to_string())
    };
    for line in [
        "platforms: linux/arm64\n",
        "shm-size: 64m\n",
        "ulimit: nofile=1\n",
        "pull: true\n",
        "annotations: a=b\n",
        "cache: registry\n",
        "build-contexts: lib=lib\n",
    ] {
        assert_eq!(problem(line), None, "{line}");
    }
    for line in [
        "add-hosts: db:10.0.0.7\n",
        "network: host\n",
        "cgroup-parent: x\n",
        "allow: network.host\n",
        "cache-from: r.example/a\n",
        "cache-to: type=inline\n",
        "secret-envs: a=HOME\n",
        "secret-files: a=lib/x\n",
        "volatile-build-args: A\n",
        "build-contexts: lib=/etc\n",
        "build-contexts: lib=../\n",
        "build-contexts: lib=https://example.com/a.git\n",
    ] {
        let message = problem(line).unwrap_or_else(|| panic!("{line} is taken"));
        assert!(
            message.contains("counts only when the workflow says so"),
            "{message}"
        );
    }
}

#[test]
fn attestations_are_read_in_both_forms_and_the_lines_count_more() {
    use tagship_domain::build::Attestation::{Provenance, Sbom};
    let wishes = |case: Case| case.settings().build.options.attestations;
    assert!(wishes(Case::complete()).is_empty());
    let both = wishes(Case::complete().flag("provenance", "max").flag("sbom", "true"));
    assert_eq!(both[&Provenance], "mode=max");
    assert_eq!(both[&Sbom], "");
    let lines = Case::complete()
        .flag("provenance", "true")
        .flag("attests", "type=provenance,mode=max\ntype=sbom,disabled=true");
    assert_eq!(
        wishes(lines).into_iter().collect::<Vec<_>>(),
        [(Provenance, "mode=max".to_owned())]
    );
    let (message, _) = Case::complete().flag("provenance", "most").problem();
    assert!(message.starts_with("`--provenance`: "), "{message}");
}

#[test]
fn no_secret_is_published_with_an_attestation_and_lambda_takes_none() {
    let with = |mode: &str, args: &str| Case::complete().flag("provenance", mode).flag("build-args", args);
    for args in ["NPM_TOKEN=hidden", "password=hidden", "DB_SECRET_2=hidden"] {
        let (message, hint) = with("max", args).problem();
        assert!(message.contains("is called like a secret"), "{message}");
        assert!(!message.contains("hidden"), "{message}");
        assert!(hint.unwrap().contains("`secrets`"));
    }
    with("min", "NPM_TOKEN=x").settings();
    with("max", "KEYBOARD=x\nPUBLIC_KEY=x").settings();

    let lambda = || Case::complete().flag("preset", "lambda");
    let zstd = lambda().flag("compression", "zstd").problem();
    assert!(zstd.0.contains("no layers compressed by zstd"), "{}", zstd.0);
    lambda().flag("compression", "uncompressed").settings();
    lambda().flag("platforms", "linux/arm64").settings();
    assert!(
        lambda()
            .flag("sbom", "true")
            .problem()
            .0
            .contains("`sbom` asks for one")
    );
    let several = lambda().flag("platforms", "linux/arm64,linux/amd64").problem();
    assert!(several.0.contains("images of one platform"));
    assert!(
        Case::complete()
            .flag("preset", "other")
            .problem()
            .0
            .contains("is no preset")
    );
}

#[test]
fn a_compression_has_a_form_and_a_level_of_that_form() {
    let with = |form: &str, level: &str| {
        Case::complete()
            .flag("compression", form)
            .flag("compression-level", level)
    };
    let compression = |form, level| with(form, level).settings().build.options.compression;
    assert_eq!(
        compression("zstd", "19"),
        Compression {
            form: LayerForm::Zstd,
            level: Some(19),
            converts: true,
        }
    );
    let converts = |case: Case| case.settings().build.options.compression.converts;
    assert!(converts(Case::complete().flag("compression", "gzip")));
    assert!(converts(Case::complete().flag("preset", "lambda")));
    assert!(!converts(Case::complete()));
    assert!(Case::complete().settings().build.options.compression.is_default());
    assert!(
        with("gzip", "19")
            .problem()
            .0
            .contains("`gzip`, which has 0 to 9")
    );
    assert!(with("uncompressed", "1").problem().0.contains("has no level"));
    let (message, _) = Case::complete().flag("compression", "lz4").problem();
    assert!(message.contains("`lz4` is not `gzip`"), "{message}");
}

#[test]
fn logins_are_lines_and_what_the_docker_command_left() {
    let case = Case::complete()
        .flag("registry-auth", "host=ghcr.io,username=bot,password-env=GHCR")
        .variable("GHCR", "hush")
        .variable("HOME", "/home/me");
    let settings = case.settings();
    let logins = &settings.build.logins;
    assert_eq!(logins.lines[0].host, "ghcr.io");
    assert_eq!(
        logins.docker_config.as_deref(),
        Some(Path::new("/home/me/.docker"))
    );
    assert!(logins.may_run_helpers);
    assert!(settings.secrets().any(|secret| secret.expose_secret() == "hush"));
    let config = |case: Case| case.settings().build.logins.docker_config;
    let named = Case::complete().variable("DOCKER_CONFIG", "/etc/docker-login");
    assert_eq!(config(named).as_deref(), Some(Path::new("/etc/docker-login")));
    assert_eq!(config(Case::complete()), None);
    let off = Case::complete()
        .variable("HOME", "/home/me")
        .flag("use-docker-config", "false");
    assert_eq!(config(off), None);
    for (line, expected) in [
        (
            "host=a,username=b,password-env=UNSET",
            "variable `UNSET`, which is not set",
        ),
        ("host=a,username=b,password=hidden", "it is not of the form"),
    ] {
        let (message, _) = Case::complete().flag("registry-auth", line).problem();
        assert!(
            message.contains(expected) && !message.contains("hidden"),
            "{message}"
        );
    }
}

#[test]
fn the_action_uses_dockers_logins_where_its_container_sees_them() {
    let action = |folder: &str, wish: &str| {
        let case = Case::new().file("login/config.json", "{}");
        let workspace = case.path().canonicalize().unwrap().display().to_string();
        case.variable("GITHUB_ACTIONS", "true")
            .variable("GITHUB_WORKSPACE", &workspace)
            .variable("INPUT_REPOSITORY", "team/app")
            .variable("INPUT_REGISTRY", REGISTRY)
            .variable("INPUT_USE-DOCKER-CONFIG", wish)
            .variable("HOME", "/github/home")
            .variable("DOCKER_CONFIG", &folder.replace("WORKSPACE", &workspace))
    };
    let seen = action("WORKSPACE/login", "")
        .resolve_action()
        .unwrap()
        .settings
        .build
        .logins;
    assert!(seen.docker_config.unwrap().ends_with("login"));
    assert!(!seen.may_run_helpers);
    let hidden = action("/home/runner/.docker", "").resolve_action().unwrap();
    assert_eq!(hidden.settings.build.logins.docker_config, None);
    let error = action("/home/runner/.docker", "true")
        .resolve_action()
        .unwrap_err();
    assert!(
        error.to_string().contains("sees no docker configuration"),
        "{error}"
    );
}

#[test]
fn a_build_that_is_not_published_needs_no_registry_and_has_outputs() {
    use tagship_domain::build::{ArchiveKind, BuildOutput};
    let here = || Case::new().flag("push", "false");
    let settings = here().settings();
    assert!(!settings.is_published() && settings.outputs.is_empty());
    let case = here()
        .flag("repository", "team/app")
        .flag("load", "true")
        .flag("outputs", "type=local,dest=out\ntype=oci,dest=image.tar");
    let settings = case.settings();
    let root = case.path().canonicalize().unwrap();
    let expected = [
        BuildOutput::Store(Vec::new()),
        BuildOutput::Folder(root.join("out")),
        BuildOutput::File(ArchiveKind::Oci, root.join("image.tar")),
    ];
    assert_eq!(settings.outputs, expected);
    let Destination::Nowhere { name, image } = settings.destination else {
        panic!("nothing is published")
    };
    assert_eq!((name.unwrap().as_str(), image), ("team/app", None));
    let named = here()
        .flag("repository", "team/app")
        .flag("registry", REGISTRY)
        .settings();
    assert!(matches!(
        named.destination,
        Destination::Nowhere { image: Some(_), .. }
    ));

    let (message, hint) = Case::complete().flag("load", "true").problem();
    assert_eq!(message, "`--load`: is for a build that is not published");
    assert!(hint.unwrap().contains("`push: false`"));
    let (message, _) = here().flag("outputs", "type=registry,dest=x").problem();
    assert!(message.contains("by a run that publishes"), "{message}");
    // A pull request from a fork keeps the inputs of the branch, and has no token.
    let fork = here()
        .flag("repository", "team/app")
        .flag("role-to-assume", "publish")
        .variable("GITHUB_ACTIONS", "true");
    assert!(!fork.settings().is_published());
}

#[test]
fn agents_are_sockets_and_no_keys() {
    let case = Case::complete().file("key", "PRIVATE");
    let socket = case.path().canonicalize().unwrap().join("agent.sock");
    let _listens = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let shown = socket.display().to_string();
    let case = case
        .variable("SSH_AUTH_SOCK", &shown)
        .flag("ssh", "default\nother=agent.sock");
    let agents = case.settings().build.options.agents;
    assert_eq!(agents["default"], socket);
    assert_eq!(agents["other"], socket);
    let wrong = |line: &str| {
        Case::complete()
            .file("key", "PRIVATE")
            .flag("ssh", line)
            .problem()
    };
    assert!(
        wrong("default")
            .0
            .contains("the one of `SSH_AUTH_SOCK`, which is not set")
    );
    assert!(wrong("a=missing").0.contains("which is not there"));
    let (message, hint) = wrong("a=key");
    assert!(message.contains("which is no socket"), "{message}");
    assert!(hint.unwrap().contains("`ssh-add`"));
    assert!(wrong("a b=x").0.contains("is no name of an agent"));
}
