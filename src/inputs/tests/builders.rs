//! Builders beside the engine.

use super::*;
use tagship_domain::build::BuilderAddress;

#[test]
fn lines_of_one_address_are_one_builder_with_its_certificates() {
    let case = Case::complete()
        .file("ca.pem", "authority")
        .file("cert.pem", "certificate")
        .variable("KEY", "hush")
        .flag(
            "builders",
            "linux/arm64=tcp://arm.example:1234,ca=ca.pem,cert=cert.pem,key-env=KEY\n\
             linux/arm/v7=tcp://arm.example:1234,ca=ca.pem,cert=cert.pem,key-env=KEY\n\
             unix:///run/buildkit/buildkitd.sock",
        );
    let builders = case.settings().build.builders;
    let [arm, rest] = builders.as_slice() else {
        panic!("two daemons: {builders:?}")
    };
    let platforms: Vec<String> = arm.platforms.iter().map(ToString::to_string).collect();
    assert_eq!(platforms, ["linux/arm64", "linux/arm/v7"]);
    let tls = arm.tls.as_ref().unwrap();
    assert_eq!(tls.authority, "authority");
    let (certificate, key) = tls.identity.as_ref().unwrap();
    assert_eq!(
        (certificate.as_str(), key.expose_secret()),
        ("certificate", "hush")
    );
    assert!(!format!("{arm:?}").contains("hush"), "a key is never printed");
    assert!(rest.platforms.is_empty() && rest.tls.is_none());
    let socket = BuilderAddress::Unix("/run/buildkit/buildkitd.sock".into());
    assert_eq!(rest.address, socket);
}

#[test]
fn lines_that_are_wrong_or_contradict_each_other_are_named() {
    for (lines, expected) in [
        (
            "linux/arm64=arm.example",
            "entry 1, `linux/arm64`: `arm.example` is not `tcp://",
        ),
        ("tcp://a.example:1", "spoken to in the clear"),
        ("tcp://a:1,ca=missing.pem", "`ca` comes from `"),
        (
            "tcp://a:1,ca-env=MISSING",
            "comes from variable `MISSING`, which is not set",
        ),
        ("unix:///a\nunix:///b", "two builders without a platform"),
        (
            "linux/arm64=unix:///a\nlinux/arm64/v8=unix:///b",
            "two builders for linux/arm64/v8",
        ),
        (
            "linux/arm64=unix:///a\nunix:///a",
            "with a platform and without one",
        ),
        (
            "linux/arm64=tcp://10.0.0.1:1,insecure=true\nlinux/arm=tcp://10.0.0.1:1,ca=Dockerfile",
            "says of `tcp://10.0.0.1:1` in two ways",
        ),
    ] {
        let error = Case::complete().flag("builders", lines).resolve().unwrap_err();
        let text = error.to_string();
        assert!(text.contains(expected), "{lines}: {text}");
        assert_eq!(error.problems().len(), 1, "{lines}: {text}");
    }
}
