use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, GeneralSubtree,
    IsCa, Issuer, KeyPair, KeyUsagePurpose, NameConstraints,
};
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::pki_types::PrivateKeyDer;
use rustls::sign::CertifiedKey;

use crate::error::LocalError;
use crate::hosts::{self, DOMAINS, ISSUER_HOST};

/// How long the authority is good for, and how long a server's certificate: as public ones are at most.
const AUTHORITY_LIFE: SignedDuration = SignedDuration::from_hours(10 * 365 * 24);
const SERVER_LIFE: SignedDuration = SignedDuration::from_hours(397 * 24);

/// Vouches for the emulated endpoints.
pub(super) struct Authority {
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    /// Reads the authority in `data`, or makes it; gives the file of its certificate too. Blocks.
    pub(super) fn open(data: &Path) -> Result<(Self, PathBuf), LocalError> {
        let folder = data.join("tls");
        let (certificate, key) = (folder.join("ca.crt"), folder.join("ca.key"));
        let unusable = |path: &Path, problem: rcgen::Error| LocalError::Tls {
            path: path.to_owned(),
            problem: problem.to_string(),
        };
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&folder)
            .map_err(LocalError::data(&folder))?;
        let pair = match fs::read_to_string(&key) {
            Ok(text) => KeyPair::from_pem(&text).map_err(|problem| unusable(&key, problem))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let pair = KeyPair::generate().map_err(|problem| unusable(&key, problem))?;
                write(&key, &pair.serialize_pem(), 0o600).map_err(LocalError::data(&key))?;
                pair
            }
            Err(error) => return Err(LocalError::data(&key)(error)),
        };
        let params = Self::params().map_err(|problem| unusable(&certificate, problem))?;
        if !certificate.try_exists().map_err(LocalError::data(&certificate))? {
            let signed = params
                .self_signed(&pair)
                .map_err(|problem| unusable(&certificate, problem))?;
            write(&certificate, &signed.pem(), 0o644).map_err(LocalError::data(&certificate))?;
        }
        let issuer = Issuer::new(params, pair);
        Ok((Self { issuer }, certificate))
    }

    /// What the authority says of itself. Who trusts it trusts it for the emulated domains only.
    fn params() -> Result<CertificateParams, rcgen::Error> {
        let mut params = params(Vec::new(), "Tagship embedded ECR, authority", AUTHORITY_LIFE)?;
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let alone = [
            hosts::PUBLIC_REGISTRY,
            hosts::PUBLIC_REGISTRY_DUAL,
            ISSUER_HOST,
            "localhost",
        ];
        params.name_constraints = Some(NameConstraints {
            permitted_subtrees: DOMAINS
                .iter()
                .chain(&alone)
                .map(|domain| GeneralSubtree::DnsName((*domain).to_owned()))
                .collect(),
            excluded_subtrees: Vec::new(),
        });
        Ok(params)
    }

    /// A certificate for a server under these names, with a key of its own.
    pub(super) fn certify(&self, names: Vec<String>) -> Result<CertifiedKey, Box<dyn std::error::Error>> {
        let mut params = params(names, "Tagship embedded ECR", SERVER_LIFE)?;
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let pair = KeyPair::generate()?;
        let certificate = params.signed_by(&pair, &self.issuer)?;
        let key = any_supported_type(&PrivateKeyDer::from(pair))?;
        Ok(CertifiedKey::new(vec![certificate.der().clone()], key))
    }
}

fn params(
    names: Vec<String>,
    subject: &str,
    life: SignedDuration,
) -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, subject);
    #[expect(
        clippy::disallowed_methods,
        reason = "TLS clients go by the machine's clock, not by the emulator's"
    )]
    let now = Timestamp::now();
    let day = |time: Timestamp| {
        let date = time.to_zoned(TimeZone::UTC).date();
        // Months and days are small and positive.
        rcgen::date_time_ymd(
            date.year().into(),
            date.month().unsigned_abs(),
            date.day().unsigned_abs(),
        )
    };
    // A client's clock may be behind a little.
    params.not_before = day(now.checked_sub(SignedDuration::from_hours(24)).unwrap_or(now));
    params.not_after = day(now.checked_add(life).unwrap_or(now));
    Ok(params)
}

/// Writes a file as a whole or not at all.
fn write(path: &Path, text: &str, mode: u32) -> io::Result<()> {
    let draft = path.with_extension("new");
    let mut file = OpenOptions::new()
        .create(true)
        .truncate(true)
        .write(true)
        .mode(mode)
        .open(&draft)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&draft, path)
}
