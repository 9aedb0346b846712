//! `OpenVEX` documents: statements, of which a later one counts more than an earlier one.
//!
//! 1. Read when each statement was made: by its own `timestamp`, or else by the document's; of one time, the later in the list.
//! 2. Of each that clears a product of a vulnerability, leave out what a later one calls affected or under investigation.
//!
//! Source: `OpenVEX` specification 0.2.0, "The VEX Statement" and "Inheritance Flow".

use jiff::Timestamp;
use packageurl::PackageUrl;

use super::{identifier, is_image_of, needed, optional, purls, texts, unlimited, worded};
use crate::findings::ignore::{Ignore, read_purl};
use crate::reference::RepositoryName;
use crate::untrusted::cleaned;
use crate::yaml::Node;

/// The statements of a document, as far as one can withdraw another.
#[derive(Default)]
pub(super) struct Statements<'a> {
    made: Vec<Statement>,
    repository: Option<&'a RepositoryName>,
}

struct Statement {
    at: Option<Timestamp>,
    vulnerabilities: Vec<String>,
    /// Each product with its parts, of a statement that clears nothing.
    open: Vec<(Component, Vec<Component>)>,
}

/// A product or a part of one; of whatever version, so that less passes and not more.
#[derive(PartialEq, Eq)]
enum Component {
    Image,
    Package(String),
}

impl<'a> Statements<'a> {
    /// Reads all; what is wrong with one is reported where it is read as an entry.
    pub(super) fn of(document: &Node, entries: &[Node], repository: Option<&'a RepositoryName>) -> Self {
        let time = |node: &Node| optional(node, "timestamp").ok().flatten()?.parse().ok();
        let of_document: Option<Timestamp> = time(document);
        let made = entries.iter().map(|entry| Statement {
            at: time(entry).or(of_document),
            vulnerabilities: entry.get("vulnerability").map(names).unwrap_or_default(),
            open: open_products(entry, repository),
        });
        Self {
            made: made.collect(),
            repository,
        }
    }

    /// Whether a later statement than this one leaves open what it clears: a product, or a part of it.
    pub(super) fn is_withdrawn(&self, index: usize, product: &PackageUrl<'_>, part: Option<&str>) -> bool {
        let Some(own) = self.made.get(index) else {
            return false;
        };
        let product = Component::of(product, self.repository);
        let part = part.and_then(|part| Some(Component::of(&read_purl(part).ok()?, self.repository)));
        let is_later = |(number, other): &(usize, &Statement)| (other.at, *number) > (own.at, index);
        let is_same = |other: &Statement| {
            other
                .vulnerabilities
                .iter()
                .any(|name| own.vulnerabilities.contains(name))
        };
        let mut later = self.made.iter().enumerate().filter(is_later);
        later.any(|(_, other)| {
            let opens = |(of, parts): &(Component, Vec<Component>)| {
                // A part of what is cleared as a whole is open as well.
                let has_part = part
                    .as_ref()
                    .is_none_or(|part| parts.is_empty() || parts.contains(part));
                *of == product && has_part
            };
            is_same(other) && other.open.iter().any(opens)
        })
    }
}

impl Component {
    fn of(purl: &PackageUrl<'_>, repository: Option<&RepositoryName>) -> Self {
        if matches!(purl.ty(), "oci" | "docker") && is_image_of(purl, repository) {
            return Self::Image;
        }
        let name = [purl.ty(), purl.namespace().unwrap_or_default(), purl.name()];
        Self::Package(name.join("/"))
    }
}

fn names(vulnerability: &Node) -> Vec<String> {
    let name = optional(vulnerability, "name").ok().flatten();
    let aliases = texts(vulnerability, "aliases").unwrap_or_default();
    name.into_iter().chain(aliases).collect()
}

/// What a statement calls affected, or does not know yet.
fn open_products(entry: &Node, repository: Option<&RepositoryName>) -> Vec<(Component, Vec<Component>)> {
    let status = optional(entry, "status").ok().flatten();
    if !matches!(status.as_deref(), Some("affected" | "under_investigation")) {
        return Vec::new();
    }
    let component = |node: &Node| {
        let purl = identifier(node).ok().and_then(|text| read_purl(&text).ok())?;
        Some(Component::of(&purl, repository))
    };
    let products = entry.get("products").and_then(Node::items).unwrap_or_default();
    let with_parts = |product: &Node| {
        let parts = product
            .get("subcomponents")
            .and_then(Node::items)
            .unwrap_or_default();
        Some((component(product)?, parts.iter().filter_map(component).collect()))
    };
    products.iter().filter_map(with_parts).collect()
}

/// A statement that a vulnerability does not affect a product, or is fixed in it; `None` where it says something else, or
/// is about another image. What a later statement withdraws is left out.
pub(super) fn statement(
    entry: &Node,
    repository: Option<&RepositoryName>,
    is_withdrawn: impl Fn(&PackageUrl<'_>, Option<&str>) -> bool,
) -> Result<Option<Ignore>, String> {
    let status = needed(entry, "status")?;
    match status.as_str() {
        "not_affected" | "fixed" => {}
        "affected" | "under_investigation" => return Ok(None),
        other => return Err(format!("has the unknown status `{}`", cleaned(other))),
    }
    let vulnerability = entry.get("vulnerability").ok_or("has no `vulnerability`")?;
    let mut names = texts(vulnerability, "aliases")?;
    names.insert(0, needed(vulnerability, "name")?);
    let said = [
        optional(entry, "justification")?,
        optional(entry, "impact_statement")?,
    ];
    let said: Vec<String> = said.into_iter().flatten().map(|text| cleaned(&text)).collect();
    if said.is_empty() && status == "not_affected" {
        return Err("says `not_affected` without `justification` or `impact_statement`".to_owned());
    }
    let mut ignore = unlimited([&[status][..], &said].concat().join(": "));
    ignore.vulnerabilities = names;
    let products = entry.get("products").and_then(Node::items).unwrap_or_default();
    if products.is_empty() {
        return Err("names no product".to_owned());
    }
    for product in products {
        let parts: Vec<String> = match product.get("subcomponents").and_then(Node::items) {
            Some(parts) => parts.iter().map(identifier).collect::<Result<_, _>>()?,
            None => Vec::new(),
        };
        let product = read_purl(&identifier(product)?).map_err(worded)?;
        match (product.ty(), parts.is_empty()) {
            ("oci" | "docker", _) if !is_image_of(&product, repository) => {}
            (_, true) if is_withdrawn(&product, None) => {}
            // Of the whole image.
            ("oci" | "docker", true) => {
                return Ok(Some(Ignore {
                    purls: Vec::new(),
                    ..ignore
                }));
            }
            ("oci" | "docker", false) => {
                let stands = |part: &&String| !is_withdrawn(&product, Some(part.as_str()));
                let parts: Vec<String> = parts.iter().filter(stands).cloned().collect();
                ignore.purls.extend(purls(&parts)?);
            }
            _ => ignore.purls.push(product),
        }
    }
    Ok((!ignore.purls.is_empty()).then_some(ignore))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::read_ignore_file;
    use super::*;

    /// The packages that a document clears of `CVE-1`; `image` stands for all of it.
    fn cleared(statements: &[Value]) -> Vec<String> {
        let document = json!({
            "@context": "https://openvex.dev/ns/v0.2.0",
            "timestamp": "2026-01-02T00:00:00Z",
            "statements": statements,
        });
        let repository = RepositoryName::parse("team/app").unwrap();
        let read = read_ignore_file(&document.to_string(), Some(&repository)).unwrap();
        let shown = read.iter().flat_map(|ignore| {
            let purls = ignore.purls.iter().map(ToString::to_string);
            let image = ignore.purls.is_empty().then(|| "image".to_owned());
            image.into_iter().chain(purls)
        });
        shown.collect()
    }

    fn statement(status: &str, name: &str, products: &Value, at: Option<&str>) -> Value {
        let mut statement = json!({
            "vulnerability": {"name": name, "aliases": ["CVE-1"]},
            "products": products,
            "status": status,
            "impact_statement": "x",
        });
        if let Some(at) = at {
            statement["timestamp"] = json!(at);
        }
        statement
    }

    #[test]
    fn a_later_statement_counts_more_than_an_earlier_one() {
        let image = json!([{"@id": "pkg:oci/app"}]);
        let same = json!([{"@id": "pkg:oci/app?repository_url=registry.example/team/app"}]);
        let clears = |at| statement("not_affected", "GHSA-1", &image, at);
        let (old, new) = (Some("2025-01-01T00:00:00Z"), Some("2026-06-01T00:00:00Z"));
        for status in ["affected", "under_investigation"] {
            let opens = |at| statement(status, "GHSA-2", &same, at);
            let none: [&str; 0] = [];
            // By the list where both are of the document's time, and by their own times whatever the list says.
            assert_eq!(cleared(&[clears(None), opens(None)]), none);
            assert_eq!(cleared(&[opens(None), clears(None)]), ["image"]);
            assert_eq!(cleared(&[opens(new), clears(None)]), none);
            assert_eq!(cleared(&[clears(None), opens(old)]), ["image"]);
            assert_eq!(cleared(&[clears(old), opens(None), clears(new)]), ["image"]);
        }
        let other = json!([{"@id": "pkg:oci/other"}]);
        let opens = statement("affected", "GHSA-1", &other, new);
        assert_eq!(cleared(&[clears(None), opens]), ["image"]);
        let unrelated = json!({"vulnerability": {"name": "CVE-2"}, "products": image, "status": "affected"});
        assert_eq!(cleared(&[clears(None), unrelated]), ["image"]);
    }

    #[test]
    fn of_several_parts_those_stand_that_no_later_statement_names() {
        let parts = |names: &[&str]| {
            let parts: Vec<Value> = names
                .iter()
                .map(|name| json!({"@id": format!("pkg:npm/{name}")}))
                .collect();
            json!([{"@id": "pkg:oci/app", "subcomponents": parts}])
        };
        let clears = statement("not_affected", "GHSA-1", &parts(&["a", "b"]), None);
        let opens = |products: &Value| statement("affected", "GHSA-1", products, None);
        assert_eq!(cleared(&[clears.clone(), opens(&parts(&["a"]))]), ["pkg:npm/b"]);
        assert_eq!(
            cleared(&[clears.clone(), opens(&parts(&["c"]))]),
            ["pkg:npm/a", "pkg:npm/b"]
        );
        let none: [&str; 0] = [];
        assert_eq!(cleared(&[clears, opens(&json!([{"@id": "pkg:oci/app"}]))]), none);
        let whole = statement("not_affected", "GHSA-1", &json!([{"@id": "pkg:oci/app"}]), None);
        assert_eq!(cleared(&[whole, opens(&parts(&["a"]))]), none);
        let package = |version: &str| json!([{"@id": format!("pkg:npm/a{version}")}]);
        let fixed = statement("fixed", "GHSA-1", &package("@1.0"), None);
        assert_eq!(cleared(&[fixed, opens(&package(""))]), none);
    }
}
