//! Build steps that use an ssh agent: a real one, asked in its own protocol.

use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use super::image::Image;
use super::support::{Bench, engines, folder, request};

/// An agent with one key. It ends with this.
struct Agent {
    process: std::process::Child,
    folder: TempDir,
}

impl Agent {
    fn start() -> Self {
        let folder = folder(&[]);
        let socket = folder.path().join("agent.sock");
        let process = Command::new("ssh-agent")
            .args(["-D", "-a"])
            .arg(&socket)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        for _ in 0..100 {
            if socket.exists() {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        let key = folder.path().join("key");
        let made = Command::new("ssh-keygen")
            .args(["-q", "-t", "ed25519", "-N", "", "-C", "a-key-of-the-test", "-f"])
            .arg(&key)
            .status()
            .unwrap();
        assert!(made.success());
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
        let added = Command::new("ssh-add")
            .arg("-q")
            .arg(&key)
            .env("SSH_AUTH_SOCK", &socket)
            .status()
            .unwrap();
        assert!(added.success());
        Self { process, folder }
    }

    fn keys(&self) -> String {
        let socket = self.folder.path().join("agent.sock");
        let listed = Command::new("ssh-add")
            .arg("-l")
            .env("SSH_AUTH_SOCK", socket)
            .output()
            .unwrap();
        String::from_utf8(listed.stdout).unwrap()
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// A context with the program `ssh-add` of this machine and what it is linked with.
fn with_ssh_add(dockerfile: &str) -> TempDir {
    let context = folder(&[("Dockerfile", dockerfile)]);
    let program = "/usr/bin/ssh-add";
    let linked = Command::new("ldd").arg(program).output().unwrap();
    let linked = String::from_utf8(linked.stdout).unwrap();
    let libraries = linked.split_whitespace().filter(|word| word.starts_with('/'));
    for path in std::iter::once(program).chain(libraries) {
        let copy = context.path().join("root").join(path.trim_start_matches('/'));
        std::fs::create_dir_all(copy.parent().unwrap()).unwrap();
        std::fs::copy(path, copy).unwrap();
    }
    context
}

const DOCKERFILE: &str = "FROM busybox
COPY root /
RUN --mount=type=ssh,id=own ssh-add -l > /keys; ssh-add -D 2> /refused; ssh-add -l >> /keys || true
";

#[tokio::test]
async fn a_step_lists_the_keys_of_an_agent_and_changes_nothing_in_it() {
    for engine in engines() {
        let agent = Agent::start();
        let context = with_ssh_add(DOCKERFILE);
        let mut request = request(context.path());
        request.no_cache = true;
        request.options.agents = [("own".to_owned(), agent.folder.path().join("agent.sock"))].into();
        let bench = Bench::new(&engine).await;
        let digest = bench.publish(&request).await.unwrap();
        let image = Image::read(&bench.registry, digest);
        let keys = image.file("keys").unwrap();
        assert_eq!(
            keys.matches("a-key-of-the-test").count(),
            2,
            "{}: {keys}",
            engine.name
        );
        let refused = image.file("refused").unwrap();
        assert!(refused.contains("Failed to remove"), "{}: {refused}", engine.name);
        assert!(
            agent.keys().contains("a-key-of-the-test"),
            "the key is still there"
        );

        request.options.agents.clear();
        // A step that needs no agent goes on without.
        let bench = Bench::new(&engine).await;
        let digest = bench.publish(&request).await.unwrap();
        let image = Image::read(&bench.registry, digest);
        assert_eq!(image.file("keys").as_deref(), Some(""), "{}", engine.name);
    }
}
