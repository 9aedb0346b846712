//! An image never says a platform that what it begins with is not of.

use tagship::ports::{BuildError, Builder as _};
use tagship_domain::content::Platform;

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
