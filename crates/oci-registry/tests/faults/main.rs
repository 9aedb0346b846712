//! Everything that can go wrong at every request of a push, with what must be true afterwards.
//!
//! A push is what the product does: blobs, manifest by digest, read-back, then the tag. After each fault nothing is
//! published that is not whole, the error says what failed and what to do, and a second push converges to what an undisturbed
//! one leaves.

#![expect(
    clippy::expect_used,
    reason = "what test functions call fails by panicking too"
)]

mod registry;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use oci_registry::{
    Client, LoginError, ReadRepository as _, RegistryCredential, RegistryError, RegistryLogin, RetryPolicy,
    WriteRepository as _, http_client, verify,
};
use registry::{Fault, Operation, Registry};
use tagship_domain::content::{Descriptor, Manifest, OCI_CONFIG, OCI_LAYER_GZIP, OCI_MANIFEST};
use tagship_domain::error::Diagnose as _;
use tagship_domain::reference::{Digest, ImageName, Reference, RegistryHost, RepositoryName, Tag};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

/// Pauses that do not matter to a test's length.
const POLICY: RetryPolicy = RetryPolicy {
    answer: Duration::from_millis(400),
    stall: Duration::from_millis(400),
    commit: Duration::from_millis(400),
    first_pause: Duration::from_millis(1),
    longest_pause: Duration::from_millis(3),
    repetitions: 3,
    operation: Duration::from_secs(5),
};

const TAG: &str = "1.0.0";

/// What a fault comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// The push goes on.
    Recovers,
    /// The push ends with an error of this kind.
    Fails(Kind),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Unavailable,
    Mismatch,
    Refused,
    Overtaken,
}

impl Kind {
    fn of(error: &RegistryError) -> Option<Self> {
        match error {
            RegistryError::Unavailable { .. } => Some(Self::Unavailable),
            RegistryError::ContentMismatch { .. } => Some(Self::Mismatch),
            RegistryError::Refused { .. } => Some(Self::Refused),
            RegistryError::TagTaken { .. } => Some(Self::Overtaken),
            _ => None,
        }
    }
}

/// Gives `secret-1`, and another each time one is refused.
struct Login(AtomicUsize);

#[async_trait]
impl RegistryLogin for Login {
    async fn credential(&self, _: &RegistryHost) -> Result<RegistryCredential, LoginError> {
        Ok(RegistryCredential {
            username: "AWS".to_owned(),
            password: format!("secret-{}", self.0.load(Ordering::SeqCst)).into(),
        })
    }

    async fn forget(&self, _: &RegistryHost) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

fn client(registry: &Registry) -> Client {
    let image = ImageName {
        registry: RegistryHost::parse(&registry.address.to_string()).expect("a host"),
        repository: RepositoryName::parse("team/app").expect("a name"),
    };
    let http = http_client("faults").expect("a client");
    let login = Arc::new(Login(AtomicUsize::new(1)));
    let client = Client::new(image, http, login).expect("an address");
    client.with_retry_policy(POLICY)
}

/// An image of one layer.
struct Image {
    layer: Vec<u8>,
    config: Vec<u8>,
    manifest: Manifest,
}

impl Image {
    fn new(content: &str) -> Self {
        let layer = content.repeat(40).into_bytes();
        let config = serde_json::json!({
            "architecture": "amd64", "os": "linux", "rootfs": {"diff_ids": [Digest::of(&layer)]},
        });
        let config = config.to_string().into_bytes();
        let manifest = serde_json::json!({
            "schemaVersion": 2,
            "config": Descriptor::new(OCI_CONFIG, Digest::of(&config), config.len() as u64),
            "layers": [Descriptor::new(OCI_LAYER_GZIP, Digest::of(&layer), layer.len() as u64)],
        });
        Self {
            layer,
            config,
            manifest: Manifest::new(OCI_MANIFEST, manifest.to_string()),
        }
    }

    /// Pushes it as the product does; a stream that broke off is sent again by whoever has it.
    async fn push(&self, client: &Client) -> Result<(), RegistryError> {
        let digest = Digest::of(&self.layer);
        let mut tries = 0;
        while client.blob_size(&digest).await? != Some(self.layer.len() as u64) {
            tries += 1;
            let pieces: Vec<_> = self
                .layer
                .chunks(97)
                .map(Bytes::copy_from_slice)
                .map(Ok)
                .collect();
            let sent = client
                .upload(&digest, self.layer.len() as u64, stream::iter(pieces).boxed())
                .await;
            match sent {
                Err(error) if !error.is_transient() || tries > POLICY.repetitions => return Err(error),
                Err(_) => {}
                Ok(()) => break,
            }
        }
        client.put_blob(self.config.clone().into()).await?;
        let by_digest = Reference::Digest(self.manifest.digest());
        client.put_manifest(&by_digest, &self.manifest).await?;
        let verified = verify(&self.manifest.digest(), client).await?;
        let tag = Tag::parse(TAG).expect("a tag");
        let put = client
            .put_manifest(&Reference::Tag(tag.clone()), &verified.manifest)
            .await;
        // Who has a tag that is taken decides.
        let found = client.resolve(std::slice::from_ref(&tag)).await?;
        match put {
            Err(RegistryError::TagTaken { .. }) | Ok(()) => {}
            Err(error) => return Err(error),
        }
        match found.get(&tag) {
            Some(found) if *found == self.manifest => Ok(()),
            _ => Err(RegistryError::TagTaken { tag }),
        }
    }
}

/// A host that no request may come to; whether one came.
async fn trap() -> (std::net::SocketAddr, Arc<AtomicBool>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let address = listener.local_addr().expect("it is bound");
    let caught = Arc::new(AtomicBool::new(false));
    let noted = Arc::clone(&caught);
    tokio::spawn(async move {
        while listener.accept().await.is_ok() {
            noted.store(true, Ordering::SeqCst);
        }
    });
    (address, caught)
}

/// Pushes with a fault, then without; checks what must be true after each.
async fn strike(operation: Operation, fault: Fault, times: usize) -> Result<(), Kind> {
    let what = format!("{operation:?} {fault:?} ×{times}");
    let registry = Registry::start().await;
    let image = Image::new("a");
    registry.state().fault = Some((operation, fault.clone(), times));
    let pushed = tokio::time::timeout(Duration::from_secs(30), image.push(&client(&registry))).await;
    let pushed = pushed.unwrap_or_else(|_| panic!("{what}: it does not end"));
    assert!(registry.state().struck > 0, "{what}: nothing struck");
    check(&registry, &what);
    let outcome = match &pushed {
        Ok(()) => {
            assert_eq!(
                registry.state().tags.get(TAG),
                Some(&image.manifest.digest()),
                "{what}"
            );
            Ok(())
        }
        Err(error) => {
            let kind = Kind::of(error).unwrap_or_else(|| panic!("{what}: {error:?}"));
            let host = registry.address.to_string();
            let text = error.to_string();
            match kind {
                Kind::Unavailable => {
                    assert!(text.contains(&host), "{what}: {text}");
                    assert!(
                        error.hint().is_some_and(|hint| hint.contains("run again")),
                        "{what}"
                    );
                }
                Kind::Refused => assert!(text.contains(&host), "{what}: {text}"),
                Kind::Mismatch => assert!(text.contains("sha256:"), "{what}: {text}"),
                Kind::Overtaken => assert!(text.contains(TAG), "{what}: {text}"),
            }
            assert!(!format!("{text} {error:?}").contains("secret"), "{what}: {text}");
            Err(kind)
        }
    };
    registry.state().fault = None;
    let again = image.push(&client(&registry)).await;
    if matches!(fault, Fault::Overtaken) {
        assert!(
            matches!(again, Err(RegistryError::TagTaken { .. })),
            "{what}: {again:?}"
        );
    } else {
        again.unwrap_or_else(|error| panic!("{what}: the second push: {error}"));
        let state = registry.state();
        assert_eq!(
            (state.blobs.len(), state.manifests.len(), state.tags.len()),
            (2, 1, 1),
            "{what}"
        );
    }
    check(&registry, &what);
    outcome
}

/// What is there is what its digest says, and what is tagged is whole.
fn check(registry: &Registry, what: &str) {
    let state = registry.state();
    for (digest, content) in state.blobs.iter().chain(&state.manifests) {
        assert_eq!(*digest, Digest::of(content), "{what}");
    }
    for digest in state.tags.values() {
        assert!(state.manifests.contains_key(digest), "{what}");
    }
    if let Some(digest) = state.tags.get(TAG)
        && *digest == Image::new("a").manifest.digest()
    {
        assert_eq!(state.blobs.len(), 2, "{what}: tagged before it was whole");
    }
}

/// Strikes many times, several at a time; gives what did not come out as expected.
async fn strikes(cases: Vec<(Operation, Fault, usize, Outcome)>) {
    let struck = stream::iter(cases).map(|(operation, fault, times, expected)| async move {
        let text = format!("{operation:?} {fault:?} ×{times}");
        let found = match strike(operation, fault, times).await {
            Ok(()) => Outcome::Recovers,
            Err(kind) => Outcome::Fails(kind),
        };
        (found != expected).then(|| format!("{text}: {found:?} in place of {expected:?}"))
    });
    let wrong: Vec<String> = struck
        .buffer_unordered(16)
        .filter_map(std::future::ready)
        .collect()
        .await;
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// More often than any request is repeated.
const ALWAYS: usize = usize::MAX;

#[tokio::test(flavor = "multi_thread")]
async fn what_passes_is_survived_and_what_stays_is_named() {
    let mut cases = Vec::new();
    for operation in Operation::ALL {
        for status in [408, 429, 500, 502, 503, 504] {
            let fault = Fault::Answer(status, "Retry-After: 0\r\n", "busy");
            cases.push((operation, fault.clone(), 1, Outcome::Recovers));
            cases.push((operation, fault, ALWAYS, Outcome::Fails(Kind::Unavailable)));
        }
        // The disk is full where the registry is.
        let full = Fault::Answer(
            507,
            "",
            r#"{"errors":[{"code":"UNKNOWN","message":"no space left on device"}]}"#,
        );
        cases.push((operation, full, ALWAYS, Outcome::Fails(Kind::Unavailable)));
        cases.push((operation, Fault::Stall, 1, Outcome::Recovers));
        cases.push((operation, Fault::Stall, ALWAYS, Outcome::Fails(Kind::Unavailable)));
        cases.push((operation, Fault::StallAnswer(20), 1, Outcome::Recovers));
        cases.push((operation, Fault::Slow, 1, Outcome::Recovers));
        cases.push((
            operation,
            Fault::ResetAnswer(0),
            ALWAYS,
            Outcome::Fails(Kind::Unavailable),
        ));
    }
    strikes(cases).await;
}

/// The layer, the config and the manifests are sent, and all operations answered: a reset at any of these bytes.
#[tokio::test(flavor = "multi_thread")]
async fn a_connection_may_end_at_any_byte() {
    let registry = Registry::start().await;
    Image::new("a")
        .push(&client(&registry))
        .await
        .expect("nothing is wrong");
    let lengths = registry.state().lengths.clone();
    let mut cases = Vec::new();
    for (at, (operation, (sent, answered))) in lengths.into_iter().enumerate() {
        // Every operation has other steps, so that together they meet all parts of what is sent.
        let step = if cfg!(debug_assertions) { 11 + at } else { 1 };
        for byte in (0..=sent).step_by(step).filter(|_| sent > 0) {
            cases.push((operation, Fault::ResetRequest(byte), 1, Outcome::Recovers));
        }
        for byte in (0..answered).step_by(step) {
            cases.push((operation, Fault::ResetAnswer(byte), 1, Outcome::Recovers));
            cases.push((operation, Fault::Truncate(byte), 1, Outcome::Recovers));
        }
    }
    strikes(cases).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn other_content_is_never_taken() {
    let mismatch = Outcome::Fails(Kind::Mismatch);
    let cases = vec![
        (Operation::PutBlob, Fault::FlippedRequest, 1, Outcome::Recovers),
        (
            Operation::PutBlob,
            Fault::FlippedRequest,
            ALWAYS,
            Outcome::Fails(Kind::Unavailable),
        ),
        (
            Operation::PutManifest,
            Fault::FlippedRequest,
            1,
            Outcome::Fails(Kind::Refused),
        ),
        (Operation::PutBlob, Fault::OtherDigest, 1, mismatch),
        (Operation::PutManifest, Fault::OtherDigest, 1, mismatch),
        (Operation::PutTag, Fault::OtherDigest, 1, mismatch),
        (Operation::GetManifest, Fault::OtherDigest, 1, mismatch),
        (Operation::GetManifest, Fault::FlippedAnswer, 1, mismatch),
        (Operation::GetBlob, Fault::FlippedAnswer, 1, mismatch),
        (Operation::GetTag, Fault::FlippedAnswer, 1, mismatch),
        (
            Operation::PutTag,
            Fault::Overtaken,
            1,
            Outcome::Fails(Kind::Overtaken),
        ),
        (
            Operation::GetTag,
            Fault::Overtaken,
            1,
            Outcome::Fails(Kind::Overtaken),
        ),
    ];
    strikes(cases).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_goes_to_no_other_host() {
    let (elsewhere, caught) = trap().await;
    let refused = Outcome::Fails(Kind::Refused);
    let writes = [
        Operation::StartUpload,
        Operation::PutBlob,
        Operation::PutManifest,
        Operation::PutTag,
    ];
    let cases = writes.map(|operation| (operation, Fault::Elsewhere(elsewhere), ALWAYS, refused));
    strikes(cases.to_vec()).await;
    assert!(!caught.load(Ordering::SeqCst), "a request followed");
}

/// A host that answers every request with `content`; what came to it, as text.
async fn storage(content: Vec<u8>) -> (std::net::SocketAddr, Arc<Mutex<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let address = listener.local_addr().expect("it is bound");
    let asked = Arc::new(Mutex::new(String::new()));
    let noted = Arc::clone(&asked);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                let Ok(byte) = stream.read_u8().await else { break };
                request.push(byte);
            }
            *noted.lock().expect("it is whole") += &String::from_utf8_lossy(&request);
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                content.len()
            );
            let answer = [head.as_bytes(), &content].concat();
            drop(stream.write_all(&answer).await);
        }
    });
    (address, asked)
}

/// As ECR leads to S3: the address itself says what may be read, and the registry's password is not the storage's to know.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_read_elsewhere_is_asked_for_without_the_credential() {
    let registry = Registry::start().await;
    registry.state().password = Some("secret-1");
    let image = Image::new("a");
    let client = client(&registry);
    image.push(&client).await.expect("nothing is wrong");
    let config = Descriptor::new(OCI_CONFIG, Digest::of(&image.config), image.config.len() as u64);
    let (elsewhere, asked) = storage(image.config.clone()).await;
    registry.state().fault = Some((Operation::GetBlob, Fault::Elsewhere(elsewhere), ALWAYS));
    let read = client.blob(&config).await.expect("it is followed");
    assert_eq!(read, image.config);
    let asked = std::mem::take(&mut *asked.lock().expect("it is whole")).to_lowercase();
    assert!(asked.starts_with("get /taken"), "{asked}");
    assert!(
        !asked.contains("authorization") && !asked.contains("secret"),
        "{asked}"
    );
    // What is read there is what its digest says, or nothing.
    let (other, _) = storage(vec![b'x'; image.config.len()]).await;
    registry.state().fault = Some((Operation::GetBlob, Fault::Elsewhere(other), ALWAYS));
    let error = client.blob(&config).await.expect_err("it is other content");
    assert_eq!(Kind::of(&error), Some(Kind::Mismatch), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_is_lost_is_begun_again() {
    let lost = Fault::Answer(
        404,
        "",
        r#"{"errors":[{"code":"BLOB_UPLOAD_UNKNOWN","message":"no such upload"}]}"#,
    );
    strikes(vec![
        (Operation::PutBlob, lost.clone(), 1, Outcome::Recovers),
        (
            Operation::PutBlob,
            lost,
            ALWAYS,
            Outcome::Fails(Kind::Unavailable),
        ),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_expires_at_any_request_is_replaced() {
    for requests in 0..9 {
        let registry = Registry::start().await;
        let image = Image::new("a");
        registry.state().password = Some("secret-1");
        let client = client(&registry);
        let pushing = image.push(&client);
        let expiring = async {
            while registry.state().lengths.len() < requests {
                tokio::task::yield_now().await;
            }
            registry.state().password = Some("secret-2");
        };
        let (pushed, ()) = tokio::join!(pushing, async {
            drop(tokio::time::timeout(Duration::from_secs(2), expiring).await);
        });
        pushed.unwrap_or_else(|error| panic!("after {requests}: {error}"));
        check(&registry, "a token expires");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_pushes_to_one_tag_one_has_it_whole_and_the_other_says_so() {
    for _ in 0..20 {
        let registry = Registry::start().await;
        let (one, other) = (Image::new("a"), Image::new("b"));
        let (first, second) = (client(&registry), client(&registry));
        let (one_pushed, other_pushed) = tokio::join!(one.push(&first), other.push(&second));
        let won = registry.state().tags[TAG];
        for (image, pushed) in [(one, one_pushed), (other, other_pushed)] {
            if image.manifest.digest() == won {
                pushed.expect("it has the tag");
            } else {
                assert!(
                    matches!(pushed, Err(RegistryError::TagTaken { .. })),
                    "{pushed:?}"
                );
            }
        }
        assert_eq!(registry.state().blobs.len(), 4);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_fails_publishes_nothing_and_is_named() {
    let registry = Registry::start().await;
    let image = Image::new("a");
    let digest = Digest::of(&image.layer);
    let full = std::io::Error::new(std::io::ErrorKind::StorageFull, "no space left on device");
    let pieces = vec![Ok(Bytes::copy_from_slice(&image.layer[..10])), Err(full)];
    let length = image.layer.len() as u64;
    let error = client(&registry)
        .upload(&digest, length, stream::iter(pieces).boxed())
        .await
        .expect_err("the source fails");
    assert!(
        matches!(&error, RegistryError::Source(message) if message.contains("no space left")),
        "{error:?}"
    );
    assert!(registry.state().blobs.is_empty());
    image
        .push(&client(&registry))
        .await
        .expect("nothing is wrong any more");
}
