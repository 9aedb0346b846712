//! Inputs that the action's container cannot serve.

use super::*;
use crate::inputs::container::HINT;
use crate::schema::{INPUTS, NeedsSetup};

/// A value of each input that needs the host, which this machine does not have.
const OF_HOST: [(&str, &str); 25] = [
    ("sign", "cosign"),
    ("web-identity-token-file", "/home/runner/token"),
    ("docker-host", "ssh://builder"),
    ("docker-host", "unix:///run/user/1001/docker.sock"),
    ("builders", "linux/arm64=unix:///run/user/1001/buildkitd.sock"),
    ("builders", "tcp://b.example:1,ca=/home/runner/ca.pem"),
    ("local-data", "/home/runner/ecr"),
    ("context", "/home/runner/elsewhere"),
    ("file", "/home/runner/Dockerfile"),
    ("secrets", "id=a,env=A\nid=npm,src=/home/runner/.npmrc"),
    ("secret-files", "npm=/home/runner/.npmrc"),
    ("ssh", "default=/home/runner/agent.sock"),
    ("outputs", "type=tar,dest=/home/runner/out.tar"),
    ("ignore-files", "/home/runner/vex.json"),
    ("sarif-file", "/home/runner/findings.sarif"),
    ("asff-file", "/home/runner/findings.json"),
    ("kev-file", "/home/runner/kev.json"),
    ("epss-file", "/home/runner/epss.csv"),
    ("merge-from", "/home/runner/digests"),
    ("digest-file", "/home/runner/digest"),
    ("metadata-file", "/home/runner/metadata.json"),
    ("iidfile", "/home/runner/iid"),
    ("sbom-file", "/home/runner/sbom.json"),
    ("soci", "true"),
    ("build-contexts", "a=docker-image://busybox\nlib=/home/runner/lib"),
];

fn in_action(name: &str, value: &str) -> Case {
    let case = Case::new()
        .variable("GITHUB_ACTIONS", "true")
        .variable("INPUT_REPOSITORY", "team/app")
        .variable("INPUT_REGISTRY", REGISTRY)
        .variable("A", "a");
    let workspace = case.path().display().to_string();
    case.file(".npmrc", "")
        .variable("GITHUB_WORKSPACE", &workspace)
        .variable(&format!("INPUT_{}", name.to_uppercase()), value)
}

#[test]
fn the_action_refuses_what_only_the_host_has_and_names_setup() {
    for (name, value) in OF_HOST {
        let error = in_action(name, value).resolve_action().unwrap_err();
        let [problem] = error.problems() else {
            panic!("{name}={value}: {error}")
        };
        assert_eq!(problem.origin, Origin::ActionInput(name));
        assert!(
            problem
                .message
                .starts_with("the action's container does not see "),
            "{error}"
        );
        assert_eq!(problem.hint.as_deref(), Some(HINT));
        assert!(
            !problem.message.contains("/home/runner"),
            "a value may be secret: {error}"
        );
    }
    let untried: Vec<_> = INPUTS
        .iter()
        .filter(|input| input.needs_setup != NeedsSetup::Never)
        .filter(|input| !OF_HOST.iter().any(|(name, _)| *name == input.name))
        .map(|input| input.name)
        .collect();
    assert_eq!(untried, Vec::<&str>::new());
}

#[test]
fn the_action_takes_what_its_container_is_given() {
    for (name, value) in [
        ("docker-host", "unix:///var/run/docker.sock"),
        ("docker-host", "tcp://builder:2375"),
        ("local-data", "state/of/ecr"),
        ("local-data", "/github/home/ecr"),
        ("context", "/github/workspace"),
        ("file", "Dockerfile"),
        ("secrets", "id=npm,src=.npmrc"),
        ("secret-files", "npm=.npmrc"),
        ("build-contexts", "a=docker-image://busybox\nlib=."),
    ] {
        let resolved = in_action(name, value).resolve_action();
        assert!(resolved.is_ok(), "{name}={value}: {}", resolved.unwrap_err());
    }
}

#[test]
fn a_command_takes_what_its_own_machine_has() {
    for (name, value) in OF_HOST.into_iter().filter(|(name, _)| *name == "docker-host") {
        let settings = Case::complete().flag(name, value).settings();
        assert_eq!(settings.build.engine.address.as_deref(), Some(value));
    }
}

/// A command in a folder below the one with the file: the file's paths begin beside it, those of flags where the user is.
#[test]
fn a_file_above_is_found_within_the_repository() {
    let top = tempfile::tempdir().unwrap();
    let root = top.path().join("app");
    let below = root.join("docs/deep");
    for folder in [&root.join(".git"), &root.join("image"), &below] {
        fs::create_dir_all(folder).unwrap();
    }
    let file = format!("registry: {REGISTRY}\nrepository: team/app\ncontext: image\n");
    fs::write(root.join("tagship.yaml"), &file).unwrap();
    fs::write(root.join("image/Dockerfile"), "FROM scratch\n").unwrap();
    fs::write(below.join("Dockerfile.dev"), "FROM scratch\n").unwrap();
    let resolved = |folder: &Path, flags: &[(&'static str, &str)]| {
        let flags = flags
            .iter()
            .map(|(name, value)| (*name, vec![(*value).to_owned()]));
        let arguments = RawArguments::by_flags(flags.collect());
        let environment = Environment::new(Vec::new(), folder.to_owned()).within_project();
        let environment = arguments.environment(&environment);
        resolve(RawInputs::gather(arguments, &environment), &environment)
    };
    let found = resolved(&below, &[]).unwrap();
    assert_eq!(found.settings.workspace, root);
    assert_eq!(found.settings.build.context, root.join("image"));
    assert!(
        found
            .notes
            .iter()
            .any(|note| note.contains("relative paths begin there")),
        "{:?}",
        found.notes
    );
    let flagged = resolved(&below, &[("file", "Dockerfile.dev")]).unwrap();
    assert_eq!(flagged.settings.build.dockerfile, below.join("Dockerfile.dev"));
    // A file that is named has its paths begin here, as before.
    fs::write(below.join("own.yaml"), file.replace("image", ".")).unwrap();
    fs::write(below.join("Dockerfile"), "FROM scratch\n").unwrap();
    let named = resolved(&below, &[("config", "own.yaml")]).unwrap();
    assert_eq!(named.settings.workspace, below);
    // The nearest counts, and nothing outside of the repository does.
    fs::write(
        root.join("docs/tagship.yaml"),
        format!("registry: {REGISTRY}\nrepository: team/docs\ncontext: deep\n"),
    )
    .unwrap();
    assert_eq!(
        resolved(&below, &[]).unwrap().settings.workspace,
        root.join("docs")
    );
    fs::remove_dir(root.join(".git")).unwrap();
    assert!(resolved(&below, &[]).is_err(), "there is no repository");
}
