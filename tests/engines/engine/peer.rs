//! The same Dockerfiles, built by Tagship and by `docker buildx build` on the same engine, come to the same image: config,
//! labels, and in every layer the same files with the same modes, owners, links and contents.
//!
//! Times and what names the builder's own caches are left out of the comparison.

use std::path::Path;

use serde_json::Value;
use tagship_domain::build::{
    BuildArgs, BuildRequest, BuildSecret, CacheEntry, HostEntry, NamedContext, Network, SecretSource, Ulimit,
    named_context,
};
use tagship_domain::content::Platform;
use test_support::unique;

use super::image::{Image, listing};
use super::support::{Bench, Engine, engines, folder, request};

/// One build, for both.
struct Pair {
    name: &'static str,
    files: Vec<(&'static str, &'static str)>,
    /// What the peer is given.
    flags: Vec<String>,
    /// What we are given.
    ask: fn(&mut BuildRequest),
    /// Whether engines of 20.10 can do it.
    on_20: bool,
}

fn pair(name: &'static str, dockerfile: &'static str, flags: &[&str], ask: fn(&mut BuildRequest)) -> Pair {
    Pair {
        name,
        files: vec![
            ("Dockerfile", dockerfile),
            ("file", "content"),
            ("dir/a", "a"),
            ("dir/b.log", "b"),
        ],
        flags: flags.iter().map(|flag| (*flag).to_owned()).collect(),
        ask,
        on_20: true,
    }
}

impl Pair {
    fn with(mut self, files: &[(&'static str, &'static str)]) -> Self {
        self.files.extend(files);
        self
    }

    fn not_on_20(mut self) -> Self {
        self.on_20 = false;
        self
    }
}

fn none(_: &mut BuildRequest) {}

fn args(pairs: &[(&str, &str)]) -> BuildArgs {
    let owned = pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    BuildArgs::new(owned.collect())
}

fn pairs() -> Vec<Pair> {
    vec![
        pair("copy", "FROM scratch\nCOPY file /a/b/\nCOPY dir /dir\n", &[], none),
        pair("run", "FROM busybox\nRUN mkdir -p /x/y && echo hi > /x/y/z && chmod 600 /x/y/z\n", &[], none),
        pair("env-and-expose", "FROM busybox\nENV A=1 B=\"two words\"\nEXPOSE 80 443/udp\nVOLUME /data\n", &[], none),
        pair("user-and-workdir", "FROM busybox\nWORKDIR /work/deep\nUSER 1000:1000\nSTOPSIGNAL SIGINT\n", &[], none),
        pair("entrypoint", "FROM busybox\nENTRYPOINT [\"/bin/echo\", \"a\"]\nCMD [\"b\"]\n", &[], none),
        pair("shell-form", "FROM busybox\nSHELL [\"/bin/sh\", \"-ec\"]\nENTRYPOINT exec echo $HOME\n", &[], none),
        pair("healthcheck", "FROM busybox\nHEALTHCHECK --interval=5s --retries=2 CMD true\n", &[], none),
        pair("onbuild", "FROM busybox\nONBUILD RUN echo later\n", &[], none),
        pair("labels", "FROM busybox\nLABEL from=file both=file\n", &["--label", "both=flag", "--label", "q=a \"b\", c"], |r| {
            r.labels = [("both".to_owned(), "flag".to_owned()), ("q".to_owned(), "a \"b\", c".to_owned())].into();
        }),
        pair("build-args", "ARG BASE=busybox\nFROM $BASE\nARG A\nARG B=default\nRUN echo \"$A $B\" > /args\n", &["--build-arg", "A=x=y z"], |r| {
            r.build_args = args(&[("A", "x=y z")]);
        }),
        pair("target", "FROM busybox AS one\nRUN echo 1 > /one\nFROM one AS two\nRUN echo 2 > /two\nFROM two\nRUN false\n", &["--target", "two"], |r| {
            r.target = Some("two".to_owned());
        }),
        pair("copy-from-stage", "FROM busybox AS made\nRUN mkdir /out && echo x > /out/x && ln -s x /out/l\nFROM scratch\nCOPY --from=made /out /out\n", &[], none),
        pair("copy-from-image", "FROM scratch\nCOPY --from=busybox /bin/busybox /b\n", &[], none),
        pair("chown", "FROM busybox\nCOPY --chown=12:34 file dir /owned/\n", &[], none),
        pair("chmod", "FROM scratch\nCOPY --chmod=751 file /f\n", &[], none).not_on_20(),
        pair("wildcards", "FROM scratch\nCOPY d*/* f??e /all/\n", &[], none),
        pair("add-archive", "FROM busybox\nADD file /renamed\nADD dir /dir/\n", &[], none),
        pair("dockerignore", "FROM scratch\nCOPY . /all/\n", &[], none).with(&[(".dockerignore", "**/*.log\nDockerfile\n.dockerignore\n")]),
        pair("secret", "FROM busybox\nRUN --mount=type=secret,id=s cat /run/secrets/s | wc -c > /size\n", &["--secret", "id=s,src=CONTEXT/file"], |r| {
            let source = SecretSource::File(r.context.join("file"));
            r.secrets = vec![BuildSecret { id: "s".to_owned(), source }];
        }),
        pair("bind-and-cache-mounts", "FROM busybox\nRUN --mount=type=bind,target=/src --mount=type=cache,target=/c cp /src/file /f && touch /c/x\n", &[], none),
        pair("add-hosts", "FROM busybox\nRUN grep -w db /etc/hosts > /hosts\n", &["--no-cache", "--add-host", "db:10.1.2.3"], |r| {
            r.no_cache = true;
            r.options.add_hosts = vec![HostEntry::parse("db:10.1.2.3").unwrap()];
        }),
        pair("network-none", "FROM busybox\nRUN wc -l < /proc/net/dev > /net\n", &["--no-cache", "--network", "none"], |r| {
            r.no_cache = true;
            r.options.network = Some(Network::None);
        }),
        pair("ulimit-and-shm", "FROM busybox\nRUN (ulimit -n; df -k /dev/shm | tail -n 1) > /limits\n", &["--no-cache", "--ulimit", "nofile=512:1024", "--shm-size", "32m"], |r| {
            r.no_cache = true;
            r.options.ulimits = vec![Ulimit::parse("nofile=512:1024").unwrap()];
            r.options.shm_size = Some(32 << 20);
        }).not_on_20(),
        pair("named-contexts", "FROM base\nCOPY --from=lib . /lib/\n", &["--build-context", "base=docker-image://busybox", "--build-context", "lib=CONTEXT/dir"], |r| {
            let lib = NamedContext::Folder(r.context.join("dir"));
            r.options.contexts = [named_context("base=docker-image://busybox").unwrap(), ("lib".to_owned(), lib)].into();
        }).not_on_20(),
        pair("heredoc", "FROM busybox\nRUN <<EOF\necho one > /one\necho two > /two\nEOF\nCOPY <<\"EOF\" /three\n$not filled\nEOF\n", &[], none).not_on_20(),
        pair("other-platform", "FROM --platform=$BUILDPLATFORM busybox AS tools\nARG TARGETARCH\nRUN echo $TARGETARCH > /arch\nFROM scratch\nCOPY --from=tools /arch /arch\n", &["--platform", "linux/arm64"], |r| {
            r.platforms = vec![Platform::parse("linux/arm64").unwrap()];
        }),
        pair("other-dockerfile", "FROM scratch\n", &["--file", "CONTEXT/docker/Other"], |r| {
            r.dockerfile = r.context.join("docker/Other");
        }).with(&[("docker/Other", "FROM scratch\nCOPY . /all/\n"), ("docker/Other.dockerignore", "dir\ndocker\n")]),
        pair("no-cache-filters", "FROM busybox AS one\nRUN echo 1 > /one\nFROM busybox\nCOPY --from=one /one /two\n", &["--no-cache-filter", "one"], |r| {
            r.options.no_cache_filters = vec!["one".to_owned()];
        }),
        // The host has more than a loopback and one interface: its engines' bridges, and others that come and go.
        pair("network-host", "FROM busybox\nRUN test $(ls /sys/class/net | wc -l) -gt 2 && echo host > /net\n", &["--no-cache", "--network", "host", "--allow", "network.host"], |r| {
            r.no_cache = true;
            r.options.network = Some(Network::Host);
        }),
        pair("inline-cache", "FROM busybox\nRUN echo cached > /x\n", &["--cache-to", "type=inline"], |r| {
            r.options.cache_to = vec![CacheEntry::to("type=inline").unwrap()];
        }),
        pair("absent-cache", "FROM busybox\nRUN echo cached > /y\n", &["--cache-from", "type=local,src=CONTEXT/none"], |r| {
            let line = format!("type=local,src={}", r.context.join("none").display());
            r.options.cache_from = vec![CacheEntry::from(&line).unwrap()];
        }),
        pair("reproducible-args", "FROM busybox\nARG SOURCE_DATE_EPOCH\nRUN echo ${SOURCE_DATE_EPOCH:-none} > /epoch\n", &[], none),
    ]
}

/// An image as both can be compared: its config without what is the builder's own, and its layers' files.
#[derive(Debug, PartialEq)]
pub(super) struct Seen {
    config: Value,
    platform: [Value; 3],
    history: Vec<String>,
    layers: Vec<Vec<String>>,
}

pub(super) fn seen(config: &Value, layers: &[Vec<u8>]) -> Seen {
    let history = config["history"].as_array().into_iter().flatten();
    // Engines of old give the time of the build to steps that were cached.
    let history = history
        .map(|step| step["created_by"].as_str().unwrap_or_default().to_owned())
        .collect();
    let mut of_container = config["config"].clone();
    // Absent and empty are the same to whoever runs it.
    if let Some(fields) = of_container.as_object_mut() {
        fields.retain(|_, value| {
            !value.is_null() && *value != "" && *value != false && *value != serde_json::json!({})
        });
    }
    Seen {
        config: of_container,
        platform: ["os", "architecture", "variant"].map(|key| config[key].clone()),
        history,
        layers: layers.iter().map(|layer| listing(layer)).collect(),
    }
}

async fn ours(engine: &Engine, request: &BuildRequest) -> Seen {
    let bench = Bench::new(engine).await;
    let digest = bench.publish(request).await.unwrap();
    let image = Image::read(&bench.registry, digest);
    seen(&image.config, &image.layers)
}

/// What the peer leaves in the engine, read out of it.
async fn theirs(engine: &Engine, context: &Path, flags: &[String]) -> Seen {
    let name = unique::name("tagship-peer");
    let context = context.to_str().unwrap();
    let flags: Vec<String> = flags
        .iter()
        .map(|flag| flag.replace("CONTEXT", context))
        .collect();
    let mut arguments = vec![
        "buildx",
        "build",
        "--quiet",
        "--provenance=false",
        "--load",
        "--tag",
        &name,
    ];
    arguments.extend(flags.iter().map(String::as_str));
    arguments.push(context);
    engine.docker(&arguments).await;
    let saved = engine.docker(&["save", &name]).await;
    engine.docker(&["rmi", "--force", &name]).await;
    let image = Image::saved(&saved);
    seen(&image.config, &image.layers)
}

#[tokio::test]
async fn what_both_build_is_the_same() {
    let pairs = pairs();
    assert!(pairs.len() >= 25, "{}", pairs.len());
    let mut different = Vec::new();
    for engine in engines() {
        for pair in pairs.iter().filter(|pair| pair.on_20 || !engine.is_20()) {
            let context = folder(&pair.files);
            let mut request = request(context.path());
            (pair.ask)(&mut request);
            let theirs = theirs(&engine, context.path(), &pair.flags).await;
            let ours = ours(&engine, &request).await;
            if ours != theirs {
                different.push(format!(
                    "{} on {}:\n{ours:#?}\n{theirs:#?}",
                    pair.name, engine.name
                ));
            }
        }
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
}
