//! What an engine asks a registry for when it pushes.
//!
//! Source: OCI distribution spec, "Pushing blobs", "Pushing manifests"; moby, `distribution/push_v2.go`; distribution,
//! `registry/client/blob_writer.go`.

use std::fmt::Display;
use std::sync::atomic::{AtomicU64, Ordering};

use aws_lc_rs::constant_time::verify_slices_are_equal;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::TryStreamExt as _;
use http::header::{AUTHORIZATION, CONNECTION, CONTENT_LENGTH, LOCATION, RANGE, WWW_AUTHENTICATE};
use http::response::Builder;
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyDataStream, BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use secrecy::ExposeSecret as _;
use serde::Deserialize;
use tokio::io::{AsyncBufRead, AsyncBufReadExt as _, AsyncReadExt as _};
use tokio_util::io::StreamReader;

use super::super::compression::{Pieces as _, compress};
use super::super::failure::Failure;
use super::unpacking::{Start, Unpacked};
use super::{Handover, REPOSITORY};
use crate::ports::{LoopbackRegistry, RunEvent};
use oci_registry::MAX_SMALL_BLOB;
use tagship_domain::content::MAX_MANIFEST_BYTES;
use tagship_domain::reference::Digest;

const DOCKER_CONTENT_DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");

/// What every gzip stream begins with. Source: RFC 1952, section 2.3.1.
const GZIP: [u8; 2] = [0x1f, 0x8b];

type Answer = Response<Full<Bytes>>;

/// The value of the header with the credential.
pub(super) fn authorization(own: &LoopbackRegistry) -> String {
    let pair = format!("{}:{}", own.username, own.password.expose_secret());
    format!("Basic {}", STANDARD.encode(pair))
}

#[derive(Deserialize)]
struct EnginesManifest {
    layers: Vec<EnginesLayer>,
}

#[derive(Deserialize)]
struct EnginesLayer {
    digest: Digest,
}

impl Handover<'_> {
    /// Answers one request. A failure ends the whole push, which an engine would begin again otherwise.
    pub(super) async fn answer(&self, request: Request<Incoming>) -> Answer {
        self.note_movement();
        let given = request.headers().get(AUTHORIZATION).map(HeaderValue::as_bytes);
        if given.is_none_or(|given| verify_slices_are_equal(given, self.authorization.as_bytes()).is_err()) {
            return empty(
                status(StatusCode::UNAUTHORIZED).header(WWW_AUTHENTICATE, "Basic realm=\"tagship\""),
            );
        }
        self.was_contacted.store(true, Ordering::SeqCst);
        self.answer_engine(request).await.unwrap_or_else(|failure| {
            drop(self.done.send(Err(failure)));
            empty(status(StatusCode::INTERNAL_SERVER_ERROR))
        })
    }

    async fn answer_engine(&self, request: Request<Incoming>) -> Result<Answer, Failure> {
        let path = request.uri().path().to_owned();
        let method = request.method().clone();
        if (&method, path.as_str()) == (&Method::GET, "/v2/") {
            return Ok(empty(status(StatusCode::OK)));
        }
        let place = path
            .strip_prefix("/v2/")
            .and_then(|path| path.strip_prefix(REPOSITORY))
            .and_then(|path| path.strip_prefix('/'))
            .unwrap_or_default();
        let upload = place.strip_prefix("blobs/uploads/");
        match (method, upload) {
            (Method::POST, Some("")) => {
                let session = super::random()?;
                Ok(next(&format!("{path}{session}"), 1))
            }
            (Method::PATCH, Some(session)) => {
                let size = self.take_blob(request.into_body(), session).await?;
                Ok(next(&path, size))
            }
            (Method::PUT, Some(_session)) => Ok(self.put_blob(request.uri().query().unwrap_or_default())),
            (Method::PUT, None) if place.starts_with("manifests/") => {
                self.take_manifest(request.into_body()).await
            }
            (Method::HEAD, None) => {
                let digest = place.strip_prefix("blobs/").unwrap_or_default();
                Ok(self.find_blob(digest))
            }
            _ => Ok(empty(status(StatusCode::NOT_FOUND))),
        }
    }

    /// Says that a known layer is here, and what the engine has put.
    fn find_blob(&self, digest: &str) -> Answer {
        let size = Digest::parse(digest).ok().and_then(|digest| {
            let image = self.image();
            let known = self.known();
            let layer = known.names.get(&digest).and_then(|diff_id| image.layer(diff_id));
            layer
                .map(|layer| layer.descriptor.size)
                .or_else(|| known.put.contains(&digest).then_some(1))
        });
        let Some(size) = size else {
            return empty(status(StatusCode::NOT_FOUND));
        };
        empty(
            status(StatusCode::OK)
                .header(CONTENT_LENGTH, size)
                .header(DOCKER_CONTENT_DIGEST, digest),
        )
    }

    /// Takes a layer or the config; gives the size to confirm, which engines compare for a config alone.
    async fn take_blob(&self, body: Incoming, session: &str) -> Result<usize, Failure> {
        let mut content = StreamReader::new(BodyDataStream::new(body).map_err(std::io::Error::other));
        if content.fill_buf().await?.starts_with(&GZIP) {
            self.take_layer(content, session).await?;
            return Ok(1);
        }
        let mut config = Vec::new();
        content.take(MAX_SMALL_BLOB).read_to_end(&mut config).await?;
        let size = config.len();
        self.image().add_config(config.into())?;
        Ok(size)
    }

    /// Takes a layer; of one whose beginning is that of a known one nothing more is read, until all is read to its end.
    async fn take_layer(
        &self,
        compressed: impl AsyncBufRead + Send + Unpin + 'static,
        session: &str,
    ) -> Result<(), Failure> {
        let mut layer = Unpacked::new(compressed);
        let start = layer.start().await?;
        if self.is_known(&start) {
            // Never answered before its end: an engine that is answered sooner still writes into the digest that it
            // reads then, and ends in a panic (seen with 28.5).
            let mut reads_known = self.reads_known.subscribe();
            drop(reads_known.wait_for(|is_so| *is_so).await);
            drop(reads_known);
            while layer.next().await?.is_some() {
                self.note_movement();
            }
            return Ok(());
        }
        let _permit = self.compressing.acquire().await;
        // What the engine sends has no name before its end, and several come at a time.
        let what = format!("layer {}", session.get(..6).unwrap_or(session));
        let report = |current, total| {
            self.reporter.event(RunEvent::Progress {
                what: &what,
                current,
                total,
            });
        };
        let read = AtomicU64::new(0);
        let compressed = compress(&mut layer, self.form, |current| {
            self.note_movement();
            read.store(current, Ordering::Relaxed);
            report(current, None);
        })
        .await;
        let read = read.into_inner();
        report(read, Some(read));
        let compressed = compressed?;
        if self.image().take_layer(compressed.found, &compressed.layer) {
            drop(self.done.send(Ok(compressed)));
        }
        Ok(())
    }

    /// Whether a layer that begins so need not be compressed: nothing is missing any more, or it is one that is known. Each of
    /// those comes once.
    fn is_known(&self, start: &Start) -> bool {
        let image = self.image();
        let mut known = self.known();
        let found = image.layers().find(|(diff_id, layer)| {
            let is_it = layer.original.is_some_and(|original| {
                let is_length = start.length.is_none_or(|length| length == original.length);
                original.beginning == start.beginning && is_length
            });
            is_it && !known.seen.contains(diff_id)
        });
        if let Some((diff_id, _)) = found {
            known.seen.push(*diff_id);
        }
        found.is_some() || !image.lacks_layers()
    }

    fn put_blob(&self, query: &str) -> Answer {
        let digest = url::form_urlencoded::parse(query.as_bytes())
            .find_map(|(name, value)| (name == "digest").then(|| Digest::parse(&value).ok())?);
        let Some(digest) = digest else {
            return empty(status(StatusCode::BAD_REQUEST));
        };
        self.known().put.push(digest);
        empty(
            status(StatusCode::CREATED)
                .header(LOCATION, format!("/v2/{REPOSITORY}/blobs/{digest}"))
                .header(DOCKER_CONTENT_DIGEST, digest.to_string()),
        )
    }

    /// Learns from the manifest, which lists layers as the config does, what the engine calls each.
    async fn take_manifest(&self, body: Incoming) -> Result<Answer, Failure> {
        let unreadable =
            |error: &dyn Display| Failure::malformed(format!("has no readable manifest: {error}"));
        let body = Limited::new(body, MAX_MANIFEST_BYTES).collect().await;
        let body = body.map_err(|error| unreadable(&error))?.to_bytes();
        let manifest: EnginesManifest = serde_json::from_slice(&body).map_err(|error| unreadable(&error))?;
        let image = self.image();
        if manifest.layers.len() != image.diff_ids().len() {
            return Err(Failure::malformed(
                "has a manifest with other layers than the image",
            ));
        }
        let names = manifest.layers.iter().map(|layer| layer.digest);
        self.known().names = names.zip(image.diff_ids().iter().copied()).collect();
        let digest = Digest::of(&body).to_string();
        Ok(empty(
            status(StatusCode::CREATED)
                .header(LOCATION, format!("/v2/{REPOSITORY}/manifests/{digest}"))
                .header(DOCKER_CONTENT_DIGEST, digest),
        ))
    }
}

/// Where an upload goes on, of which so many bytes have come.
fn next(location: &str, size: usize) -> Answer {
    empty(
        status(StatusCode::ACCEPTED)
            .header(LOCATION, location)
            .header(RANGE, format!("0-{}", size.saturating_sub(1))),
    )
}

/// Each connection is for one request, as engines have it: what is left of one is not read.
fn status(status: StatusCode) -> Builder {
    Response::builder().status(status).header(CONNECTION, "close")
}

/// An answer without a body. One whose headers cannot be sent is none.
fn empty(builder: Builder) -> Answer {
    builder.body(Full::default()).unwrap_or_default()
}
