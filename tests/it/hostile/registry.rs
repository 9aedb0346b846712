//! A registry that answers anything with anything, and one that lies.

use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use tagship::ports::{ReadRepository as _, RegistryError, WriteRepository as _};
use tagship_domain::content::{Descriptor, Manifest, OCI_CONFIG, OCI_MANIFEST};
use tagship_domain::reference::{Digest, Reference, Tag};
use test_support::fake::{Fake, IMPATIENT, REPOSITORY};

use super::{SOON, answer, no_answers, peer};

fn attacks() -> Vec<(&'static str, Vec<u8>)> {
    let ok = |headers: &str, body: &str| answer("200 OK", headers, body);
    let error = |body: &str| answer("400 Bad Request", "", body);
    let digest = Digest::of(b"another");
    let mut all = no_answers();
    all.extend([
        ("another digest", ok(&format!("Docker-Content-Digest: {digest}\r\n"), "{}")),
        ("a digest that is none", ok("Docker-Content-Digest: sha256:..\r\n", "{}")),
        ("a manifest that is too long", ok("Content-Type: application/vnd.oci.image.manifest.v1+json\r\n", &" ".repeat(5 << 20))),
        ("a manifest of manifests", ok("Content-Type: application/vnd.oci.image.index.v1+json\r\n", "{\"schemaVersion\":2,\"manifests\":[{\"digest\":\"sha256:zz\",\"size\":-1,\"mediaType\":\"x\"}]}")),
        ("tags that are none", ok("", "{\"name\":\"x\",\"tags\":[\"../..\",\"\\u001b[31m\",\"\"]}")),
        ("tags that are numbers", ok("", "{\"tags\":[1,2]}")),
        ("a next page elsewhere", ok("Link: <http://127.0.0.1:1/v2/x/tags/list>; rel=\"next\"\r\n", "{\"tags\":[\"a\"]}")),
        ("the same page again", ok("Link: </v2/team/app/tags/list?last=a>; rel=\"next\"\r\n", "{\"tags\":[\"a\"]}")),
        ("a link that is none", ok("Link: <<<>>>; rel=next\r\n", "{\"tags\":[\"a\"]}")),
        ("an upload elsewhere", answer("202 Accepted", "Location: http://127.0.0.1:1/steal\r\n", "")),
        ("an upload at no address", answer("202 Accepted", "Location: \\\\:\r\n", "")),
        ("an upload without an address", answer("202 Accepted", "", "")),
        ("created at once", answer("201 Created", "Docker-Content-Digest: sha256:00\r\n", "")),
        ("a code that is too long", error(&format!("{{\"errors\":[{{\"code\":\"{}\",\"message\":\"m\"}}]}}", "A".repeat(1 << 20)))),
        ("an error with controls", error("{\"errors\":[{\"code\":\"DENIED\",\"message\":\"\\u001b[31m\\u202e::add-mask::a\"}]}")),
        ("no errors", error("{\"errors\":[]}")),
        ("come again in a century", answer("429 Too Many Requests", "Retry-After: 4000000000\r\n", "")),
        ("come again yesterday", answer("503 Service Unavailable", "Retry-After: -1\r\n", "")),
    ]);
    all
}

/// What a client asks, and what it must not believe.
async fn ask(fake: &Fake, what: &str) -> usize {
    let (repository, _) = fake.client_with(REPOSITORY, IMPATIENT);
    let content = Bytes::from_static(b"content");
    let digest = Digest::of(&content);
    let manifest = Manifest::new(OCI_MANIFEST, br#"{"schemaVersion":2}"#.to_vec());
    let tag = Tag::parse("1.0.0").unwrap();
    let (mut errors, mut asked) = (Vec::new(), 0);
    let mut note = |error: Option<RegistryError>| {
        asked += 1;
        errors.extend(error.map(|error| error.to_string()));
    };
    // The content is known by its digest: no other one is taken for it.
    let read = repository.manifest(&manifest.digest()).await;
    assert!(!matches!(read, Ok(Some(_))), "{what} was taken for a manifest");
    note(read.err());
    let read = repository.blob(&Descriptor::new(OCI_CONFIG, digest, 7)).await;
    assert!(read.is_err(), "{what} was taken for a blob");
    note(read.err());
    // Each of these may succeed: an answer is all that there is to believe.
    note(repository.resolve(std::slice::from_ref(&tag)).await.err());
    let sent = repository.upload(&digest, 7, Box::pin(stream::iter([Ok(content.clone())])));
    note(sent.await.err());
    note(repository.list_tags().await.err());
    note(repository.blob_size(&digest).await.err());
    note(repository.put_blob(content).await.err());
    note(
        repository
            .put_manifest(&Reference::Tag(tag), &manifest)
            .await
            .err(),
    );
    for error in errors {
        assert!(
            !error.chars().any(tagship_domain::untrusted::is_hidden),
            "{what}: {error:?}"
        );
        assert!(error.len() < 2_000, "{what}: {} bytes", error.len());
    }
    asked
}

#[tokio::test]
async fn no_registry_harms_or_deceives_its_client() {
    let attacks = attacks();
    let mut asked = 0;
    for (what, bytes) in &attacks {
        let fake = Fake::at(peer(bytes.clone()));
        asked += tokio::time::timeout(SOON, ask(&fake, what))
            .await
            .unwrap_or_else(|_| panic!("{what}: it does not end"));
    }
    assert!(asked >= 400, "{asked} requests against {} answers", attacks.len());
}

/// One byte now and then keeps nothing alive for ever.
#[tokio::test]
async fn a_registry_that_dribbles_is_left() {
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n";
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let fake = Fake::at(listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            tokio::spawn(async move {
                use tokio::io::AsyncWriteExt as _;
                connection.write_all(head.as_bytes()).await.ok();
                while connection.write_all(b" ").await.is_ok() {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            });
        }
    });
    let patience = oci_registry::RetryPolicy {
        answer: Duration::from_millis(300),
        operation: Duration::from_secs(1),
        ..IMPATIENT
    };
    let (repository, _) = fake.client_with(REPOSITORY, patience);
    let began = std::time::Instant::now();
    assert!(repository.list_tags().await.is_err());
    assert!(repository.manifest(&Digest::of(b"")).await.is_err());
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
}
