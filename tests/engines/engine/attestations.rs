//! Statements about an image that the engine adds.

use tagship::ports::Builder as _;
use tagship_domain::build::{Attestation, BuildArgs, BuildRequest};
use tagship_domain::content::{Content, OCI_INDEX};
use tagship_domain::reference::Digest;

use super::support::{Bench, Engine, engines, folder, request};
use tagship::settings::{LoginSettings, RegistryLoginSettings};
use tempfile::TempDir;

/// The statements that an image has, by their predicate's type.
pub(super) fn statements(bench: &Bench, digest: &Digest) -> Vec<serde_json::Value> {
    let index = bench.manifest(digest);
    assert_eq!(index.media_type(), OCI_INDEX);
    let Content::Index(content) = index.content().unwrap() else {
        panic!("{index:?}")
    };
    let attestations = content.manifests.iter().filter(|entry| entry.is_about_another());
    attestations
        .flat_map(|entry| {
            let Content::Image(manifest) = bench.manifest(&entry.digest).content().unwrap() else {
                panic!("an attestation is a manifest")
            };
            manifest.layers
        })
        .map(|layer| serde_json::from_slice(&bench.registry.state().blobs[&layer.digest]).unwrap())
        .collect()
}

pub(super) fn attested(request: &mut BuildRequest, kind: Attestation, wish: &str) {
    let attributes = kind.wish(wish).unwrap().unwrap();
    request.options.attestations.insert(kind, attributes);
}

#[tokio::test]
async fn provenance_says_how_an_image_was_built_and_by_default_no_argument() {
    for engine in engines() {
        let dockerfile = "FROM busybox\nARG COLOUR\nRUN echo $COLOUR > /colour\n";
        let context = folder(&[("Dockerfile", dockerfile)]);
        let mut request = request(context.path());
        request.build_args = BuildArgs::new([("COLOUR".to_owned(), "ultramarine".to_owned())].into());
        attested(&mut request, Attestation::Provenance, "true");
        let bench = Bench::new(&engine).await;
        if !engine.is_containerd() {
            let error = bench.builder.check(&request).await.unwrap_err();
            assert!(error.to_string().contains("`provenance`"), "{error}");
            continue;
        }
        bench.builder.check(&request).await.unwrap();
        let digest = bench.publish(&request).await.unwrap();
        let found = statements(&bench, &digest);
        let [statement] = found.as_slice() else {
            panic!("{found:?}")
        };
        let kind = statement["predicateType"].as_str().unwrap();
        assert!(kind.starts_with("https://slsa.dev/provenance/"), "{kind}");
        assert!(!statement.to_string().contains("ultramarine"), "{statement}");
        // The run's read-back takes such an index.
        let (repository, _) = bench.registry.client_of("team/app");
        let verified = oci_registry::verify(&digest, &repository).await.unwrap();
        assert_eq!(verified.description.platforms.len(), 1);

        attested(&mut request, Attestation::Provenance, "max");
        let digest = bench.publish(&request).await.unwrap();
        let found = statements(&bench, &digest);
        assert!(
            found[0].to_string().contains("ultramarine"),
            "`mode=max` says everything"
        );
    }
}

/// A scanner after BuildKit's protocol. Source: BuildKit, `docs/attestations/sbom-protocol.md`.
const SCANNER: &str = r#"FROM busybox
RUN printf '%s\n' '#!/bin/sh' \
    'echo "{\"_type\":\"https://in-toto.io/Statement/v0.1\",\"predicateType\":\"https://spdx.dev/Document\",\"predicate\":{\"name\":\"scanned $(ls $BUILDKIT_SCAN_SOURCE | tr \\\\n _)\"}}" > $BUILDKIT_SCAN_DESTINATION/test.spdx.json' \
    > /scan && chmod +x /scan
ENTRYPOINT ["/scan"]
"#;

/// A build whose parts are to be listed by a scanner of its own, and a bench that may pull that.
pub(super) async fn scanned(engine: &Engine) -> (Bench, TempDir, BuildRequest) {
    let scanner = folder(&[("Dockerfile", SCANNER)]);
    let source = Bench::new(engine).await;
    let digest = source.publish(&request(scanner.path())).await.unwrap();
    let host = source.registry.host().to_string();
    let context = folder(&[("Dockerfile", "FROM scratch\nCOPY Dockerfile /part\n")]);
    let mut request = request(context.path());
    let generator = format!("generator={host}/team/app@{digest}");
    attested(&mut request, Attestation::Sbom, &generator);
    let login = RegistryLoginSettings {
        host,
        username: "AWS".to_owned(),
        password: "secret-1".into(),
    };
    let settings = LoginSettings {
        lines: vec![login],
        ..LoginSettings::default()
    };
    (Bench::with_logins(engine, settings).await, context, request)
}

#[tokio::test]
async fn a_list_of_parts_is_made_by_the_scanner_that_is_named() {
    for engine in engines()
        .into_iter()
        .filter(super::support::Engine::is_containerd)
    {
        let (bench, _context, request) = scanned(&engine).await;
        let digest = bench.publish(&request).await.unwrap();
        let found = statements(&bench, &digest);
        let [statement] = found.as_slice() else {
            panic!("{found:?}")
        };
        assert_eq!(statement["predicateType"], "https://spdx.dev/Document");
        assert!(
            statement["predicate"].to_string().contains("scanned part"),
            "{statement}"
        );
    }
}
