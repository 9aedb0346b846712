//! Packaged Helm charts. Source: Helm documentation, "Use OCI-based registries" and "The Chart.yaml File"; HIP 17.

use std::collections::BTreeMap;

use semver::Version;
use serde_json::{Map, Value, json};

use super::Artifact;
use crate::error::cleaned;
use crate::reference::RepositoryName;
use crate::yaml::{self, Node, YamlError};

/// The media type of a chart's config: what its `Chart.yaml` says, as JSON.
const CONFIG: &str = "application/vnd.cncf.helm.config.v1+json";
/// The media type of a packaged chart.
pub const CHART_CONTENT: &str = "application/vnd.cncf.helm.chart.content.v1.tar+gzip";
/// The media type of a chart's signed provenance.
pub const CHART_PROVENANCE: &str = "application/vnd.cncf.helm.chart.provenance.v1.prov";

/// The fields of `Chart.yaml` that are texts.
const TEXTS: [&str; 11] = [
    "name",
    "home",
    "version",
    "description",
    "icon",
    "apiVersion",
    "condition",
    "tags",
    "appVersion",
    "kubeVersion",
    "type",
];
/// Its fields that are lists of texts.
const LISTS: [&str; 2] = ["sources", "keywords"];

/// A chart, as its `Chart.yaml` describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chart {
    /// Its name, which is the last part of its repository's.
    pub name: String,
    /// Its version, which is its tag.
    pub version: Version,
    /// What it is made of.
    pub artifact: Artifact,
}

/// Why a chart cannot be pushed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidChart {
    /// It cannot be read.
    #[error("its `Chart.yaml` {0}")]
    Yaml(#[from] YamlError),
    /// A field is missing, or of another kind.
    #[error("its `Chart.yaml` has no `{0}`")]
    Lacks(&'static str),
    /// A field is of another kind.
    #[error("`{0}` in its `Chart.yaml` is of another kind")]
    Kind(String),
    /// The name cannot be that of a repository, where Helm looks for it.
    #[error("its name `{}` cannot be the last part of a repository's name", cleaned(.0))]
    Name(String),
    /// The version is none.
    #[error("its version `{}` is no semantic version", cleaned(.0))]
    Version(String),
}

impl Chart {
    /// Reads a `Chart.yaml`. Fields that Helm does not know are left out, as Helm does.
    pub fn parse(text: &str) -> Result<Self, InvalidChart> {
        let root = yaml::read(text)?;
        let metadata = metadata(&root)?;
        let text = |field: &'static str| {
            let text = metadata.get(field).and_then(Value::as_str);
            text.ok_or(InvalidChart::Lacks(field))
        };
        text("apiVersion")?;
        let name = text("name")?.to_owned();
        let is_part = RepositoryName::parse(&name).is_ok() && !name.contains('/');
        if !is_part {
            return Err(InvalidChart::Name(name));
        }
        let version = text("version")?;
        let version =
            Version::parse(version).map_err(|_invalid| InvalidChart::Version(version.to_owned()))?;
        let artifact = Artifact {
            config_type: CONFIG,
            config: Value::Object(metadata.clone()).to_string().into_bytes(),
            annotations: annotations(&metadata),
        };
        Ok(Self {
            name,
            version,
            artifact,
        })
    }
}

/// What Helm makes of the file: each field with its own kind, and none that is empty.
fn metadata(root: &Node) -> Result<Map<String, Value>, InvalidChart> {
    let mut metadata = fields(root, &TEXTS)?;
    for field in LISTS {
        if let Some(list) = texts(root, field)? {
            metadata.insert(field.to_owned(), list);
        }
    }
    let each = |field: &str, read: fn(&Node) -> Result<Map<String, Value>, InvalidChart>| {
        let items = items(root, field)?;
        items
            .iter()
            .map(|item| read(item).map(Value::Object))
            .collect::<Result<Vec<_>, _>>()
    };
    let maintainers = each("maintainers", |node| fields(node, &["name", "email", "url"]))?;
    let dependencies = each("dependencies", dependency)?;
    for (field, list) in [("maintainers", maintainers), ("dependencies", dependencies)] {
        if !list.is_empty() {
            metadata.insert(field.to_owned(), Value::Array(list));
        }
    }
    if flag(root, "deprecated")? {
        metadata.insert("deprecated".to_owned(), Value::Bool(true));
    }
    if let Some(node) = root.get("annotations") {
        let pairs = node
            .pairs()
            .ok_or_else(|| InvalidChart::Kind("annotations".to_owned()))?;
        let mut annotations = Map::new();
        for (name, value) in pairs {
            let text = value.text().ok_or_else(|| InvalidChart::Kind(cleaned(name)))?;
            annotations.insert(name.to_owned(), json!(text));
        }
        if !annotations.is_empty() {
            metadata.insert("annotations".to_owned(), Value::Object(annotations));
        }
    }
    Ok(metadata)
}

fn dependency(node: &Node) -> Result<Map<String, Value>, InvalidChart> {
    let mut dependency = fields(node, &["name", "version", "repository", "condition", "alias"])?;
    // Helm writes an empty repository too.
    dependency.entry("repository").or_insert_with(|| json!(""));
    if let Some(tags) = texts(node, "tags")? {
        dependency.insert("tags".to_owned(), tags);
    }
    if flag(node, "enabled")? {
        dependency.insert("enabled".to_owned(), Value::Bool(true));
    }
    let imports = items(node, "import-values")?;
    let imports = imports.iter().map(|item| match item.text() {
        Some(text) => Ok(json!(text)),
        None => fields(item, &["child", "parent"]).map(Value::Object),
    });
    let imports: Vec<Value> = imports.collect::<Result<_, _>>()?;
    if !imports.is_empty() {
        dependency.insert("import-values".to_owned(), Value::Array(imports));
    }
    Ok(dependency)
}

/// The texts under some names, without empty ones.
fn fields(node: &Node, names: &[&str]) -> Result<Map<String, Value>, InvalidChart> {
    let mut fields = Map::new();
    for name in names {
        let Some(value) = node.get(name) else { continue };
        let text = value
            .text()
            .ok_or_else(|| InvalidChart::Kind((*name).to_owned()))?;
        if !text.is_empty() {
            fields.insert((*name).to_owned(), json!(text));
        }
    }
    Ok(fields)
}

fn items<'a>(node: &'a Node, name: &str) -> Result<&'a [Node], InvalidChart> {
    match node.get(name) {
        None => Ok(&[]),
        Some(value) if value.text().is_some_and(str::is_empty) => Ok(&[]),
        Some(value) => value.items().ok_or_else(|| InvalidChart::Kind(name.to_owned())),
    }
}

fn texts(node: &Node, name: &str) -> Result<Option<Value>, InvalidChart> {
    let items = items(node, name)?.iter().map(|item| {
        let text = item.text().ok_or_else(|| InvalidChart::Kind(name.to_owned()))?;
        Ok(json!(text))
    });
    let items: Vec<Value> = items.collect::<Result<_, InvalidChart>>()?;
    Ok((!items.is_empty()).then_some(Value::Array(items)))
}

fn flag(node: &Node, name: &str) -> Result<bool, InvalidChart> {
    match node.get(name).map(Node::text) {
        None | Some(Some("false" | "")) => Ok(false),
        Some(Some("true")) => Ok(true),
        Some(_) => Err(InvalidChart::Kind(name.to_owned())),
    }
}

/// What the manifest says of the chart. Helm adds the time of the push, with which no push would find an earlier one.
fn annotations(metadata: &Map<String, Value>) -> BTreeMap<String, String> {
    let text = |field: &str| metadata.get(field).and_then(Value::as_str).map(str::to_owned);
    let mut annotations = BTreeMap::new();
    for (name, value) in metadata
        .get("annotations")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        annotations.extend(value.as_str().map(|value| (name.clone(), value.to_owned())));
    }
    let source = metadata
        .get("sources")
        .and_then(|list| list.get(0))
        .and_then(Value::as_str);
    let maintainers = metadata
        .get("maintainers")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    let authors = maintainers.filter_map(|maintainer| {
        let name = maintainer.get("name")?.as_str()?;
        let email = maintainer.get("email").and_then(Value::as_str);
        Some(email.map_or_else(|| name.to_owned(), |email| format!("{name} ({email})")))
    });
    let authors: Vec<String> = authors.collect();
    let standard = [
        ("description", text("description")),
        ("title", text("name")),
        ("version", text("version")),
        ("url", text("home")),
        ("source", source.map(str::to_owned)),
        ("authors", (!authors.is_empty()).then(|| authors.join(", "))),
    ];
    for (name, value) in standard {
        annotations.extend(value.map(|value| (format!("org.opencontainers.image.{name}"), value)));
    }
    annotations
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHART: &str = "\
apiVersion: v2
name: web
version: 1.2.3+5
appVersion: 1.10
description: A web server
home: https://example.com
sources:
  - https://example.com/source
maintainers:
  - name: Kim
    email: kim@example.com
dependencies:
  - name: db
    version: 1.x
    repository: oci://registry.example.com/charts
    enabled: true
    import-values: [data, {child: a, parent: b}]
deprecated: false
annotations:
  category: Infrastructure
  org.opencontainers.image.title: other
unknown: left out
";

    /// Source: Helm, `pkg/chart`, `Metadata` and `Dependency`: names of fields as JSON; empty ones are left out.
    #[test]
    fn the_config_is_the_file_as_helm_writes_it() {
        let chart = Chart::parse(CHART).unwrap();
        assert_eq!(
            (chart.name.as_str(), chart.version.to_string().as_str()),
            ("web", "1.2.3+5")
        );
        let config: Value = serde_json::from_slice(&chart.artifact.config).unwrap();
        let expected = json!({
            "apiVersion": "v2", "name": "web", "version": "1.2.3+5", "appVersion": "1.10",
            "description": "A web server", "home": "https://example.com",
            "sources": ["https://example.com/source"],
            "maintainers": [{"name": "Kim", "email": "kim@example.com"}],
            "dependencies": [{
                "name": "db", "version": "1.x", "repository": "oci://registry.example.com/charts", "enabled": true,
                "import-values": ["data", {"child": "a", "parent": "b"}],
            }],
            "annotations": {"category": "Infrastructure", "org.opencontainers.image.title": "other"},
        });
        assert_eq!(config, expected);
        let says =
            |name: &str| chart.artifact.annotations[&format!("org.opencontainers.image.{name}")].clone();
        assert_eq!(says("title"), "web", "no annotation says another name");
        assert_eq!(says("authors"), "Kim (kim@example.com)");
        assert_eq!(chart.artifact.annotations["category"], "Infrastructure");
    }

    #[test]
    fn what_is_no_chart_is_named() {
        for (text, expected) in [
            ("", "is empty"),
            ("name: web", "has no `apiVersion`"),
            ("apiVersion: v2\nversion: 1.0.0", "has no `name`"),
            (
                "apiVersion: v2\nname: web\nversion: one",
                "`one` is no semantic version",
            ),
            (
                "apiVersion: v2\nname: [web]\nversion: 1.0.0",
                "`name` in its `Chart.yaml` is of another kind",
            ),
            (
                "apiVersion: v2\nname: web\nversion: 1.0.0\nsources: x",
                "`sources`",
            ),
        ] {
            let error = Chart::parse(text).unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
