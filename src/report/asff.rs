//! Findings in the format of AWS Security Hub.
//!
//! Source: AWS Security Hub user guide, "AWS Security Finding Format (ASFF)"; API reference, `AwsSecurityFinding` and
//! `BatchImportFindings`, which takes a hundred at a time.

use jiff::Timestamp;
use serde_json::{Value, json};

use tagship_domain::findings::{Finding, Fix, GateDecision, Severity};
use tagship_domain::reference::{Digest, ImageName};

/// The most characters of a title, and of a description.
const MAX_TITLE: usize = 256;
const MAX_DESCRIPTION: usize = 1024;

/// Returns the findings of an image as a list for Security Hub, the worst first; those that are ignored are suppressed. `None` where the
/// registry's name has no account and region.
pub fn asff(image: &ImageName, digest: Digest, decision: &GateDecision, at: Timestamp) -> Option<Value> {
    let (account, region) = (image.registry.account()?, image.registry.region()?);
    let (partition, repository) = (region.partition(), &image.repository);
    let product = format!("arn:{partition}:securityhub:{region}:{account}:product/{account}/default");
    let resource = json!({
        "Type": "AwsEcrContainerImage",
        "Id": format!("arn:{partition}:ecr:{region}:{account}:repository/{repository}/{digest}"),
        "Partition": partition,
        "Region": region.as_str(),
        "Details": {"AwsEcrContainerImage": {
            "RegistryId": account.as_str(),
            "RepositoryName": repository.as_str(),
            "ImageDigest": digest,
        }},
    });
    let finding = |(finding, status): (&Finding, &str)| {
        let path = finding.package.path.as_deref().unwrap_or_default();
        // Neither version nor digest: a later image of the repository brings it up to date.
        let identity = [
            repository.as_str(),
            &finding.vulnerability,
            &finding.package.name,
            path,
        ]
        .join("\n");
        let description = finding.description.clone();
        json!({
            "SchemaVersion": "2018-10-08",
            "Id": format!("tagship/{}", Digest::of(identity.as_bytes()).hex()),
            "ProductArn": product,
            "GeneratorId": "tagship/scan-gate",
            "AwsAccountId": account.as_str(),
            "Types": ["Software and Configuration Checks/Vulnerabilities/CVE"],
            "CreatedAt": at.to_string(),
            "UpdatedAt": at.to_string(),
            "Severity": {"Label": label(finding.severity)},
            "Title": cut(&format!("{repository}: {finding}"), MAX_TITLE),
            "Description": cut(&description.unwrap_or_else(|| finding.to_string()), MAX_DESCRIPTION),
            "Resources": [resource],
            "Vulnerabilities": [vulnerability(finding)],
            "Workflow": {"Status": status},
            "RecordState": "ACTIVE",
        })
    };
    let counted = decision
        .findings
        .iter()
        .chain(&decision.known)
        .chain(&decision.unfixed);
    let counted = counted.map(|finding| (finding, "NEW"));
    let ignored = decision
        .ignored
        .iter()
        .map(|ignored| (&ignored.finding, "SUPPRESSED"));
    Some(counted.chain(ignored).map(finding).collect())
}

/// Source: API reference, `Vulnerability` and `SoftwarePackage`.
fn vulnerability(finding: &Finding) -> Value {
    let mut package = serde_json::Map::new();
    let fixed_in = match &finding.fix {
        Fix::Available { version } => version.as_ref(),
        Fix::Unknown | Fix::None => None,
    };
    let fields = [
        ("Name", Some(&finding.package.name)),
        ("Version", Some(&finding.package.version)),
        ("FilePath", finding.package.path.as_ref()),
        ("PackageManager", finding.package.manager.as_ref()),
        ("FixedInVersion", fixed_in),
    ];
    for (name, value) in fields {
        if let Some(value) = value.filter(|value| !value.trim().is_empty()) {
            package.insert(name.to_owned(), json!(value));
        }
    }
    let mut vulnerability = json!({
        "Id": finding.vulnerability,
        "VulnerablePackages": [package],
        "ExploitAvailable": if finding.is_exploitable { "YES" } else { "NO" },
    });
    match finding.fix {
        Fix::Unknown => {}
        Fix::None => vulnerability["FixAvailable"] = json!("NO"),
        Fix::Available { .. } => vulnerability["FixAvailable"] = json!("YES"),
    }
    if let Some(score) = finding.score {
        vulnerability["Cvss"] = json!([{"BaseScore": score}]);
    }
    if let Some(probability) = finding.probability {
        vulnerability["EpssScore"] = json!(probability);
    }
    if let Some(uri) = &finding.uri {
        vulnerability["ReferenceUrls"] = json!([uri]);
    }
    vulnerability
}

/// Source: API reference, `Severity`, `Label`.
fn label(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "CRITICAL",
        Severity::High => "HIGH",
        Severity::Medium => "MEDIUM",
        Severity::Low => "LOW",
        Severity::Informational | Severity::Undefined => "INFORMATIONAL",
    }
}

/// At most so many characters.
fn cut(text: &str, most: usize) -> String {
    text.chars().take(most).collect()
}
