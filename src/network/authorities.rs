//! Whose certificates count beside those of the system.

use std::path::{Path, PathBuf};

use reqwest::Certificate;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use super::{NetworkError, Place, Variables};
use crate::regular_file;
use tagship_domain::untrusted::cleaned;

/// The most bytes of a bundle, and of AWS's configuration.
const MAX_BYTES: u64 = 16 * 1024 * 1024;

const HINT: &str = "name a file of certificates in PEM, or take the setting away; in the action a file is seen that lies in the workspace";

/// Reads the bundle that AWS's tools are given. That of `SSL_CERT_FILE` is read by the system's own rules, in place of the
/// system's, and checked here.
///
/// Source: AWS SDKs and Tools reference guide, "General configuration settings", `ca_bundle`: the variable counts before the
/// profile.
pub(super) fn read(variables: &Variables<'_>) -> Result<Vec<Certificate>, NetworkError> {
    if let Some(path) = path(variables, "SSL_CERT_FILE") {
        certificates(&Place::Variable("SSL_CERT_FILE"), &path)?;
    }
    let named = match path(variables, "AWS_CA_BUNDLE") {
        Some(path) => Some((Place::Variable("AWS_CA_BUNDLE"), path)),
        None => of_profile(variables),
    };
    match named {
        Some((place, path)) => certificates(&place, &path),
        None => Ok(Vec::new()),
    }
}

fn path(variables: &Variables<'_>, name: &str) -> Option<PathBuf> {
    variables(name)
        .map(str::trim)
        .filter(|path| !path.is_empty())
        .map(PathBuf::from)
}

fn certificates(place: &Place, path: &Path) -> Result<Vec<Certificate>, NetworkError> {
    let broken = |problem: &str| NetworkError::Setting {
        place: place.clone(),
        problem: format!("`{}` {problem}", cleaned(&path.to_string_lossy())),
        hint: HINT,
    };
    let pem = regular_file::bytes(path, MAX_BYTES).map_err(|problem| broken(&problem))?;
    let read = CertificateDer::pem_slice_iter(&pem).collect::<Result<Vec<_>, _>>();
    let read = read.map_err(|_error| broken("is not a file of certificates in PEM"))?;
    // Old bundles hold some that cannot be checked by.
    let usable = read
        .into_iter()
        .filter(|one| RootCertStore::empty().add(one.clone()).is_ok());
    let usable: Vec<Certificate> = usable
        .filter_map(|one| Certificate::from_der(&one).ok())
        .collect();
    if usable.is_empty() {
        return Err(broken("holds no certificate in PEM that can be checked by"));
    }
    Ok(usable)
}

/// The key `ca_bundle` of the profile, in AWS's configuration. What is wrong with that file its own reader says.
///
/// Source: AWS SDKs and Tools reference guide, "Shared config and credentials files", "Format of the config file".
fn of_profile(variables: &Variables<'_>) -> Option<(Place, PathBuf)> {
    let file = path(variables, "AWS_CONFIG_FILE").or_else(|| {
        let home = path(variables, "HOME")?;
        Some(home.join(".aws/config"))
    })?;
    let text = regular_file::text(&file, MAX_BYTES).ok()?;
    let profile = variables("AWS_PROFILE")
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .unwrap_or("default");
    let mut is_profile = false;
    let mut found = None;
    for (index, line) in text.lines().enumerate() {
        if let Some(section) = line.strip_prefix('[') {
            let section = section.split(']').next().unwrap_or_default().trim();
            let name = match section.strip_prefix("profile") {
                Some(name) if name.starts_with([' ', '\t']) => name.trim().trim_matches(['"', '\'']),
                _ if section == "default" => section,
                _ => "",
            };
            is_profile = name == profile;
            continue;
        }
        // What is indented belongs to the setting before.
        let Some((key, value)) = line.split_once('=').filter(|_| is_profile) else {
            continue;
        };
        if !key.trim_end().eq_ignore_ascii_case("ca_bundle") {
            continue;
        }
        let value = without_remark(value);
        if !value.is_empty() {
            let path = cleaned(&file.to_string_lossy());
            let line = index + 1;
            found = Some((Place::Line { path, line }, PathBuf::from(value)));
        }
    }
    found
}

/// The value before a remark, which begins behind a blank.
fn without_remark(value: &str) -> &str {
    let is_remark = |(at, _): &(usize, &str)| value[..*at].ends_with([' ', '\t']);
    let end = value.match_indices(['#', ';']).find(is_remark);
    end.map_or(value, |(at, _)| &value[..at]).trim()
}
