//! Findings, as basic and enhanced scans have them.

use serde_json::{Value, json};

use crate::faces::json_api::epoch_seconds;
use crate::services::scanning::ScanFindings;
use crate::state::scan_orders::Finding;
use crate::state::store::{ImageDetail, Registry, Repository};
use tagship_domain::reference::Digest;

/// Source: ECR API reference, `ImageScanFinding`.
pub(crate) fn basic(found: &ScanFindings) -> Vec<Value> {
    found.findings.iter().map(basic_one).collect()
}

fn basic_one(finding: &Finding) -> Value {
    let mut attributes = vec![
        ("package_name", finding.package.clone()),
        ("package_version", finding.version.clone()),
    ];
    attributes.extend(finding.score.map(|score| ("CVSS3_SCORE", score.to_string())));
    attributes.extend(finding.vector.clone().map(|vector| ("CVSS3_VECTOR", vector)));
    let more = finding.attributes.iter();
    attributes.extend(more.map(|(key, value)| (key.as_str(), value.clone())));
    let attributes: Vec<Value> = attributes
        .into_iter()
        .map(|(key, value)| json!({"key": key, "value": value}))
        .collect();
    without_nulls(json!({
        "name": finding.name,
        "description": finding.description,
        "uri": finding.uri,
        "severity": finding.severity,
        "attributes": attributes,
    }))
}

/// Source: ECR API reference, `EnhancedImageScanFinding`.
pub(crate) fn enhanced(
    registry: &Registry,
    repository: &Repository,
    image: &ImageDetail,
    found: &ScanFindings,
) -> Vec<Value> {
    let resource = json!({
        "id": format!("{}/{}", registry.arn(repository.name.as_str()), image.digest),
        "type": "AWS_ECR_CONTAINER_IMAGE",
        "tags": repository.tags,
        "details": {"awsEcrContainerImage": {
            "imageHash": image.digest,
            "imageTags": image.tags,
            "pushedAt": epoch_seconds(image.pushed_at),
            "registry": registry.account(),
            "repositoryName": repository.name,
        }},
    });
    let one = |finding: &Finding| enhanced_one(registry, &resource, found, finding);
    found.findings.iter().map(one).collect()
}

fn enhanced_one(registry: &Registry, resource: &Value, found: &ScanFindings, finding: &Finding) -> Value {
    let completed_at = epoch_seconds(found.completed_at);
    let arn = format!(
        "arn:{}:inspector2:{}:{}:finding/{}",
        registry.region().partition(),
        registry.region(),
        registry.account(),
        Digest::of(format!("{resource}{}{}", finding.name, finding.package).as_bytes()).hex(),
    );
    let cvss = finding.score.map(|score| {
        json!([{
            "baseScore": score,
            "scoringVector": finding.vector,
            "source": "NVD",
            "version": "3.1",
        }])
    });
    let score_details = finding.score.map(|score| {
        json!({"cvss": {
            "score": score,
            "scoreSource": "NVD",
            "scoringVector": finding.vector,
            "version": "3.1",
            "adjustments": [],
        }})
    });
    without_nulls(json!({
        "awsAccountId": registry.account(),
        "description": finding.description,
        "findingArn": arn,
        "firstObservedAt": completed_at,
        "lastObservedAt": completed_at,
        "updatedAt": completed_at,
        "packageVulnerabilityDetails": {
            "cvss": cvss,
            "referenceUrls": finding.uri.as_slice(),
            "relatedVulnerabilities": [],
            "source": "NVD",
            "sourceUrl": finding.uri,
            "vendorCreatedAt": finding.vendor_created_at,
            "vendorSeverity": finding.severity,
            "vulnerabilityId": finding.name,
            "vulnerablePackages": [{
                "name": finding.package,
                "version": finding.version,
                "fixedInVersion": finding.fixed_in,
            }],
        },
        "remediation": {"recommendation": {"text": "None Provided"}},
        "resources": [resource],
        "score": finding.score,
        "scoreDetails": score_details,
        "severity": finding.severity,
        "status": "ACTIVE",
        "title": format!("{} - {}", finding.name, finding.package),
        "type": "PACKAGE_VULNERABILITY",
        "fixAvailable": match finding.fixed_in {
            None => "NO",
            Some(_) if finding.partly_fixed => "PARTIAL",
            Some(_) => "YES",
        },
        "exploitAvailable": if finding.exploitable { "YES" } else { "NO" },
    }))
}

/// AWS leaves out what it does not know.
fn without_nulls(mut value: Value) -> Value {
    fn clean(value: &mut Value) {
        match value {
            Value::Object(fields) => {
                fields.retain(|_, field| !field.is_null());
                fields.values_mut().for_each(clean);
            }
            Value::Array(items) => items.iter_mut().for_each(clean),
            _ => {}
        }
    }
    clean(&mut value);
    value
}
