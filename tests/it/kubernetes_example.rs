//! The example of BuildKit on Kubernetes: its parts belong together, and to the lines of its page.
//!
//! No cluster reads it here, so that what a cluster would refuse or never join is looked for.

use std::collections::BTreeMap;

use serde_yaml::Value;
use tagship_domain::build::{BuilderAddress, BuilderLine};

const MANIFESTS: &str = include_str!("../../examples/kubernetes/buildkitd.yaml");
const PAGE: &str = include_str!("../../docs/builders.md");

/// The documents of the file, by kind and name.
fn documents() -> BTreeMap<(String, String), Value> {
    let documents = MANIFESTS
        .split("\n---\n")
        .map(|text| serde_yaml::from_str::<Value>(text).expect("each document is YAML"));
    let named = documents.map(|document| {
        let text = |value: &Value| value.as_str().expect("it is text").to_owned();
        (
            (text(&document["kind"]), text(&document["metadata"]["name"])),
            document,
        )
    });
    named.collect()
}

#[test]
fn each_builder_of_the_page_is_a_service_whose_pod_listens_with_tls() {
    let documents = documents();
    let versions: BTreeMap<&str, &str> = documents
        .iter()
        .map(|((kind, _), document)| (kind.as_str(), document["apiVersion"].as_str().unwrap()))
        .collect();
    // Source: Kubernetes API reference.
    let expected = [
        ("Namespace", "v1"),
        ("NetworkPolicy", "networking.k8s.io/v1"),
        ("Service", "v1"),
        ("StatefulSet", "apps/v1"),
    ];
    assert_eq!(versions, BTreeMap::from(expected));

    let lines: Vec<BuilderLine> = PAGE
        .lines()
        .filter(|line| line.contains(".buildkit.svc:"))
        .map(|line| BuilderLine::parse(line).expect("it is a line of `builders`"))
        .collect();
    assert_eq!(lines.len(), 2);
    for line in lines {
        let BuilderAddress::Tcp { host, port } = &line.address else {
            panic!("{line:?}")
        };
        let (service, namespace) = host
            .strip_suffix(".svc")
            .and_then(|host| host.split_once('.'))
            .unwrap();
        let of = |kind: &str| &documents[&(kind.to_owned(), service.to_owned())];
        let (found, set) = (of("Service"), of("StatefulSet"));
        let pod = &set["spec"]["template"];
        for document in [found, set] {
            assert_eq!(document["metadata"]["namespace"], namespace);
        }
        assert_eq!(found["spec"]["selector"], pod["metadata"]["labels"]);
        assert_eq!(set["spec"]["selector"]["matchLabels"], pod["metadata"]["labels"]);
        assert_eq!(set["spec"]["serviceName"], service);
        let architecture = line.platform.expect("it names one").architecture;
        assert_eq!(
            pod["spec"]["nodeSelector"]["kubernetes.io/arch"],
            architecture.as_str()
        );
        let container = &pod["spec"]["containers"][0];
        for listened in [
            &found["spec"]["ports"][0]["port"],
            &found["spec"]["ports"][0]["targetPort"],
            &container["ports"][0]["containerPort"],
            &documents[&("NetworkPolicy".to_owned(), "buildkitd".to_owned())]["spec"]["ingress"][0]["ports"]
                [0]["port"],
        ] {
            assert_eq!(listened.as_u64(), Some(u64::from(*port)));
        }
        let args: Vec<&str> = container["args"]
            .as_sequence()
            .unwrap()
            .iter()
            .map(|arg| arg.as_str().unwrap())
            .collect();
        assert!(
            args.contains(&format!("--addr=tcp://0.0.0.0:{port}").as_str()),
            "{args:?}"
        );
        let mounts: BTreeMap<&str, &str> = container["volumeMounts"]
            .as_sequence()
            .unwrap()
            .iter()
            .map(|mount| {
                (
                    mount["name"].as_str().unwrap(),
                    mount["mountPath"].as_str().unwrap(),
                )
            })
            .collect();
        for option in ["tlscacert", "tlscert", "tlskey"] {
            let begin = format!("--{option}={}/", mounts["certs"]);
            assert!(
                args.iter().any(|arg| arg.starts_with(&begin)),
                "{option}: {args:?}"
            );
        }
        let claim = &set["spec"]["volumeClaimTemplates"][0]["metadata"]["name"];
        assert_eq!(mounts[claim.as_str().unwrap()], "/var/lib/buildkit");
    }
}
