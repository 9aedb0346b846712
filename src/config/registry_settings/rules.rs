//! Rules of scanning, signing, replication and the pull-through cache in `tagship.yaml`.

use std::collections::BTreeSet;

use crate::config::repositories::reading::{Reading, suggestion};
use crate::config::yaml::{Key, Node, Value};
use tagship_domain::registry_settings::{
    PullThroughRule, RegistryScanning, ReplicationDestination, ReplicationRule, ScanType, ScanningFilter,
    SigningRule, TemplatePrefix, Upstream,
};
use tagship_domain::untrusted::cleaned;

/// The most filters of a rule of scanning or signing. Source: ECR API reference, `RegistryScanningRule`, `SigningRule`.
const MAX_FILTERS: usize = 100;
/// The most rules of the pull-through cache. Source: ECR user guide, "Service quotas".
const MAX_CACHES: usize = 50;

fn unknown(key: &Key, of: &str, known: &[&str], reading: &mut Reading<'_>) {
    let message = format!("unknown key `{}` of `{of}`", cleaned(&key.text));
    reading.hinted(key.position, message, suggestion(&key.text, known));
}

/// `none`, or a list of rules; one stands for itself.
fn items<'n>(node: &'n Node, of: &str, most: usize, reading: &mut Reading<'_>) -> &'n [Node] {
    let items = match &node.value {
        Value::Text(text) if text == "none" => &[],
        Value::List(items) => items.as_slice(),
        Value::Text(_) | Value::Mapping(_) => std::slice::from_ref(node),
    };
    if items.len() > most {
        let found = items.len();
        let message = format!("a registry has at most {most} rules of `{of}`, and here are {found}");
        reading.problem(node.position, message);
    }
    items
}

pub(super) fn scanning(node: &Node, reading: &mut Reading<'_>) -> Option<RegistryScanning> {
    const KEYS: [&str; 4] = ["type", "on-push", "continuous", "manual"];
    let mut read = RegistryScanning::default();
    let (mut has_type, mut places) = (false, Vec::new());
    for (key, value) in reading.pairs(node, "what is scanned") {
        let filters = match key.text.as_str() {
            "type" => {
                has_type = true;
                match reading.text("type", value)?.to_ascii_lowercase().as_str() {
                    "basic" => read.scan_type = ScanType::Basic,
                    "enhanced" => read.scan_type = ScanType::Enhanced,
                    other => {
                        let message = format!("`{}` is neither `basic` nor `enhanced`", cleaned(other));
                        reading.problem(value.position, message);
                    }
                }
                continue;
            }
            "on-push" => &mut read.on_push,
            "continuous" => &mut read.continuous,
            "manual" => &mut read.manual,
            _ => {
                unknown(key, "scanning", &KEYS, reading);
                continue;
            }
        };
        places.push((key.text.as_str(), key.position));
        *filters = scanning_filters(&key.text, value, reading);
    }
    if !has_type && reading.is_new(node.position) {
        let hint = "give `type: basic`, or `type: enhanced` for Amazon Inspector".to_owned();
        reading.hinted(node.position, "`scanning` has no `type`", Some(hint));
    }
    for (key, position) in places {
        match (key, read.scan_type) {
            ("continuous", ScanType::Basic) => {
                let hint = "give `type: enhanced`, or take `on-push`".to_owned();
                reading.hinted(position, "basic scanning knows no `continuous`", Some(hint));
            }
            ("manual", ScanType::Enhanced) => {
                let hint = "leave it out: what no filter names is not scanned".to_owned();
                reading.hinted(position, "enhanced scanning knows no `manual`", Some(hint));
            }
            _ => {}
        }
    }
    Some(read)
}

fn scanning_filters(of: &str, node: &Node, reading: &mut Reading<'_>) -> BTreeSet<ScanningFilter> {
    let mut filters = BTreeSet::new();
    for (text, position) in reading.texts(of, node) {
        match ScanningFilter::parse(text) {
            Ok(filter) => drop(filters.insert(filter)),
            Err(error) => reading.problem(position, error.to_string()),
        }
    }
    if filters.len() > MAX_FILTERS {
        let message = format!(
            "a rule has at most {MAX_FILTERS} filters, and here are {}",
            filters.len()
        );
        reading.problem(node.position, message);
    }
    filters
}

pub(super) fn signing(node: &Node, reading: &mut Reading<'_>) -> Vec<SigningRule> {
    let mut rules = Vec::new();
    for item in items(node, "signing", SigningRule::MAX_RULES, reading) {
        let (mut rule, mut filters) = (None, Vec::new());
        let mut has_profile = false;
        for (key, value) in reading.pairs(item, "`profile` and `repositories`") {
            match key.text.as_str() {
                "profile" => {
                    has_profile = true;
                    if let Some(text) = reading.text("profile", value) {
                        match SigningRule::new(text) {
                            Ok(new) => rule = Some(new),
                            Err(error) => reading.problem(value.position, error.to_string()),
                        }
                    }
                }
                "repositories" => {
                    filters = reading.texts("repositories", value);
                    if filters.len() > MAX_FILTERS {
                        let found = filters.len();
                        let message =
                            format!("a rule has at most {MAX_FILTERS} filters, and here are {found}");
                        reading.problem(value.position, message);
                    }
                }
                _ => unknown(key, "signing", &["profile", "repositories"], reading),
            }
        }
        if !has_profile && reading.is_new(item.position) {
            reading.problem(item.position, "a rule of `signing` has no `profile`");
        }
        for (text, position) in filters {
            let added = rule.as_mut().map(|rule| rule.add(text));
            if let Some(Err(error)) = added {
                reading.problem(position, error.to_string());
            }
        }
        rules.extend(rule);
    }
    rules
}

pub(super) fn replication(node: &Node, reading: &mut Reading<'_>) -> Vec<ReplicationRule> {
    let mut rules = Vec::new();
    let mut all = BTreeSet::new();
    for item in items(node, "replication", ReplicationRule::MAX_RULES, reading) {
        let mut rule = ReplicationRule {
            destinations: BTreeSet::new(),
            prefixes: BTreeSet::new(),
            deletes: false,
        };
        let mut has_destinations = false;
        for (key, value) in reading.pairs(item, "`to`, `prefixes` and `delete`") {
            match key.text.as_str() {
                "to" => {
                    has_destinations = true;
                    for (text, position) in reading.texts("to", value) {
                        match ReplicationDestination::parse(text) {
                            Ok(destination) => {
                                all.insert(destination.clone());
                                rule.destinations.insert(destination);
                            }
                            Err(error) => {
                                let hint = "a destination is a region, such as `eu-west-1`, or another account's: `111122223333/eu-west-1`";
                                reading.hinted(position, error.to_string(), Some(hint.to_owned()));
                            }
                        }
                    }
                }
                "prefixes" => {
                    for (text, position) in reading.texts("prefixes", value) {
                        match ReplicationRule::prefix(text) {
                            Ok(prefix) => drop(rule.prefixes.insert(prefix)),
                            Err(error) => reading.problem(position, error.to_string()),
                        }
                    }
                    if rule.prefixes.len() > ReplicationRule::MAX_PREFIXES {
                        let most = ReplicationRule::MAX_PREFIXES;
                        let message = format!("a rule has at most {most} prefixes");
                        reading.problem(value.position, message);
                    }
                }
                "delete" => rule.deletes = reading.flag("delete", value).unwrap_or(false),
                _ => unknown(key, "replication", &["to", "prefixes", "delete"], reading),
            }
        }
        if !has_destinations && reading.is_new(item.position) {
            let hint = "name regions, such as `to: [eu-west-1]`".to_owned();
            reading.hinted(item.position, "a rule of `replication` has no `to`", Some(hint));
        }
        rules.push(rule);
    }
    if all.len() > ReplicationRule::MAX_DESTINATIONS {
        let (most, found) = (ReplicationRule::MAX_DESTINATIONS, all.len());
        let message = format!("a registry replicates to at most {most} others, and here are {found}");
        reading.problem(node.position, message);
    }
    rules
}

pub(super) fn pull_through(node: &Node, reading: &mut Reading<'_>) -> Vec<PullThroughRule> {
    let mut rules: Vec<PullThroughRule> = Vec::new();
    for (key, value) in reading.pairs(node, "prefixes and their upstream registries") {
        let prefix = match TemplatePrefix::parse(&key.text) {
            Ok(prefix) if (2..=30).contains(&prefix.as_str().len()) => prefix,
            Ok(_) => {
                reading.problem(key.position, "the prefix of a cache has 2 to 30 characters");
                continue;
            }
            Err(error) => {
                reading.problem(key.position, error.to_string());
                continue;
            }
        };
        if rules.iter().any(|known| known.prefix == prefix) {
            reading.problem(key.position, format!("`{prefix}` is given twice"));
        }
        rules.extend(cache(prefix, value, reading));
    }
    if rules.len() > MAX_CACHES {
        let found = rules.len();
        let message = format!("a registry has at most {MAX_CACHES} rules of the cache, and here are {found}");
        reading.problem(node.position, message);
    }
    rules
}

/// The upstream registry alone, or with its login.
fn cache(prefix: TemplatePrefix, node: &Node, reading: &mut Reading<'_>) -> Option<PullThroughRule> {
    const KEYS: [&str; 4] = ["upstream", "credential", "role", "upstream-prefix"];
    let (mut upstream, mut credential, mut role, mut beginning) = (None, None, None, None);
    let mut place = node.position;
    if let Value::Mapping(_) = &node.value {
        for (key, value) in reading.pairs(node, "`upstream` and its login") {
            let of = key.text.as_str();
            let given = match of {
                "upstream" => {
                    place = value.position;
                    &mut upstream
                }
                "credential" => &mut credential,
                "role" => &mut role,
                "upstream-prefix" => &mut beginning,
                _ => {
                    unknown(key, "pull-through-cache", &KEYS, reading);
                    continue;
                }
            };
            *given = reading.text(of, value).map(|text| (text, value.position));
        }
    } else {
        upstream = reading.text("upstream", node).map(|text| (text, node.position));
    }
    let Some((text, position)) = upstream else {
        if reading.is_new(place) {
            reading.problem(place, format!("cache `{prefix}` has no `upstream`"));
        }
        return None;
    };
    let upstream = match Upstream::parse(text) {
        Ok(upstream) => upstream,
        Err(error) => {
            let names: Vec<&str> = Upstream::names().collect();
            let hint = format!(
                "there are `{}`, `NAME.azurecr.io` and registries of ECR",
                names.join("`, `")
            );
            reading.hinted(position, error.to_string(), Some(hint));
            return None;
        }
    };
    if let Some((text, position)) = beginning
        && let Err(error) = TemplatePrefix::parse(text)
    {
        reading.problem(position, error.to_string());
    }
    let owned = |given: Option<(&str, _)>| given.map(|(text, _)| text.to_owned());
    match PullThroughRule::new(
        prefix,
        &upstream,
        owned(credential),
        owned(role),
        owned(beginning),
    ) {
        Ok(made) => Some(made),
        Err(errors) => {
            let place = credential.or(role).map_or(position, |(_, position)| position);
            for error in errors {
                reading.problem(place, error.to_string());
            }
            None
        }
    }
}
