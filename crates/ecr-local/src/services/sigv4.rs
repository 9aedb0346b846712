//! Request signatures, verified as AWS does: recomputed from what arrived.
//!
//! Source: IAM user guide, "AWS Signature Version 4 for API requests".

use aws_sigv4::sign::v4::{calculate_signature, generate_signing_key};
use http::{HeaderMap, Method, Uri, header};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, Unit};
use secrecy::ExposeSecret as _;

use crate::state::clock::Clock;
use crate::state::iam::{BadCredentials, Iam, Principal};
use tagship_domain::reference::{Digest, Region};

const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// How far a request's time may be from the server's. Source: IAM user guide, "Signature Version 4 troubleshooting".
const TOLERANCE: SignedDuration = SignedDuration::from_mins(5);

/// Why a signature is not taken; the texts are AWS's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadSignature {
    #[error("Missing Authentication Token")]
    Missing,
    #[error("{0}")]
    Incomplete(String),
    #[error("The security token included in the request is invalid.")]
    UnknownKey,
    #[error("The security token included in the request is expired")]
    Expired,
    #[error("{0}")]
    Wrong(String),
}

/// A request whose body is known.
#[derive(Debug)]
pub(crate) struct SignedRequest<'a> {
    pub(crate) method: &'a Method,
    pub(crate) uri: &'a Uri,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) body: &'a [u8],
}

/// The parts of the `Authorization` header.
struct Authorization<'a> {
    key_id: &'a str,
    date: &'a str,
    region: &'a str,
    service: &'a str,
    signed_headers: Vec<&'a str>,
    signature: &'a str,
}

/// Who signed a request, and for where.
#[derive(Debug)]
pub(crate) struct Signer {
    pub(crate) principal: Principal,
    /// The endpoint's address does not say it here; the signature's scope does.
    pub(crate) region: Region,
}

/// Finds out who signed the request for `service`.
///
/// Credentials end by the emulator's clock. How old the signature is, is measured by the machine's, because clients sign by
/// that however far the emulator's is ahead.
pub(crate) fn verify(
    request: &SignedRequest<'_>,
    iam: &Iam,
    service: &str,
    clock: &Clock,
) -> Result<Signer, BadSignature> {
    let text = request
        .headers
        .get(header::AUTHORIZATION)
        .ok_or(BadSignature::Missing)?
        .to_str()
        .map_err(|_not_ascii| BadSignature::Incomplete("Authorization header is not ASCII.".to_owned()))?;
    let authorization = Authorization::parse(text)?;
    let token = text_of(request.headers, "x-amz-security-token");
    let (principal, secret) =
        iam.find(authorization.key_id, token, clock.now())
            .map_err(|bad| match bad {
                BadCredentials::Unknown => BadSignature::UnknownKey,
                BadCredentials::Expired => BadSignature::Expired,
            })?;
    let region = Region::parse(authorization.region).map_err(|_invalid| {
        BadSignature::Wrong(format!(
            "Credential should be scoped to a valid region, not '{}'. ",
            authorization.region.escape_debug()
        ))
    })?;
    if authorization.service != service {
        return Err(BadSignature::Wrong(format!(
            "Credential should be scoped to correct service: '{service}'. "
        )));
    }
    let amz_date = text_of(request.headers, "x-amz-date").ok_or_else(|| {
        BadSignature::Incomplete(
            "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.".to_owned(),
        )
    })?;
    let time = parse_time(amz_date)
        .ok_or_else(|| BadSignature::Incomplete("Date must be in ISO-8601 'basic format'.".to_owned()))?;
    check_time(time, clock.machine())?;
    if !amz_date.starts_with(authorization.date) {
        return Err(BadSignature::Wrong(
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP."
                .to_owned(),
        ));
    }
    for required in ["host", "x-amz-date", "x-amz-target"] {
        let present = request.headers.contains_key(required);
        if present && !authorization.signed_headers.contains(&required) {
            return Err(BadSignature::Wrong(format!(
                "'{required}' must be a signed header."
            )));
        }
    }
    let scope = format!(
        "{}/{}/{}/aws4_request",
        authorization.date, authorization.region, authorization.service
    );
    let canonical = canonical_request(request, &authorization.signed_headers);
    let to_sign = format!(
        "{ALGORITHM}\n{amz_date}\n{scope}\n{}",
        Digest::of(canonical.as_bytes()).hex()
    );
    let key = generate_signing_key(
        secret.expose_secret(),
        time.into(),
        authorization.region,
        authorization.service,
    );
    let expected = calculate_signature(key, to_sign.as_bytes());
    aws_lc_rs::constant_time::verify_slices_are_equal(
        expected.as_bytes(),
        authorization.signature.as_bytes(),
    )
    .map_err(|_differs| {
        BadSignature::Wrong(
            "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details."
                .to_owned(),
        )
    })?;
    Ok(Signer { principal, region })
}

impl<'a> Authorization<'a> {
    fn parse(text: &'a str) -> Result<Self, BadSignature> {
        let fields = text.strip_prefix(ALGORITHM).ok_or(BadSignature::Missing)?;
        let field = |name: &str| {
            fields
                .split(',')
                .find_map(|field| field.trim().strip_prefix(name)?.strip_prefix('='))
                .ok_or_else(|| {
                    BadSignature::Incomplete(format!("Authorization header requires '{name}' parameter."))
                })
        };
        let credential = field("Credential")?;
        let parts: Vec<&str> = credential.split('/').collect();
        let [key_id, date, region, service, "aws4_request"] = parts.as_slice() else {
            return Err(BadSignature::Incomplete(
                "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term".to_owned(),
            ));
        };
        Ok(Self {
            key_id,
            date,
            region,
            service,
            signed_headers: field("SignedHeaders")?.split(';').collect(),
            signature: field("Signature")?,
        })
    }
}

fn check_time(time: Timestamp, now: Timestamp) -> Result<(), BadSignature> {
    let shown = |time: Timestamp| {
        time.to_zoned(TimeZone::UTC)
            .strftime("%Y%m%dT%H%M%SZ")
            .to_string()
    };
    let shift = |by: SignedDuration| now.checked_add(by).unwrap_or(now);
    let (earliest, latest) = (shift(-TOLERANCE), shift(TOLERANCE));
    if time < earliest {
        return Err(BadSignature::Wrong(format!(
            "Signature expired: {} is now earlier than {} ({} - 5 min.)",
            shown(time),
            shown(earliest),
            shown(now)
        )));
    }
    if time > latest {
        return Err(BadSignature::Wrong(format!(
            "Signature not yet current: {} is still later than {} ({} + 5 min.)",
            shown(time),
            shown(latest),
            shown(now)
        )));
    }
    Ok(())
}

fn parse_time(text: &str) -> Option<Timestamp> {
    let time = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", text).ok()?;
    let time = time.to_zoned(TimeZone::UTC).ok()?.timestamp();
    time.round(Unit::Second).ok()
}

fn text_of<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// Source: IAM user guide, "Create a signed AWS API request", step 1.
fn canonical_request(request: &SignedRequest<'_>, signed_headers: &[&str]) -> String {
    let headers = signed_headers.iter().map(|name| {
        let values: Vec<String> = request
            .headers
            .get_all(*name)
            .iter()
            .map(|value| {
                String::from_utf8_lossy(value.as_bytes())
                    .split_ascii_whitespace()
                    .collect::<Vec<_>>()
                    .join(" ")
            })
            .collect();
        format!("{name}:{}\n", values.join(","))
    });
    let headers: String = headers.collect();
    let mut query: Vec<&str> = request
        .uri
        .query()
        .unwrap_or_default()
        .split('&')
        .filter(|pair| !pair.is_empty())
        .collect();
    query.sort_unstable();
    format!(
        "{}\n{}\n{}\n{headers}\n{}\n{}",
        request.method,
        request.uri.path(),
        query.join("&"),
        signed_headers.join(";"),
        Digest::of(request.body).hex()
    )
}
