//! Findings that do not count, from files that other tools read: Trivy's, Grype's, `OpenVEX` and CSAF.
//!
//! What such a file says of findings that a scan of ECR cannot be asked for, such as a Linux distribution's name space, is
//! refused: to leave it out would let more pass than the file says.
//!
//! Sources: Trivy docs, "Filtering", `.trivyignore.yaml`; Grype README, "Specifying matches to ignore"; `OpenVEX`
//! specification 0.2.0.

mod csaf;
mod open_vex;

use jiff::civil::Date;
use packageurl::PackageUrl;

use super::ignore::{Ignore, InvalidIgnore, KnownFix, read_path, read_purl};
use crate::reference::RepositoryName;
use crate::untrusted::cleaned;
use crate::yaml::{Node, Value, YamlError, read};

/// The most entries of a file.
const MAX_ENTRIES: usize = 10_000;

/// A file says no ignored findings.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidIgnoreFile {
    /// It cannot be read as YAML or JSON.
    #[error(transparent)]
    Unreadable(#[from] YamlError),
    /// It is of no form that is known.
    #[error(
        "is none of Trivy's ignore file (`vulnerabilities`), Grype's (`ignore`), an OpenVEX document (`statements`) and a CSAF document (`document`)"
    )]
    UnknownForm,
    /// It has more entries than any team reads.
    #[error("has more than {MAX_ENTRIES} entries")]
    TooMany,
    /// An entry is wrong.
    #[error("entry {number} {problem}")]
    Entry {
        /// Which, from 1.
        number: usize,
        /// What is wrong.
        problem: String,
    },
}

/// Reads a file of other tools; `repository` is the one whose images are judged.
///
/// Entries are of four forms, each known by the key that a document begins with.
pub fn read_ignore_file(
    text: &str,
    repository: Option<&RepositoryName>,
) -> Result<Vec<Ignore>, InvalidIgnoreFile> {
    let tree = read(text)?;
    // Trivy's file has vulnerabilities too.
    if tree.get("document").is_some() {
        return csaf::csaf(&tree, repository);
    }
    let forms: [(&str, Form); 3] = [
        ("vulnerabilities", Form::Trivy),
        ("ignore", Form::Grype),
        ("statements", Form::OpenVex),
    ];
    let found = forms
        .into_iter()
        .find_map(|(key, form)| Some((form, tree.get(key)?)));
    let (form, list) = found.ok_or(InvalidIgnoreFile::UnknownForm)?;
    // A key without a value is an empty list to these tools.
    let entries = match list.text() {
        Some("" | "~" | "null") => &[],
        _ => list.items().ok_or(InvalidIgnoreFile::UnknownForm)?,
    };
    if entries.len() > MAX_ENTRIES {
        return Err(InvalidIgnoreFile::TooMany);
    }
    let statements = match form {
        Form::OpenVex => open_vex::Statements::of(&tree, entries, repository),
        Form::Trivy | Form::Grype => open_vex::Statements::default(),
    };
    let read = entries.iter().enumerate().map(|(index, entry)| {
        let read = match form {
            Form::Trivy => trivy(entry).map(Some),
            Form::Grype => grype(entry).map(Some),
            Form::OpenVex => open_vex::statement(entry, repository, |product, part| {
                statements.is_withdrawn(index, product, part)
            }),
        };
        read.map_err(|problem| InvalidIgnoreFile::Entry {
            number: index + 1,
            problem,
        })
    });
    read.filter_map(Result::transpose).collect()
}

#[derive(Clone, Copy)]
enum Form {
    Trivy,
    Grype,
    OpenVex,
}

/// An entry that is in force for ever and names nothing yet.
fn unlimited(reason: String) -> Ignore {
    Ignore {
        vulnerabilities: Vec::new(),
        package: None,
        version: None,
        purls: Vec::new(),
        path: None,
        fix: None,
        until: Date::MAX,
        reason,
        is_shared: true,
    }
}

/// `id`, `paths`, `purls`, `statement`, `expired_at`.
fn trivy(entry: &Node) -> Result<Ignore, String> {
    only(entry, &["id", "paths", "purls", "statement", "expired_at"])?;
    let id = needed(entry, "id")?;
    let statement = optional(entry, "statement")?;
    let mut ignore =
        unlimited(statement.map_or_else(|| "the file gives no reason".to_owned(), |text| cleaned(&text)));
    ignore.vulnerabilities.push(id);
    let patterns = texts(entry, "paths")?;
    if !patterns.is_empty() {
        ignore.path = Some(read_path(&patterns).map_err(worded)?);
    }
    ignore.purls = purls(&texts(entry, "purls")?)?;
    if let Some(expired) = optional(entry, "expired_at")? {
        // The first day on which it counts again, with or without a time.
        let day = expired.get(..10).and_then(|day| day.parse::<Date>().ok());
        let day = day.ok_or_else(|| format!("has `expired_at: {}`, which is no date", cleaned(&expired)))?;
        ignore.until = day.yesterday().unwrap_or(Date::MIN);
    }
    Ok(ignore)
}

/// `vulnerability`, `fix-state`, `package` with `name`, `version` and `location`, `reason`.
fn grype(entry: &Node) -> Result<Ignore, String> {
    only(
        entry,
        &[
            "vulnerability",
            "include-aliases",
            "reason",
            "fix-state",
            "package",
        ],
    )?;
    let reason = optional(entry, "reason")?;
    let mut ignore =
        unlimited(reason.map_or_else(|| "the file gives no reason".to_owned(), |text| cleaned(&text)));
    ignore.vulnerabilities.extend(optional(entry, "vulnerability")?);
    ignore.fix = match optional(entry, "fix-state")?.as_deref() {
        None => None,
        Some("fixed") => Some(KnownFix::Fixed),
        Some("not-fixed") => Some(KnownFix::NotFixed),
        Some("unknown") => Some(KnownFix::Unknown),
        Some(other) => {
            return Err(format!(
                "has `fix-state: {}`, which scans of ECR do not say",
                cleaned(other)
            ));
        }
    };
    if let Some(package) = entry.get("package") {
        only(package, &["name", "version", "location"])?;
        ignore.package = optional(package, "name")?;
        // Grype takes patterns there. Source: its `match/ignore.go`.
        let is_plain = |name: &String| name.chars().all(|c| c.is_alphanumeric() || "._+-@/:".contains(c));
        if let Some(name) = ignore.package.as_ref().filter(|name| !is_plain(name)) {
            return Err(format!(
                "has the pattern `{}` as a package's name, which is not read",
                cleaned(name)
            ));
        }
        ignore.version = optional(package, "version")?;
        if let Some(location) = optional(package, "location")? {
            ignore.path = Some(read_path(&[location]).map_err(worded)?);
        }
    }
    let names_something = !ignore.vulnerabilities.is_empty()
        || ignore.package.is_some()
        || ignore.path.is_some()
        || ignore.fix.is_some();
    if names_something {
        Ok(ignore)
    } else {
        Err("names no finding".to_owned())
    }
}

/// Whether a product is every image of the repository: an `oci` name is the last part of the repository's, and `repository_url`
/// ends with all of it. One image by its digest or tag is not: it may be another than the one that is judged.
///
/// Source: the package URL specification, "oci".
fn is_image_of(product: &PackageUrl<'_>, repository: Option<&RepositoryName>) -> bool {
    let Some(repository) = repository.map(RepositoryName::as_str) else {
        return false;
    };
    let is_there = |url: &str| {
        let before = url.strip_suffix(repository);
        before.is_some_and(|before| before.is_empty() || before.ends_with('/'))
    };
    let qualifiers = product.qualifiers();
    repository.rsplit('/').next() == Some(product.name())
        && product.version().is_none()
        && !qualifiers.contains_key("tag")
        && qualifiers.get("repository_url").is_none_or(|url| is_there(url))
}

fn identifier(node: &Node) -> Result<String, String> {
    match node.text() {
        Some(text) => Ok(text.to_owned()),
        None => needed(node, "@id"),
    }
}

fn purls(texts: &[String]) -> Result<Vec<PackageUrl<'static>>, String> {
    texts.iter().map(|text| read_purl(text).map_err(worded)).collect()
}

fn worded(error: impl Into<InvalidIgnore>) -> String {
    format!("is wrong: {}", error.into())
}

/// Refuses keys that limit an entry in a way that is not read.
fn only(node: &Node, known: &[&str]) -> Result<(), String> {
    let Value::Mapping { pairs, .. } = &node.value else {
        return Err("is no mapping".to_owned());
    };
    match pairs.iter().find(|(key, _)| !known.contains(&key.text.as_str())) {
        Some((key, _)) => Err(format!("has `{}`, which is not read", cleaned(&key.text))),
        None => Ok(()),
    }
}

fn optional(node: &Node, key: &str) -> Result<Option<String>, String> {
    let Some(value) = node.get(key) else {
        return Ok(None);
    };
    match value.text() {
        Some("") => Ok(None),
        Some(text) => Ok(Some(text.to_owned())),
        None => Err(format!("has `{key}`, which is no text")),
    }
}

fn needed(node: &Node, key: &str) -> Result<String, String> {
    optional(node, key)?.ok_or_else(|| format!("has no `{key}`"))
}

fn texts(node: &Node, key: &str) -> Result<Vec<String>, String> {
    let Some(list) = node.get(key) else {
        return Ok(Vec::new());
    };
    let items = list
        .items()
        .ok_or_else(|| format!("has `{key}`, which is no list"))?;
    let text = |item: &Node| item.text().map(str::to_owned);
    let texts: Option<Vec<String>> = items.iter().map(text).collect();
    texts.ok_or_else(|| format!("has `{key}`, which is no list of texts"))
}

#[cfg(test)]
mod tests {
    use super::super::{Finding, Fix, Package, Severity};
    use super::*;

    fn finding(vulnerability: &str, manager: &str, name: &str, path: Option<&str>, fix: Fix) -> Finding {
        Finding {
            vulnerability: vulnerability.to_owned(),
            severity: Severity::High,
            package: Package {
                name: name.to_owned(),
                version: "1.0".to_owned(),
                path: path.map(str::to_owned),
                manager: Some(manager.to_owned()),
            },
            fix,
            is_exploitable: false,
            probability: None,
            score: None,
            description: None,
            uri: None,
            known_since: None,
            is_suppressed: false,
        }
    }

    fn files(text: &str) -> Vec<Ignore> {
        read_ignore_file(text, Some(&RepositoryName::parse("team/app").unwrap())).unwrap()
    }

    #[track_caller]
    fn wrong(text: &str, said: &str) {
        assert_eq!(
            read_ignore_file(text, None).unwrap_err().to_string(),
            said,
            "{text}"
        );
    }

    #[test]
    fn trivys_file_is_read_by_its_documented_fields() {
        let ignores = files(
            "vulnerabilities:\n\
             - id: CVE-2022-40897\n  paths:\n  - usr/local/lib/**/METADATA\n  - app/*.jar\n  statement: Accept the risk\n\
             - id: CVE-2023-2650\n  expired_at: 2026-06-15\n\
             - id: CVE-2023-3446\n  purls: ['pkg:deb/debian/libssl1.1@1.0', 'pkg:npm/x']\n\
             secrets:\n- id: generic\n",
        );
        let python = finding(
            "CVE-2022-40897",
            "PYTHONPKG",
            "setuptools",
            Some("usr/local/lib/python3.9/METADATA"),
            Fix::Unknown,
        );
        let elsewhere = Finding {
            package: Package {
                path: Some("opt/METADATA".to_owned()),
                ..python.package.clone()
            },
            ..python.clone()
        };
        assert!(ignores[0].is_about(&python) && !ignores[0].is_about(&elsewhere));
        assert_eq!(ignores[0].reason, "Accept the risk");
        assert_eq!(ignores[0].until, Date::MAX);
        // On the day it expires at it counts again.
        assert_eq!(ignores[1].until.to_string(), "2026-06-14");
        assert_eq!(ignores[1].reason, "the file gives no reason");
        let ssl = finding("CVE-2023-3446", "OS", "libssl1.1", None, Fix::None);
        assert!(ignores[2].is_about(&ssl));
        assert!(!ignores[2].is_about(&finding("CVE-2023-3446", "OS", "openssl", None, Fix::None)));
        assert!(files("vulnerabilities:\n").is_empty());
        wrong("vulnerabilities:\n- paths: [a]\n", "entry 1 has no `id`");
        wrong(
            "vulnerabilities:\n- id: CVE-1\n  expired_at: soon\n",
            "entry 1 has `expired_at: soon`, which is no date",
        );
        wrong(
            "vulnerabilities:\n- id: CVE-1\n  path: a\n",
            "entry 1 has `path`, which is not read",
        );
    }

    #[test]
    fn grypes_rules_are_read_or_refused() {
        let ignores = files(
            "ignore:\n\
             - vulnerability: CVE-2008-4318\n  fix-state: unknown\n  package:\n    name: libcurl\n    version: '1.0'\n  reason: not used\n\
             - package:\n    location: /usr/local/lib/node_modules/**\n\
             - fix-state: not-fixed\n",
        );
        let curl = finding("CVE-2008-4318", "OS", "libcurl", None, Fix::Unknown);
        assert!(ignores[0].is_about(&curl));
        assert!(!ignores[0].is_about(&Finding {
            fix: Fix::None,
            ..curl.clone()
        }));
        let node = finding(
            "CVE-1",
            "NPM",
            "a",
            Some("usr/local/lib/node_modules/a/package.json"),
            Fix::Unknown,
        );
        assert!(ignores[1].is_about(&node) && !ignores[1].is_about(&curl));
        assert!(
            ignores[2].is_about(&Finding {
                fix: Fix::None,
                ..curl.clone()
            }) && !ignores[2].is_about(&curl)
        );
        wrong(
            "ignore:\n- namespace: nvd\n",
            "entry 1 has `namespace`, which is not read",
        );
        wrong(
            "ignore:\n- fix-state: wont-fix\n",
            "entry 1 has `fix-state: wont-fix`, which scans of ECR do not say",
        );
        wrong("ignore:\n- {}\n", "entry 1 names no finding");
        wrong(
            "ignore:\n- package: {name: 'kernel.*'}\n",
            "entry 1 has the pattern `kernel.*` as a package's name, which is not read",
        );
    }

    #[test]
    fn openvex_says_what_does_not_affect_this_image() {
        let statement = |product: &str, more: &str| {
            format!(
                r#"{{"@context": "https://openvex.dev/ns/v0.2.0", "statements": [{{"vulnerability": {{"name": "GHSA-1", "aliases": ["CVE-2023-1"]}}, "products": [{product}], {more}}}]}}"#
            )
        };
        let unaffected =
            r#""status": "not_affected", "justification": "vulnerable_code_not_in_execute_path""#;
        let image = r#"{"@id": "pkg:oci/app?repository_url=registry.example/team/app"}"#;
        let ignores = files(&statement(image, unaffected));
        let found = finding("CVE-2023-1", "NPM", "left", None, Fix::Unknown);
        assert!(ignores[0].is_about(&found));
        assert_eq!(
            ignores[0].reason,
            "not_affected: vulnerable_code_not_in_execute_path"
        );
        let part = r#"{"@id": "pkg:oci/app", "subcomponents": [{"@id": "pkg:npm/left@1.0"}]}"#;
        let ignores = files(&statement(part, r#""status": "fixed""#));
        assert!(ignores[0].is_about(&found));
        assert!(!ignores[0].is_about(&finding("CVE-2023-1", "NPM", "right", None, Fix::Unknown)));
        for (product, more) in [
            (r#"{"@id": "pkg:oci/other"}"#, unaffected),
            // Another repository's image of the same name, and one image of many.
            (
                r#"{"@id": "pkg:oci/app?repository_url=registry.example/other/app"}"#,
                unaffected,
            ),
            (r#"{"@id": "pkg:oci/app?tag=1.0.0"}"#, unaffected),
            (r#"{"@id": "pkg:oci/app@sha256%3A00"}"#, unaffected),
            (image, r#""status": "affected""#),
            (image, r#""status": "under_investigation""#),
        ] {
            assert!(files(&statement(product, more)).is_empty(), "{product} {more}");
        }
        wrong(
            &statement(image, r#""status": "not_affected""#),
            "entry 1 says `not_affected` without `justification` or `impact_statement`",
        );
        wrong(&statement("", unaffected), "entry 1 names no product");
        wrong(
            &statement(image, r#""status": "fine""#),
            "entry 1 has the unknown status `fine`",
        );
    }

    #[test]
    fn what_is_no_such_file_is_refused() {
        let said = "is none of Trivy's ignore file (`vulnerabilities`), Grype's (`ignore`), an OpenVEX document (`statements`) and a CSAF document (`document`)";
        wrong("a: 1\n", said);
        wrong("CVE-2024-3094\n", said);
        wrong("ignore: {}\n", said);
        wrong("", "is empty");
        wrong("a: [\n", "is not YAML: line 2, column 1");
        let many = format!("vulnerabilities:\n{}", "- id: CVE-1\n".repeat(MAX_ENTRIES + 1));
        wrong(&many, "has more than 10000 entries");
    }
}
