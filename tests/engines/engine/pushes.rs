//! Pushing what was built, and what goes wrong with it.

use http::Method;
use tagship::ports::{BuildError, Builder as _, RegistryError};
use tagship_domain::build::{Compression, LayerForm};
use tagship_domain::content::Content;
use tagship_domain::error::{Diagnose as _, FailureKind, with_causes};
use tagship_domain::reference::{ImageName, RegistryHost, RepositoryName};

use super::image::Image;
use super::support::{Bench, engines, folder, request};
use test_support::fake::Fault;

#[tokio::test]
async fn a_registry_that_fails_for_a_while_gets_the_image_in_the_end() {
    for engine in engines() {
        let context = folder(&[("Dockerfile", "FROM busybox\nRUN echo x > /x\n")]);
        let bench = Bench::new(&engine).await;
        bench
            .registry
            .fail(Method::POST, "/blobs/uploads/", Fault::status(503));
        bench
            .registry
            .fail(Method::PUT, "/manifests/", Fault::status(500));
        bench.registry.fail(Method::PUT, "/manifests/", Fault::Reset);
        let digest = bench.publish(&request(context.path())).await.unwrap();
        assert_eq!(
            Image::read(&bench.registry, digest).file("x").unwrap(),
            "x\n",
            "{}",
            engine.name
        );
        let steps: Vec<String> = bench
            .heard
            .log()
            .steps
            .into_iter()
            .map(|step| step.name)
            .collect();
        assert_eq!(
            steps.iter().filter(|step| step.contains("RUN echo")).count(),
            1,
            "{steps:?}"
        );
    }
}

#[tokio::test]
async fn a_missing_repository_is_named() {
    for engine in engines() {
        let context = folder(&[("Dockerfile", "FROM scratch\nCOPY Dockerfile /\n")]);
        let bench = Bench::with_repository(&engine, "team/missing").await;
        let error = bench.publish(&request(context.path())).await.unwrap_err();
        let BuildError::Push(RegistryError::RepositoryMissing { repository, .. }) = &error else {
            panic!("{}: {error:?}", engine.name);
        };
        assert_eq!(repository.as_str(), "team/missing");
        assert!(error.hint().unwrap().contains("ecr create-repository"));
    }
}

#[tokio::test]
async fn a_refused_credential_is_told_as_such() {
    for engine in engines() {
        let context = folder(&[("Dockerfile", "FROM scratch\nCOPY Dockerfile /\n")]);
        let bench = Bench::new(&engine).await;
        bench.registry.state().password = Some("another".to_owned());
        let error = bench.publish(&request(context.path())).await.unwrap_err();
        assert!(
            matches!(error, BuildError::Push(RegistryError::Unauthorized { .. })),
            "{}: {error:?}",
            engine.name
        );
        assert_eq!(error.kind(), FailureKind::Credentials);
    }
}

#[tokio::test]
async fn a_login_that_fails_is_told_in_its_own_words() {
    for engine in engines()
        .into_iter()
        .filter(super::support::Engine::is_containerd)
    {
        let context = folder(&[("Dockerfile", "FROM scratch\nCOPY Dockerfile /\n")]);
        let bench = Bench::without_login(&engine).await;
        let error = bench.publish(&request(context.path())).await.unwrap_err();
        let host = bench.registry.host();
        assert_eq!(
            with_causes(&error),
            format!(
                "no credential for registry `{host}`: logging in with registry `{host}` failed: no token today"
            )
        );
    }
}

/// The address that containers and other machines see this one by.
#[tokio::test]
async fn an_engine_pushes_to_its_bridges_gateway_too() {
    for engine in engines() {
        let format = "{{(index .IPAM.Config 0).Gateway}}";
        let gateway = engine
            .docker(&["network", "inspect", "bridge", "--format", format])
            .await;
        let gateway = String::from_utf8(gateway).unwrap();
        let context = folder(&[("Dockerfile", "FROM scratch\nCOPY Dockerfile /\n")]);
        let bench = Bench::at(&engine, &format!("{}:0", gateway.trim())).await;
        let digest = bench.publish(&request(context.path())).await.unwrap();
        assert!(
            bench.registry.state().manifests.contains_key(&digest),
            "{}",
            engine.name
        );
        let image = ImageName {
            registry: RegistryHost::parse(&bench.registry.address.to_string()).unwrap(),
            repository: RepositoryName::parse(test_support::fake::REPOSITORY).unwrap(),
        };
        assert!(image.to_string().starts_with(gateway.trim()));
    }
}

#[tokio::test]
async fn layers_have_the_form_that_is_asked_for_or_nothing_is_built() {
    for engine in engines() {
        let context = folder(&[("Dockerfile", "FROM scratch\nCOPY Dockerfile /\n")]);
        let bench = Bench::new(&engine).await;
        let mut request = request(context.path());
        for (form, level, suffix) in [
            (LayerForm::Gzip, Some(9), "+gzip"),
            (LayerForm::Uncompressed, None, ""),
            (LayerForm::Zstd, Some(3), "+zstd"),
        ] {
            request.options.compression = Compression {
                form,
                level,
                converts: true,
            };
            let checked = bench.builder.check(&request).await;
            checked.unwrap();
            // The engine has it in another form already.
            let digest = bench.publish(&request).await.unwrap();
            let Content::Image(image) = bench.manifest(&digest).content().unwrap() else {
                panic!("an index");
            };
            let media_type = format!("application/vnd.oci.image.layer.v1.tar{suffix}");
            assert_eq!(image.layers[0].media_type, media_type, "{}", engine.name);
        }
    }
}
