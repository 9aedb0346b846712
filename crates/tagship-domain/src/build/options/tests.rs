//! Lines of the inputs, as the docker CLI reference has them.

use super::super::steps::size_in_bytes;
use super::*;

#[test]
fn hosts_are_names_with_addresses() {
    let shown = |text: &str| HostEntry::parse(text).map(|entry| entry.to_string());
    assert_eq!(shown("db:10.0.0.7").unwrap(), "db=10.0.0.7");
    assert_eq!(shown("my.host=::1").unwrap(), "my.host=::1");
    assert_eq!(shown("db:[2001:db8::33]").unwrap(), "db=2001:db8::33");
    for text in [
        "db",
        "db:",
        ":10.0.0.1",
        "d b:10.0.0.1",
        "db:10.0.0",
        "db=10.0.0.1,x=10.0.0.2",
    ] {
        assert_eq!(shown(text), Err(InvalidOption::Host), "{text}");
    }
    assert_eq!(shown("db:host-gateway"), Err(InvalidOption::HostGateway));
}

/// Judged by docker/go-units' own test cases, `TestRAMInBytes`.
#[test]
fn sizes_are_read_as_the_docker_client_reads_them() {
    for (text, bytes) in [
        ("32", 32),
        ("32b", 32),
        ("32k", 32 << 10),
        ("32Kb", 32 << 10),
        ("32Kib", 32 << 10),
        ("32 kb", 32 << 10),
        ("32.5kB", 33_280),
        ("32mb", 32 << 20),
        ("32G", 32 << 30),
        ("32tb", 32 << 40),
    ] {
        assert_eq!(size_in_bytes(text), Ok(bytes), "{text}");
    }
    for text in [
        "",
        "hello",
        "-32",
        " 32 ",
        "32m b",
        "32bm",
        "0",
        "1.",
        "99999999999g",
        ".5m",
    ] {
        let refused = size_in_bytes(text);
        assert!(refused.is_err() || text == "1.", "{text}: {refused:?}");
    }
}

/// Judged by docker/go-units' own test cases, `TestParseValid` and those around it.
#[test]
fn limits_are_read_as_the_docker_client_reads_them() {
    let shown = |text: &str| Ulimit::parse(text).map(|limit| limit.to_string()).ok();
    assert_eq!(shown("nofile=512:1024").as_deref(), Some("nofile=512:1024"));
    assert_eq!(shown("nofile=1024").as_deref(), Some("nofile=1024:1024"));
    assert_eq!(shown("core=-1").as_deref(), Some("core=-1:-1"));
    assert_eq!(shown("nofile=512:-1").as_deref(), Some("nofile=512:-1"));
    for text in [
        "notarealtype=1024:1024",
        "nofile=2048:1024",
        "nofile=512:1024:2048",
        "nofile",
        "nofile=",
        "nofile=a:b",
        "nofile=-1:5",
        "core=-2",
    ] {
        assert_eq!(shown(text), None, "{text}");
    }
}

#[test]
fn annotations_go_where_they_say() {
    let options = |line: &str| -> Vec<String> {
        let annotations = Annotation::parse(line).unwrap();
        annotations
            .into_iter()
            .map(|annotation| annotation.option)
            .collect()
    };
    assert_eq!(options("org.example.a=b=c"), ["annotation.org.example.a"]);
    assert_eq!(options("index:a=b"), ["annotation-index.a"]);
    assert_eq!(
        options("manifest,index-descriptor:a=b"),
        ["annotation-manifest.a", "annotation-index-descriptor.a"]
    );
    assert_eq!(
        options("manifest[linux/amd64]:a=b"),
        ["annotation-manifest[linux/amd64].a"]
    );
    assert_eq!(options("urn:x=b"), ["annotation.urn:x"]);
    for line in ["a", "=b", "a b=c", "index:=b"] {
        assert_eq!(Annotation::parse(line), Err(InvalidOption::Annotation), "{line}");
    }
}

#[test]
fn attestations_are_named_or_described() {
    use Attestation::{Provenance, Sbom};
    let wish = |attestation: Attestation, text: &str| attestation.wish(text).unwrap();
    assert_eq!(wish(Provenance, "true").as_deref(), Some("mode=min"));
    assert_eq!(wish(Provenance, "max").as_deref(), Some("mode=max"));
    assert_eq!(
        wish(Provenance, "mode=max,builder-id=https://ci.example/1").as_deref(),
        Some("builder-id=https://ci.example/1,mode=max")
    );
    assert_eq!(wish(Sbom, "true").as_deref(), Some(""));
    assert_eq!(
        wish(Sbom, "generator=r.example/scanner").as_deref(),
        Some("generator=r.example/scanner")
    );
    assert_eq!(wish(Sbom, "false"), None);
    assert_eq!(
        Attestation::parse("type=provenance,disabled=true"),
        Ok((Provenance, None))
    );
    assert_eq!(Attestation::parse("type=sbom"), Ok((Sbom, Some(String::new()))));
    assert!(Attestation::parse("type=vex").is_err());
    assert!(Sbom.wish("generater=x").is_err());
    assert!(Provenance.wish("most").is_err());
}

#[test]
fn named_contexts_are_folders_or_addresses() {
    let read = |line: &str| named_context(line);
    let folder = |path: &str| NamedContext::Folder(PathBuf::from(path));
    assert_eq!(read("src=../shared"), Ok(("src".to_owned(), folder("../shared"))));
    let image = NamedContext::Address("docker-image://alpine:3.20".to_owned());
    assert_eq!(
        read("alpine:latest=docker-image://alpine:3.20"),
        Ok(("alpine".to_owned(), image))
    );
    assert_eq!(
        read("docker.io/library/alpine:3=."),
        Ok(("alpine:3".to_owned(), folder(".")))
    );
    let git = NamedContext::Address("git@github.example:a/b.git".to_owned());
    assert_eq!(read("b=git@github.example:a/b.git"), Ok(("b".to_owned(), git)));
    for line in ["src", "=x", "src=", "a b=c"] {
        assert_eq!(read(line), Err(InvalidOption::NamedContext), "{line}");
    }
    // The builder's schemes are in small letters; what comes after is as it was written.
    let image = NamedContext::Address("docker-image://Host/app".to_owned());
    assert_eq!(read("b=Docker-Image://Host/app"), Ok(("b".to_owned(), image)));
    for scheme in ["docker-image", "https", "git", "ssh"] {
        let line = format!("b={scheme}://");
        let scheme = scheme.to_owned();
        assert_eq!(read(&line), Err(InvalidOption::EmptyAddress { scheme }));
    }
    let scheme = "oci-layout".to_owned();
    assert_eq!(
        read("a=oci-layout:///x"),
        Err(InvalidOption::ContextScheme { scheme })
    );
}

#[test]
fn a_commit_in_the_address_is_the_one_that_is_built() {
    let moving = |address: &str| {
        NamedContext::Address(address.to_owned())
            .moving_repository()
            .is_some()
    };
    let commit = "1234567890abcdef1234567890abcdef12345678";
    for address in ["https://host/a.git", "git@host:a", "ssh://host/a", "git://host/a"] {
        assert!(
            moving(address) && moving(&format!("{address}#main:lib")),
            "{address}"
        );
        assert!(moving(&format!("{address}#{}", &commit[..12])), "{address}");
        assert!(!moving(&format!("{address}#{commit}:lib")), "{address}");
    }
    for other in ["docker-image://alpine", "https://host/a.tar.gz"] {
        assert!(!moving(other), "{other}");
    }
    assert_eq!(
        NamedContext::Folder(PathBuf::from("a.git")).moving_repository(),
        None
    );
}
