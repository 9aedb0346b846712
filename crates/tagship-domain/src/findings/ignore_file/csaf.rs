//! CSAF documents: products that a vulnerability does not affect, or is fixed in.
//!
//! 1. Find out which packages the document's products are: those in the repository's image, or by themselves.
//! 2. Of each vulnerability, take those that its status names as not affected or fixed.
//!
//! A product without a package URL, and one that is a part of another product than the image, is passed over: less passes
//! then than the document says.
//!
//! Source: OASIS, "Common Security Advisory Framework Version 2.0", sections 3.2.2, 3.2.3 and 4.5.

use std::collections::{BTreeMap, BTreeSet};

use packageurl::PackageUrl;

use super::{InvalidIgnoreFile, MAX_ENTRIES, is_image_of, needed, optional, texts, unlimited, worded};
use crate::findings::ignore::{Ignore, read_purl};
use crate::reference::RepositoryName;
use crate::untrusted::cleaned;
use crate::yaml::Node;

/// What a product is to the image that is judged.
#[derive(Clone)]
enum Product {
    /// The image.
    Image,
    /// A package.
    Package(PackageUrl<'static>),
    /// Something else.
    Other,
}

/// Reads the vulnerabilities of a document.
pub(super) fn csaf(
    tree: &Node,
    repository: Option<&RepositoryName>,
) -> Result<Vec<Ignore>, InvalidIgnoreFile> {
    let vulnerabilities = list(tree, "vulnerabilities");
    let entry = |number: usize| {
        move |problem: String| InvalidIgnoreFile::Entry {
            number: number + 1,
            problem,
        }
    };
    if vulnerabilities.len() > MAX_ENTRIES {
        return Err(InvalidIgnoreFile::TooMany);
    }
    let products = match tree.get("product_tree") {
        Some(products) => Products::read(products, repository).map_err(entry(0))?,
        None => Products::default(),
    };
    let mut ignores = Vec::new();
    for (number, vulnerability) in vulnerabilities.iter().enumerate() {
        ignores.extend(products.of_vulnerability(vulnerability).map_err(entry(number))?);
    }
    Ok(ignores)
}

fn list<'a>(node: &'a Node, key: &str) -> &'a [Node] {
    node.get(key).and_then(Node::items).unwrap_or_default()
}

/// The products of a document by their identifiers, and its groups of them.
#[derive(Default)]
struct Products {
    by_id: BTreeMap<String, Product>,
    groups: BTreeMap<String, Vec<String>>,
}

impl Products {
    fn read(tree: &Node, repository: Option<&RepositoryName>) -> Result<Self, String> {
        let mut products = Self::default();
        for product in list(tree, "full_product_names") {
            products.add(product, repository)?;
        }
        let mut branches: Vec<&Node> = list(tree, "branches").iter().collect();
        while let Some(branch) = branches.pop() {
            branches.extend(list(branch, "branches"));
            if let Some(product) = branch.get("product") {
                products.add(product, repository)?;
            }
        }
        for relationship in list(tree, "relationships") {
            let of = |key: &str| -> Result<Option<Product>, String> {
                Ok(products.by_id.get(&needed(relationship, key)?).cloned())
            };
            let whole = of("relates_to_product_reference")?;
            // A part of the image is what it is; a part of anything else is not in the image.
            let product = match (of("product_reference")?, whole) {
                (Some(part @ Product::Package(_)), Some(Product::Image)) => part,
                _ => Product::Other,
            };
            if let Some(name) = relationship.get("full_product_name") {
                products.by_id.insert(needed(name, "product_id")?, product);
            }
        }
        for group in list(tree, "product_groups") {
            let members = texts(group, "product_ids")?;
            products.groups.insert(needed(group, "group_id")?, members);
        }
        Ok(products)
    }

    fn add(&mut self, product: &Node, repository: Option<&RepositoryName>) -> Result<(), String> {
        let id = needed(product, "product_id")?;
        let helper = product.get("product_identification_helper");
        let purl = helper
            .map(|helper| optional(helper, "purl"))
            .transpose()?
            .flatten();
        let purl = purl.map(|purl| read_purl(&purl).map_err(worded)).transpose()?;
        let product = match purl {
            Some(purl) if !matches!(purl.ty(), "oci" | "docker") => Product::Package(purl),
            Some(purl) if is_image_of(&purl, repository) => Product::Image,
            _ => Product::Other,
        };
        self.by_id.insert(id, product);
        Ok(())
    }

    /// One entry for each status that names the image or packages.
    fn of_vulnerability(&self, vulnerability: &Node) -> Result<Vec<Ignore>, String> {
        let mut names: Vec<String> = optional(vulnerability, "cve")?.into_iter().collect();
        for id in list(vulnerability, "ids") {
            names.push(needed(id, "text")?);
        }
        let Some(status) = vulnerability.get("product_status") else {
            return Ok(Vec::new());
        };
        if names.is_empty() {
            return Err("has neither `cve` nor `ids`".to_owned());
        }
        // What a document also calls affected, it does not clear.
        let mut disputed = BTreeSet::new();
        for word in ["known_affected", "under_investigation"] {
            disputed.extend(texts(status, word)?);
        }
        let mut ignores = Vec::new();
        for word in ["known_not_affected", "fixed", "first_fixed"] {
            let mut products: BTreeSet<String> = texts(status, word)?.into_iter().collect();
            products.retain(|id| !disputed.contains(id));
            let is_meant =
                |id: &&String| matches!(self.by_id.get(*id), Some(Product::Image | Product::Package(_)));
            for id in products.iter().filter(is_meant) {
                let said = self.said_of(vulnerability, id)?;
                if said.is_empty() && word == "known_not_affected" {
                    return Err(format!(
                        "says `known_not_affected` of `{}` without a flag or an impact",
                        cleaned(id)
                    ));
                }
                let mut ignore = unlimited([&[word.replace('_', " ")][..], &said].concat().join(": "));
                ignore.vulnerabilities.clone_from(&names);
                if let Some(Product::Package(purl)) = self.by_id.get(id) {
                    ignore.purls.push(purl.clone());
                }
                ignores.push(ignore);
            }
        }
        Ok(ignores)
    }

    /// Why a product is not affected: flags, and threats of the category `impact`.
    fn said_of(&self, vulnerability: &Node, product: &str) -> Result<Vec<String>, String> {
        let is_about = |node: &Node| -> Result<bool, String> {
            let own = texts(node, "product_ids")?;
            let groups = texts(node, "group_ids")?;
            let mut of_groups = groups.iter().filter_map(|group| self.groups.get(group)).flatten();
            Ok(own.iter().any(|id| id == product) || of_groups.any(|id| id == product))
        };
        let mut said = Vec::new();
        for flag in list(vulnerability, "flags") {
            if is_about(flag)? {
                said.push(cleaned(&needed(flag, "label")?));
            }
        }
        for threat in list(vulnerability, "threats") {
            if optional(threat, "category")?.as_deref() == Some("impact") && is_about(threat)? {
                said.push(cleaned(&needed(threat, "details")?));
            }
        }
        Ok(said)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::read_ignore_file;
    use super::*;

    /// A document with the products of the specification's forms: a branch, a name, and a part of the image.
    fn document(vulnerability: &Value) -> String {
        let product = |id: &str, purl: &str| json!({"product_id": id, "name": id, "product_identification_helper": {"purl": purl}});
        let part = |id: &str, part: &str, whole: &str| {
            json!({
                "category": "default_component_of",
                "full_product_name": {"product_id": id, "name": id},
                "product_reference": part,
                "relates_to_product_reference": whole,
            })
        };
        json!({
            "document": {"category": "csaf_vex", "csaf_version": "2.0", "title": "x"},
            "product_tree": {
                "branches": [{"category": "vendor", "name": "v", "branches": [
                    {"category": "product_version", "name": "1", "product": product("image", "pkg:oci/app")},
                    {"category": "product_version", "name": "1", "product": product("other", "pkg:oci/other")},
                ]}],
                "full_product_names": [
                    product("lodash", "pkg:npm/lodash"),
                    {"product_id": "bare", "name": "without a package URL"},
                ],
                "relationships": [part("ours", "lodash", "image"), part("theirs", "lodash", "other")],
                "product_groups": [{"group_id": "g", "product_ids": ["ours", "image"]}],
            },
            "vulnerabilities": [vulnerability],
        })
        .to_string()
    }

    fn ignores(vulnerability: &Value) -> Vec<String> {
        let repository = RepositoryName::parse("team/app").unwrap();
        let read = read_ignore_file(&document(vulnerability), Some(&repository)).unwrap();
        let shown = |ignore: &Ignore| {
            let purls: Vec<String> = ignore.purls.iter().map(ToString::to_string).collect();
            format!(
                "{} [{}] {}",
                ignore.vulnerabilities.join(" "),
                purls.join(" "),
                ignore.reason
            )
        };
        read.iter().map(shown).collect()
    }

    #[test]
    fn products_that_are_not_affected_or_fixed_do_not_count() {
        let flag = |products: Value| json!({"label": "component_not_present", "product_ids": products});
        assert_eq!(
            ignores(&json!({
                "cve": "CVE-2026-1",
                "ids": [{"system_name": "GitHub", "text": "GHSA-1"}],
                "product_status": {"known_not_affected": ["ours", "theirs", "other", "bare"], "known_affected": ["lodash"]},
                "flags": [flag(json!(["ours"]))],
            })),
            ["CVE-2026-1 GHSA-1 [pkg:npm/lodash] known not affected: component_not_present"]
        );
        let impact = json!({"category": "impact", "details": "never called", "group_ids": ["g"]});
        let none: [&str; 0] = [];
        for word in ["known_affected", "under_investigation"] {
            let status = json!({"known_not_affected": ["image"], word: ["image"]});
            let vulnerability = json!({"cve": "CVE-2026-2", "product_status": status, "threats": [impact]});
            assert_eq!(ignores(&vulnerability), none, "{word}");
        }
        assert_eq!(
            ignores(&json!({
                "cve": "CVE-2026-2",
                "product_status": {"known_not_affected": ["image"]},
                "threats": [impact, {"category": "exploit_status", "details": "x", "product_ids": ["image"]}],
            })),
            ["CVE-2026-2 [] known not affected: never called"]
        );
        assert_eq!(
            ignores(
                &json!({"cve": "CVE-2026-3", "product_status": {"fixed": ["lodash"], "first_fixed": ["bare"]}})
            ),
            ["CVE-2026-3 [pkg:npm/lodash] fixed"]
        );
        for status in ["known_affected", "under_investigation", "recommended"] {
            let vulnerability = json!({"cve": "CVE-2026-4", "product_status": {status: ["image"]}});
            assert_eq!(ignores(&vulnerability), [] as [String; 0], "{status}");
        }
    }

    #[test]
    fn a_statement_without_its_reason_is_refused() {
        for (vulnerability, said) in [
            (
                json!({"cve": "CVE-2026-1", "product_status": {"known_not_affected": ["image"]}}),
                "entry 1 says `known_not_affected` of `image` without a flag or an impact",
            ),
            (
                json!({"product_status": {"fixed": ["image"]}}),
                "entry 1 has neither `cve` nor `ids`",
            ),
            (
                json!({"cve": "CVE-2026-1", "product_status": {"fixed": "image"}}),
                "entry 1 has `fixed`, which is no list",
            ),
        ] {
            let repository = RepositoryName::parse("team/app").unwrap();
            let read = read_ignore_file(&document(&vulnerability), Some(&repository));
            assert_eq!(read.unwrap_err().to_string(), said);
        }
    }
}
