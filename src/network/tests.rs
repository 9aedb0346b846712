//! The tables of `docs/networks.md`, and the files of authorities.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::*;

const PAGE: &str = include_str!("../../docs/networks.md");

/// The texts between back ticks of a cell.
fn quoted(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

/// The rows of the table whose first line begins so.
fn rows(heading: &str) -> Vec<Vec<&'static str>> {
    let table = PAGE.split_once(heading).expect("the page has the table").1;
    let rows = table.lines().skip(1).take_while(|line| line.starts_with('|'));
    rows.map(|row| row.trim_matches('|').split(" | ").map(str::trim).collect())
        .collect()
}

fn variables(cell: &'static str) -> BTreeMap<&'static str, &'static str> {
    let pairs = quoted(cell).into_iter();
    pairs
        .map(|pair| pair.split_once('=').expect("it is a variable"))
        .collect()
}

fn read(variables: &BTreeMap<&str, &str>) -> Result<Network, NetworkError> {
    Network::read(&|name| variables.get(name).copied())
}

// Expected: curl(1), `--noproxy` and "ENVIRONMENT"; Go's `httpproxy`, for ports, ranges and `*.host`.
#[test]
fn every_address_is_reached_as_the_page_says() {
    let rows = rows("| The environment has | The address | Is reached by |\n");
    assert!(rows.len() > 40, "{}", rows.len());
    for row in rows {
        let network = read(&variables(row[0])).unwrap();
        let address = Url::parse(quoted(row[1])[0]).unwrap();
        let proxy = network.proxies.of(&address).map(Url::as_str);
        assert_eq!(proxy, quoted(row[2]).first().copied(), "{row:?}");
    }
}

#[test]
fn what_cannot_be_used_is_refused_as_the_page_says() {
    let rows = rows("| The environment has | The error |\n");
    assert!(rows.len() > 6, "{}", rows.len());
    for row in rows {
        let error = read(&variables(row[0])).unwrap_err();
        assert_eq!(error.to_string(), row[1]);
    }
}

#[test]
fn what_is_printed_of_proxies_holds_no_credentials() {
    let variables = BTreeMap::from([("HTTPS_PROXY", "http://user:secret@proxy:1")]);
    let network = read(&variables).unwrap();
    let printed = format!("{network:?} {:?}", network.proxy());
    assert!(
        printed.contains("proxy") && !printed.contains("secret"),
        "{printed}"
    );
}

/// A certificate of an authority, in PEM. Source: RFC 8410 section 10.2, which has it as an example.
const AUTHORITY: &str = "-----BEGIN CERTIFICATE-----
MIIBLDCB36ADAgECAghWAUdKKo3DMDAFBgMrZXAwGTEXMBUGA1UEAwwOSUVURiBUZX
N0IERlbW8wHhcNMTYwODAxMTIxOTI0WhcNNDAxMjMxMjM1OTU5WjAZMRcwFQYDVQQD
DA5JRVRGIFRlc3QgRGVtbzAqMAUGAytlbgMhAIUg8AmJMKdUdIt93LQ+91oNvzoNJj
ga9OukqY6qm05qo0UwQzAPBgNVHRMBAf8EBTADAQEAMA4GA1UdDwEBAAQEAwIDCDAg
BgNVHQ4BAQAEFgQUmx9e7e0EM4Xk97xiPFl1uQvIuzswBQYDK2VwA0EAryMB/t3J5v
/BzKc9dNZIpDmAgs3babFOTQbs+BolzlDUwsPrdGxO3YNGhW7Ibz3OGhhlxXrCe1Cg
w1AH9efZBw==
-----END CERTIFICATE-----
";

struct Files(tempfile::TempDir);

impl Files {
    fn new() -> Self {
        let files = Self(tempfile::tempdir().unwrap());
        std::fs::create_dir(files.path(".aws")).unwrap();
        files.write("right.pem", AUTHORITY);
        files.write("two.pem", &format!("Issuer: x\n{AUTHORITY}{AUTHORITY}"));
        files.write("empty.pem", "");
        files.write("torn.pem", &AUTHORITY[..200]);
        files.write(
            "no.pem",
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        );
        files
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    /// How many authorities are added, or the error; files are named from the folder.
    fn read(&self, named: &[(&str, &str)]) -> Result<usize, String> {
        let home = self.0.path().to_str().unwrap().to_owned();
        let named: BTreeMap<&str, String> = named
            .iter()
            .map(|(name, value)| (*name, value.replace('~', &home)))
            .chain([("HOME", home.clone())])
            .collect();
        let network = Network::read(&|name| named.get(name).map(String::as_str));
        network
            .map(|network| network.authorities.len())
            .map_err(|error| error.to_string().replace(&home, "~"))
    }
}

#[test]
fn bundles_add_authorities_and_broken_ones_are_named() {
    let files = Files::new();
    assert_eq!(files.read(&[]), Ok(0));
    assert_eq!(files.read(&[("AWS_CA_BUNDLE", "~/right.pem")]), Ok(1));
    assert_eq!(files.read(&[("AWS_CA_BUNDLE", "~/two.pem")]), Ok(2));
    // It takes the system's place by the system's own rules, and adds nothing.
    assert_eq!(files.read(&[("SSL_CERT_FILE", "~/right.pem")]), Ok(0));
    for name in ["AWS_CA_BUNDLE", "SSL_CERT_FILE"] {
        for (file, problem) in [
            ("gone.pem", "does not exist"),
            ("empty.pem", "holds no certificate in PEM that can be checked by"),
            ("no.pem", "holds no certificate in PEM that can be checked by"),
            ("torn.pem", "is not a file of certificates in PEM"),
            (".aws", "cannot be read: it is a folder"),
        ] {
            let error = files.read(&[(name, &format!("~/{file}"))]).unwrap_err();
            assert_eq!(error, format!("`{name}`: `~/{file}` {problem}"));
        }
    }
}

#[test]
fn the_profile_names_a_bundle_where_no_variable_does() {
    let files = Files::new();
    files.write(
        ".aws/config",
        "[default]\nregion = eu-central-1\nca_bundle = ~/right.pem # ours\n\n[profile two]\nCA_Bundle=~/two.pem\n\
         [profile gone]\nca_bundle = ~/gone.pem\n[profile none]\ns3 =\n  ca_bundle = ~/gone.pem\n[services two]\nca_bundle = ~/gone.pem\n"
            .replace('~', files.0.path().to_str().unwrap())
            .as_str(),
    );
    assert_eq!(files.read(&[]), Ok(1));
    assert_eq!(files.read(&[("AWS_PROFILE", "two")]), Ok(2));
    assert_eq!(files.read(&[("AWS_PROFILE", "unknown")]), Ok(0));
    assert_eq!(files.read(&[("AWS_CONFIG_FILE", "~/none")]), Ok(0));
    let both = [("AWS_PROFILE", "gone"), ("AWS_CA_BUNDLE", "~/two.pem")];
    assert_eq!(files.read(&both), Ok(2));
    assert_eq!(
        files.read(&[("AWS_PROFILE", "gone")]).unwrap_err(),
        "~/.aws/config:8: `~/gone.pem` does not exist"
    );
}
