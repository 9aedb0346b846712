//! An image never says a platform that what it begins with is not of.

use std::path::Path;

use tagship::ports::{BuildError, Builder as _};
use tagship_domain::build::BuildRequest;
use tagship_domain::content::{Content, Platform};
use tagship_domain::reference::Digest;

use super::image::Image;
use super::support::{Bench, engines, folder, request};

/// A bench whose registry has an image of one platform, and that image's reference.
async fn with_base(engine: &super::support::Engine) -> (Bench, String) {
    let bench = Bench::new(engine).await;
    let context = folder(&[
        ("Dockerfile", "FROM busybox\nCOPY file /\n"),
        ("file", "of the base"),
    ]);
    let digest = bench.publish(&request(context.path())).await.unwrap();
    let base = format!(
        "{}/{}@{digest}",
        bench.registry.address,
        test_support::fake::REPOSITORY
    );
    (bench, base)
}

#[tokio::test]
async fn a_base_of_another_platform_is_refused_before_anything_is_pushed() {
    for engine in engines() {
        let (bench, base) = with_base(&engine).await;
        let manifests = bench.registry.state().manifests.len();
        for (dockerfile, platforms, said) in [
            (
                format!("FROM {base}\nCOPY file /\n"),
                "linux/arm64",
                "linux/amd64",
            ),
            (
                format!("FROM {base} AS b\nFROM b\nCOPY file /\n"),
                "linux/riscv64",
                "linux/amd64",
            ),
            // The stage's own word makes it no better, and hides it from the builder.
            (
                format!("FROM --platform=linux/amd64 {base}\nCOPY file /\n"),
                "linux/arm64",
                "linux/amd64",
            ),
            (
                format!("FROM --platform=$BUILDPLATFORM {base}\nCOPY file /\n"),
                "linux/arm64",
                "$BUILDPLATFORM",
            ),
        ] {
            let context = folder(&[("Dockerfile", &dockerfile), ("file", "content")]);
            let mut request = request(context.path());
            request.platforms = vec![Platform::parse(platforms).unwrap()];
            let error = match bench.builder.check(&request).await {
                Ok(_) => bench.publish(&request).await.unwrap_err(),
                Err(error) => error,
            };
            // Such an engine does not say of which platform one image alone is, which is no index.
            let is_unknown = engine.is_20() && said == "linux/amd64" && !dockerfile.contains("--platform");
            let said = if is_unknown { "an unknown platform" } else { said };
            assert!(
                matches!(&error, BuildError::BasePlatform { actual, .. } if actual == said),
                "{}: {dockerfile}: {error:?}",
                engine.name
            );
            assert_eq!(
                bench.registry.state().manifests.len(),
                manifests,
                "{}",
                engine.name
            );
        }
    }
}

#[tokio::test]
async fn what_is_not_the_images_own_base_may_be_of_another_platform() {
    for engine in engines() {
        let (bench, base) = with_base(&engine).await;
        for (dockerfile, platform) in [
            (format!("FROM {base}\nCOPY file /copied\n"), "linux/amd64"),
            (
                format!(
                    "FROM --platform=linux/amd64 {base} AS data\nFROM scratch\nCOPY --from=data /file /copied\n"
                ),
                "linux/arm64",
            ),
            ("FROM scratch\nCOPY file /copied\n".to_owned(), "linux/arm64"),
        ] {
            let context = folder(&[("Dockerfile", &dockerfile), ("file", "of the base")]);
            let mut request = request(context.path());
            request.platforms = vec![Platform::parse(platform).unwrap()];
            bench.builder.check(&request).await.unwrap();
            let digest = bench.publish(&request).await.unwrap();
            let image = Image::read(&bench.registry, digest);
            assert_eq!(image.file("copied").unwrap(), "of the base", "{}", engine.name);
            let architecture = platform.split_once('/').unwrap().1;
            assert_eq!(image.config["architecture"], architecture, "{}", engine.name);
        }
    }
}

const BOTH: [&str; 2] = ["linux/amd64", "linux/arm64"];

/// A program of each of two platforms: this machine's, and Debian's for arm64.
#[expect(
    clippy::disallowed_methods,
    reason = "what the scripts install, they name in a variable"
)]
fn programs(context: &Path) {
    let arm = std::env::var_os("TAGSHIP_TEST_ARM64_BUSYBOX").expect("`scripts/clients env` sets it");
    for (architecture, program) in [("amd64", "/bin/true".as_ref()), ("arm64", arm.as_os_str())] {
        std::fs::create_dir_all(context.join(architecture)).unwrap();
        std::fs::copy(program, context.join(architecture).join("busybox")).unwrap();
    }
}

/// A base image of both platforms, by digest.
async fn base_of_both(bench: &Bench) -> String {
    let dockerfile = "FROM scratch\nARG TARGETARCH\nCOPY $TARGETARCH/busybox /bin/busybox\n";
    let context = folder(&[("Dockerfile", dockerfile)]);
    programs(context.path());
    let digest = bench.publish(&of_platforms(context.path(), &BOTH)).await.unwrap();
    format!(
        "{}/{}@{digest}",
        bench.registry.address,
        test_support::fake::REPOSITORY
    )
}

fn of_platforms(context: &Path, platforms: &[&str]) -> BuildRequest {
    BuildRequest {
        platforms: platforms
            .iter()
            .map(|text| Platform::parse(text).unwrap())
            .collect(),
        ..request(context)
    }
}

/// The architecture of a program. Source: System V ABI, ELF header, `e_machine`.
fn architecture(program: &[u8]) -> &'static str {
    assert!(program.starts_with(b"\x7fELF"));
    match u16::from_le_bytes([program[18], program[19]]) {
        62 => "amd64",
        183 => "arm64",
        other => panic!("machine {other}"),
    }
}

#[tokio::test]
async fn each_child_of_an_index_holds_programs_of_its_platform() {
    for engine in engines()
        .into_iter()
        .filter(super::support::Engine::is_containerd)
    {
        let bench = Bench::new(&engine).await;
        let base = base_of_both(&bench).await;
        let context = folder(&[
            ("Dockerfile", &format!("FROM {base}\nCOPY file /\n")),
            ("file", "content"),
        ]);
        let request = of_platforms(context.path(), &BOTH);
        bench.builder.check(&request).await.unwrap();
        let digest = bench.publish(&request).await.unwrap();
        let Content::Index(index) = bench.manifest(&digest).content().unwrap() else {
            panic!("it is no index");
        };
        let children: Vec<(String, Digest)> = index
            .manifests
            .iter()
            .map(|child| (child.platform.as_ref().unwrap().to_string(), child.digest))
            .collect();
        let names: Vec<&str> = children.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, BOTH, "{}", engine.name);
        for (name, digest) in &children {
            let image = Image::read(&bench.registry, *digest);
            let said = image.config["architecture"].as_str().unwrap();
            assert_eq!(format!("linux/{said}"), *name);
            assert_eq!(
                architecture(&image.bytes("bin/busybox").unwrap()),
                said,
                "{}",
                engine.name
            );
        }
    }
}

/// Where this machine emulates the platform, the step runs; where it does not, the plan says so and names the ways out.
#[tokio::test]
async fn a_step_of_a_platform_that_does_not_run_is_found_before_the_build() {
    use tagship_domain::error::Diagnose as _;

    let is_emulated = Path::new("/proc/sys/fs/binfmt_misc/qemu-aarch64").exists();
    for engine in engines() {
        let bench = Bench::new(&engine).await;
        let step = "RUN [\"/bin/busybox\", \"true\"]\n";
        let context = folder(&[("Dockerfile", &format!("FROM busybox\n{step}"))]);
        let request = of_platforms(context.path(), &["linux/arm64"]);
        let checked = bench.builder.check(&request).await;
        if is_emulated {
            checked.unwrap();
            continue;
        }
        let error = checked.unwrap_err();
        let location = error.location().unwrap();
        assert_eq!(location.line, 2, "{}: {error}", engine.name);
        assert!(
            matches!(&error, BuildError::NoEmulation { builder, .. } if builder == "linux/amd64"),
            "{}: {error:?}",
            engine.name
        );
        let hint = error.hint().unwrap();
        for way in [
            "`builders`",
            "`docker/setup-qemu-action`",
            "`--platform=$BUILDPLATFORM`",
        ] {
            assert!(hint.contains(way), "{hint}");
        }
        assert!(bench.heard.log().notes.is_empty());

        // What runs on the engine's own platform needs none.
        let cross = format!(
            "FROM --platform=$BUILDPLATFORM busybox AS b\n{step}FROM scratch\nCOPY --from=b /bin/busybox /b\n"
        );
        let context = folder(&[("Dockerfile", &cross)]);
        let request = of_platforms(context.path(), &["linux/arm64"]);
        bench.builder.check(&request).await.unwrap();
        assert!(
            bench.heard.log().notes.is_empty(),
            "{:?}",
            bench.heard.log().notes
        );
    }
}
