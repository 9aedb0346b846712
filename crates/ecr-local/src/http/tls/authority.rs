//! The authority that vouches for the emulated endpoints.

use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DistinguishedName, DnType, ExtendedKeyUsagePurpose,
    GeneralSubtree, IsCa, Issuer, KeyPair, KeyUsagePurpose, NameConstraints,
};
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::pki_types::PrivateKeyDer;
use rustls::sign::CertifiedKey;

use crate::error::LocalError;
use crate::hosts::{self, DOMAINS, ISSUER_HOST};
use crate::state::private_files;

/// How long the authority is good for, and how long a server's certificate: as public ones are at most.
const AUTHORITY_LIFE: SignedDuration = SignedDuration::from_hours(10 * 365 * 24);
const SERVER_LIFE: SignedDuration = SignedDuration::from_hours(397 * 24);

/// The networks that it vouches for servers in: this machine, and private ones.
///
/// Source: RFC 6890, the tables of special-purpose addresses.
const NETWORKS: [(IpAddr, u8); 8] = [
    (IpAddr::V4(Ipv4Addr::new(127, 0, 0, 0)), 8),
    (IpAddr::V4(Ipv4Addr::new(10, 0, 0, 0)), 8),
    (IpAddr::V4(Ipv4Addr::new(172, 16, 0, 0)), 12),
    (IpAddr::V4(Ipv4Addr::new(192, 168, 0, 0)), 16),
    (IpAddr::V4(Ipv4Addr::new(169, 254, 0, 0)), 16),
    (IpAddr::V6(Ipv6Addr::LOCALHOST), 128),
    (IpAddr::V6(Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0)), 7),
    (IpAddr::V6(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0)), 10),
];

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
        private_files::folder(&folder).map_err(LocalError::data(&folder))?;
        let pair = match fs::read_to_string(&key) {
            Ok(text) => KeyPair::from_pem(&text).map_err(|problem| unusable(&key, problem))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let pair = KeyPair::generate().map_err(|problem| unusable(&key, problem))?;
                private_files::write(&key, pair.serialize_pem().as_bytes())
                    .map_err(LocalError::data(&key))?;
                pair
            }
            Err(error) => return Err(LocalError::data(&key)(error)),
        };
        let params = Self::params().map_err(|problem| unusable(&certificate, problem))?;
        if !certificate.try_exists().map_err(LocalError::data(&certificate))? {
            let signed = params
                .self_signed(&pair)
                .map_err(|problem| unusable(&certificate, problem))?;
            private_files::write(&certificate, signed.pem().as_bytes())
                .map_err(LocalError::data(&certificate))?;
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
        let domains = DOMAINS.iter().chain(&alone);
        let domains = domains.map(|domain| GeneralSubtree::DnsName((*domain).to_owned()));
        // Without these it could vouch for every address.
        let networks = NETWORKS.iter().map(|(address, prefix)| {
            GeneralSubtree::IpAddress(CidrSubnet::from_addr_prefix(*address, *prefix))
        });
        params.name_constraints = Some(NameConstraints {
            permitted_subtrees: domains.chain(networks).collect(),
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rustls::RootCertStore;
    use rustls::client::WebPkiServerVerifier;
    use rustls::client::danger::ServerCertVerifier as _;
    use rustls::crypto::aws_lc_rs::default_provider;
    use rustls::pki_types::pem::PemObject as _;
    use rustls::pki_types::{CertificateDer, ServerName, UnixTime};

    use super::*;

    #[test]
    fn clients_take_its_word_for_the_emulated_domains_and_private_addresses_alone() {
        let folder = tempfile::tempdir().unwrap();
        let (authority, certificate) = Authority::open(folder.path()).unwrap();
        let mut roots = RootCertStore::empty();
        roots
            .add(CertificateDer::from_pem_file(certificate).unwrap())
            .unwrap();
        let provider = Arc::new(default_provider());
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider);
        let verifier = verifier.build().unwrap();
        for (name, is_taken) in [
            ("123456789012.dkr.ecr.eu-central-1.amazonaws.com", true),
            ("public.ecr.aws", true),
            ("localhost", true),
            ("127.0.0.1", true),
            ("192.168.1.5", true),
            ("::1", true),
            ("8.8.8.8", false),
            ("2001:4860:4860::8888", false),
            ("github.com", false),
            ("amazonaws.com.example.org", false),
        ] {
            let key = authority.certify(vec![name.to_owned()]).unwrap();
            let server = ServerName::try_from(name).unwrap();
            let outcome = verifier.verify_server_cert(&key.cert[0], &[], &server, &[], UnixTime::now());
            assert_eq!(outcome.is_ok(), is_taken, "{name}: {outcome:?}");
        }
    }
}
