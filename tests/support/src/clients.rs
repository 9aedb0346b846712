//! Other registry clients, which judge what was published.

use super::engines::Engine;
use super::process::{finish, output_of, scrubbed};
use super::unique::sha256_hex;
use std::path::{Path, PathBuf};

/// A registry over plain HTTP with a password, as `docker login` takes them.
#[derive(Debug, Clone)]
pub struct Registry {
    /// `host:port`.
    pub host: String,
    /// `user:password` in base64.
    pub token: String,
}

/// The digest that `docker pull` and the engine report for a reference.
#[track_caller]
pub fn docker_pulls(engine: &'static Engine, registry: &Registry, reference: &str) -> String {
    let home = tempfile::tempdir().expect("a temporary folder can be made");
    let image = super::engines::Image::named(engine, reference);
    let docker = |arguments: &[&str]| {
        let mut command = scrubbed("docker", home.path());
        command.args(["--host", &engine.host()]).args(arguments);
        command
    };
    login(home.path(), registry);
    output_of(&mut docker(&["pull", "--quiet", reference]));
    let format = "{{range .RepoDigests}}{{println .}}{{end}}";
    let digests = output_of(&mut docker(&["image", "inspect", "--format", format, reference]));
    let repository = repository_of(reference);
    let digest = digests
        .lines()
        .find_map(|line| line.strip_prefix(repository)?.strip_prefix('@'));
    let digest = digest.unwrap_or_else(|| panic!("the engine knows `{reference}` only as {digests}"));
    drop(image);
    digest.to_owned()
}

/// The digest of the raw manifest that `skopeo` fetches, after it copied the whole image, which checks every blob.
#[track_caller]
pub fn skopeo_pulls(registry: &Registry, reference: &str) -> String {
    let home = tempfile::tempdir().expect("a temporary folder can be made");
    login(home.path(), registry);
    let authfile = home.path().join(".docker/config.json");
    let source = format!("docker://{reference}");
    let target = format!("dir:{}", home.path().join("image").display());
    let skopeo = |arguments: &[&str]| {
        let mut command = scrubbed(client("skopeo"), home.path());
        command.args(arguments).arg("--authfile").arg(&authfile);
        command
    };
    output_of(
        skopeo(&["--insecure-policy", "copy", "--all", "--src-tls-verify=false"]).args([&source, &target]),
    );
    let raw = finish(skopeo(&["inspect", "--raw", "--tls-verify=false"]).arg(&source));
    raw.expect_code(0);
    format!("sha256:{}", sha256_hex(raw.stdout.as_bytes()))
}

/// The digest that `crane` reports, after it pulled the whole image.
#[track_caller]
pub fn crane_pulls(registry: &Registry, reference: &str) -> String {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let folder = folder.path().to_str().expect("a path is text");
    crane(registry, &["pull", "--format=oci", reference, folder]);
    crane(registry, &["digest", reference])
}

/// What a `crane` command prints, which must succeed.
#[track_caller]
pub fn crane(registry: &Registry, arguments: &[&str]) -> String {
    let home = tempfile::tempdir().expect("a temporary folder can be made");
    login(home.path(), registry);
    output_of(
        scrubbed(client("crane"), home.path())
            .args(arguments)
            .arg("--insecure"),
    )
}

/// What a container of an image that the engine pulls prints: the reference, then the command.
#[track_caller]
pub fn docker_runs(engine: &'static Engine, registry: &Registry, arguments: &[&str]) -> String {
    let home = tempfile::tempdir().expect("a temporary folder can be made");
    login(home.path(), registry);
    let _removed_after = super::engines::Image::named(engine, arguments[0]);
    let docker = |arguments: &[&str]| {
        let mut command = scrubbed("docker", home.path());
        output_of(command.args(["--host", &engine.host()]).args(arguments))
    };
    // What a container says that is over at once may never reach a client that is attached; logs have it.
    let container = docker(&[&["run", "--detach"], arguments].concat());
    let container = container.trim();
    let code = docker(&["wait", container]);
    let said = docker(&["logs", container]);
    docker(&["rm", container]);
    assert_eq!(code.trim(), "0", "{arguments:?}: {said}");
    said
}

/// Writes the file that all of these clients read their passwords from.
pub fn login(home: &Path, registry: &Registry) {
    let folder = home.join(".docker");
    std::fs::create_dir_all(&folder).expect("a folder can be made");
    let config = serde_json::json!({ "auths": { &registry.host: { "auth": registry.token } } });
    std::fs::write(folder.join("config.json"), config.to_string()).expect("a file can be written");
}

/// A client program; `scripts/clients env` puts them on the path.
pub fn client(name: &str) -> &str {
    let found = std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(name).is_file()));
    assert!(
        found,
        "`{name}` is not on the path: run the tests by `scripts/test`"
    );
    name
}

/// The Python that has boto3 and the AWS CLI.
pub fn python() -> std::ffi::OsString {
    std::env::var_os("TAGSHIP_TEST_PYTHON")
        .expect("`scripts/clients env` sets it: run the tests by `scripts/test`")
}

/// Where its packages lie.
pub fn python_packages() -> PathBuf {
    let python = PathBuf::from(python());
    let lib = python
        .parent()
        .and_then(Path::parent)
        .expect("it lies in `bin`")
        .join("lib");
    let versions = std::fs::read_dir(&lib).expect("an environment has packages");
    let mut packages = versions
        .flatten()
        .map(|version| version.path().join("site-packages"));
    packages
        .find(|folder| folder.is_dir())
        .expect("an environment has packages")
}

fn repository_of(reference: &str) -> &str {
    let name = reference.split('@').next().unwrap_or(reference);
    match name.rfind(':') {
        Some(colon) if !name[colon..].contains('/') => &name[..colon],
        _ => name,
    }
}
