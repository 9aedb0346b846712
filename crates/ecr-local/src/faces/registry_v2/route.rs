//! What a path under `/v2` asks for.

use axum::http::{Method, Uri};
use percent_encoding::percent_decode_str;

use super::error::OciError;
use crate::state::quirks::DigestRule;
use tagship_domain::reference::{Digest, Reference, RepositoryName, Tag};

/// What a request is for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Route {
    /// Whether the registry is there, and takes the login.
    Ping,
    /// The names of its repositories.
    Catalog,
    /// Something in a repository.
    Repository(RepositoryName, Endpoint),
}

/// What a request wants of a repository. `HEAD` goes with `GET`.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Endpoint {
    GetManifest(Reference),
    PutManifest(Reference),
    DeleteManifest(Reference),
    GetBlob(Digest),
    DeleteBlob(Digest),
    StartUpload,
    UploadStatus(String),
    UploadPart(String),
    CompleteUpload(String),
    CancelUpload(String),
    ListTags,
    ListReferrers(Digest),
}

impl Route {
    /// Reads method and path.
    pub(super) fn parse(method: &Method, uri: &Uri, digests: DigestRule) -> Result<Self, OciError> {
        let unknown = || OciError::new(404, "UNSUPPORTED", "no such endpoint");
        let path = percent_decode_str(uri.path())
            .decode_utf8()
            .map_err(|_not_text| unknown())?;
        let rest = path.strip_prefix("/v2").ok_or_else(unknown)?;
        if rest.is_empty() || rest == "/" {
            return Ok(Self::Ping);
        }
        let rest = rest.trim_start_matches('/');
        if rest == "_catalog" {
            return match *method {
                Method::GET => Ok(Self::Catalog),
                _ => Err(OciError::unsupported()),
            };
        }
        // A repository's name may have any of the words in it, so the path is read from its end.
        let (before, last) = rest.rsplit_once('/').ok_or_else(unknown)?;
        let (name, endpoint) = if let Some(name) = before.strip_suffix("/manifests") {
            (name, Self::manifest(method, last, digests)?)
        } else if let Some(name) = before.strip_suffix("/blobs/uploads") {
            (name, Self::upload(method, last)?)
        } else if let Some(name) = rest.strip_suffix("/blobs/uploads") {
            (name, Self::upload(method, "")?)
        } else if let Some(name) = before.strip_suffix("/blobs") {
            let digest = digest(last, digests)?;
            match *method {
                Method::GET | Method::HEAD => (name, Endpoint::GetBlob(digest)),
                Method::DELETE => (name, Endpoint::DeleteBlob(digest)),
                _ => return Err(OciError::unsupported()),
            }
        } else if let Some(name) = before.strip_suffix("/referrers") {
            let digest = digest(last, digests)?;
            match *method {
                Method::GET => (name, Endpoint::ListReferrers(digest)),
                _ => return Err(OciError::unsupported()),
            }
        } else if let Some(name) = rest.strip_suffix("/tags/list") {
            match *method {
                Method::GET => (name, Endpoint::ListTags),
                _ => return Err(OciError::unsupported()),
            }
        } else {
            return Err(unknown());
        };
        let name = RepositoryName::parse(name)
            .map_err(|invalid| OciError::new(400, "NAME_INVALID", invalid.to_string()))?;
        Ok(Self::Repository(name, endpoint))
    }

    fn manifest(method: &Method, reference: &str, digests: DigestRule) -> Result<Endpoint, OciError> {
        let reference = if reference.contains(':') {
            Reference::Digest(digest(reference, digests)?)
        } else {
            Reference::Tag(Tag::parse(reference).map_err(|invalid| {
                let message =
                    format!("Invalid parameter at 'imageTag' failed to satisfy constraint: '{invalid}'");
                let error = OciError::new(400, "UNSUPPORTED", message);
                match *method {
                    // What cannot be there is not found. Source: OCI distribution spec, "Pulling manifests".
                    Method::PUT => error.specified(400, "TAG_INVALID"),
                    _ => error.specified(404, "MANIFEST_UNKNOWN"),
                }
            })?)
        };
        match *method {
            Method::GET | Method::HEAD => Ok(Endpoint::GetManifest(reference)),
            Method::PUT => Ok(Endpoint::PutManifest(reference)),
            Method::DELETE => Ok(Endpoint::DeleteManifest(reference)),
            _ => Err(OciError::unsupported()),
        }
    }

    fn upload(method: &Method, id: &str) -> Result<Endpoint, OciError> {
        let id = id.to_owned();
        match *method {
            Method::POST if id.is_empty() => Ok(Endpoint::StartUpload),
            _ if id.is_empty() => Err(OciError::unsupported()),
            Method::GET => Ok(Endpoint::UploadStatus(id)),
            Method::PATCH => Ok(Endpoint::UploadPart(id)),
            Method::PUT => Ok(Endpoint::CompleteUpload(id)),
            Method::DELETE => Ok(Endpoint::CancelUpload(id)),
            _ => Err(OciError::unsupported()),
        }
    }

    pub(super) fn repository(&self) -> Option<&RepositoryName> {
        match self {
            Self::Ping | Self::Catalog => None,
            Self::Repository(name, _) => Some(name),
        }
    }

    /// What the request is about, for the journal.
    pub(super) fn reference(&self) -> Option<String> {
        match self {
            Self::Ping | Self::Catalog => None,
            Self::Repository(_, endpoint) => endpoint.reference(),
        }
    }

    /// The kind of request, for the journal.
    pub(super) fn operation(&self, method: &Method) -> &'static str {
        match self {
            Self::Ping => "Ping",
            Self::Catalog => "ListRepositories",
            Self::Repository(_, endpoint) => endpoint.operation(method == Method::HEAD),
        }
    }
}

impl Endpoint {
    fn reference(&self) -> Option<String> {
        match self {
            Self::GetManifest(reference) | Self::PutManifest(reference) | Self::DeleteManifest(reference) => {
                Some(reference.to_string())
            }
            Self::GetBlob(digest) | Self::DeleteBlob(digest) | Self::ListReferrers(digest) => {
                Some(digest.to_string())
            }
            Self::UploadStatus(id)
            | Self::UploadPart(id)
            | Self::CompleteUpload(id)
            | Self::CancelUpload(id) => Some(id.clone()),
            Self::StartUpload | Self::ListTags => None,
        }
    }

    fn operation(&self, head: bool) -> &'static str {
        match self {
            Self::GetManifest(_) if head => "HeadManifest",
            Self::GetManifest(_) => "GetManifest",
            Self::PutManifest(_) => "PutManifest",
            Self::DeleteManifest(_) => "DeleteManifest",
            Self::DeleteBlob(_) => "DeleteBlob",
            Self::GetBlob(_) if head => "HeadBlob",
            Self::GetBlob(_) => "GetBlob",
            Self::StartUpload => "StartUpload",
            Self::UploadStatus(_) => "UploadStatus",
            Self::UploadPart(_) => "UploadPart",
            Self::CompleteUpload(_) => "CompleteUpload",
            Self::CancelUpload(_) => "CancelUpload",
            Self::ListTags => "ListTags",
            Self::ListReferrers(_) => "ListReferrers",
        }
    }

    /// Whether nothing changes.
    pub(super) fn only_reads(&self) -> bool {
        matches!(
            self,
            Self::GetManifest(_) | Self::GetBlob(_) | Self::ListTags | Self::ListReferrers(_)
        )
    }

    /// Whether something is removed; ECR's data plane removes nothing but uploads.
    pub(super) fn deletes(&self) -> bool {
        matches!(self, Self::DeleteManifest(_) | Self::DeleteBlob(_))
    }

    /// The permissions that the request needs, in ECR or in ECR Public.
    ///
    /// Source: ECR user guide, "IAM permissions for pushing an image" and "… for pulling an image".
    pub(super) fn actions(&self, head: bool) -> &'static [&'static str] {
        match self {
            Self::GetManifest(_) | Self::ListReferrers(_) => &["BatchGetImage"],
            Self::PutManifest(_) => &["PutImage"],
            Self::DeleteManifest(_) | Self::DeleteBlob(_) => &["BatchDeleteImage"],
            Self::GetBlob(_) if head => &["BatchCheckLayerAvailability"],
            Self::GetBlob(_) => &["GetDownloadUrlForLayer"],
            Self::StartUpload => &["InitiateLayerUpload"],
            Self::UploadStatus(_) | Self::UploadPart(_) | Self::CancelUpload(_) => &["UploadLayerPart"],
            Self::CompleteUpload(_) => &["UploadLayerPart", "CompleteLayerUpload"],
            Self::ListTags => &["ListImages"],
        }
    }
}

fn digest(text: &str, digests: DigestRule) -> Result<Digest, OciError> {
    digests
        .parse(text)
        .map_err(|invalid| OciError::new(400, "DIGEST_INVALID", invalid.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(method: &Method, path: &str) -> Result<Route, u16> {
        Route::parse(method, &path.parse().unwrap(), DigestRule::AsEcr).map_err(|error| error.status())
    }

    fn name(text: &str) -> RepositoryName {
        RepositoryName::parse(text).unwrap()
    }

    #[test]
    fn names_may_hold_the_words_of_the_path() {
        assert_eq!(
            parse(&Method::POST, "/v2/team/blobs/uploads/blobs/uploads/"),
            Ok(Route::Repository(
                name("team/blobs/uploads"),
                Endpoint::StartUpload
            ))
        );
        assert_eq!(
            parse(&Method::GET, "/v2/a1/manifests/tags/list"),
            Ok(Route::Repository(name("a1/manifests"), Endpoint::ListTags))
        );
        assert_eq!(
            parse(&Method::PUT, "/v2/ab/manifests/manifests/1.0"),
            Ok(Route::Repository(
                name("ab/manifests"),
                Endpoint::PutManifest(Tag::parse("1.0").unwrap().into())
            ))
        );
    }

    #[test]
    fn digests_may_be_percent_encoded() {
        let digest = Digest::of(b"");
        let path = format!("/v2/ab/blobs/sha256%3A{}", digest.hex());
        assert_eq!(
            parse(&Method::HEAD, &path),
            Ok(Route::Repository(name("ab"), Endpoint::GetBlob(digest)))
        );
    }

    #[test]
    fn what_is_no_route_is_refused() {
        for (method, path, status) in [
            (Method::GET, "/v2/ab", 404),
            (Method::PUT, "/v2/_catalog", 405),
            (Method::GET, "/v2/ab/manifests/a+b", 400),
            (Method::GET, "/v2/ab/manifests/sha256:12", 400),
            (Method::GET, "/v2/../../etc/passwd/manifests/x", 400),
            (Method::PATCH, "/v2/ab/manifests/x", 405),
            (Method::GET, "/v2/ab/blobs/uploads/", 405),
            (Method::GET, "/v2/%ff/manifests/x", 404),
        ] {
            assert_eq!(parse(&method, path), Err(status), "{path}");
        }
    }
}
