//! Findings, as basic and enhanced scans have them.

use aws_sdk_ecr::types::{EnhancedImageScanFinding, ImageScanFinding, VulnerablePackage};

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use tagship_domain::error::cleaned;
use tagship_domain::findings::{Finding, Fix, Package, Severity};

/// Reads a basic finding. Basic scans do not say what mends it.
///
/// Source: ECR API reference, `ImageScanFinding`.
pub(super) fn basic(found: &ImageScanFinding) -> Finding {
    let attribute = |key: &str| {
        let mut attributes = found.attributes().iter();
        let attribute = attributes.find(|attribute| attribute.key() == key);
        attribute.and_then(|attribute| attribute.value())
    };
    let score = attribute("CVSS4_SCORE")
        .or(attribute("CVSS3_SCORE"))
        .or(attribute("CVSS2_SCORE"));
    Finding {
        vulnerability: found.name().map(cleaned).unwrap_or_default(),
        severity: Severity::of_scan(found.severity().map_or("", |severity| severity.as_str())),
        package: Package {
            name: attribute("package_name").map(cleaned).unwrap_or_default(),
            version: attribute("package_version").map(cleaned).unwrap_or_default(),
            path: None,
            manager: None,
        },
        fix: Fix::Unknown,
        is_exploitable: false,
        probability: None,
        score: score
            .and_then(|score| score.parse().ok())
            .filter(|score| is_score(*score)),
        description: text(found.description()),
        uri: text(found.uri()),
        known_since: None,
        is_suppressed: false,
    }
}

/// Reads an enhanced finding: one for each package that it names. One that is closed is none any more.
///
/// Source: ECR API reference, `EnhancedImageScanFinding`.
pub(super) fn enhanced(found: &EnhancedImageScanFinding) -> Vec<Finding> {
    if found.status() == Some("CLOSED") {
        return Vec::new();
    }
    let details = found.package_vulnerability_details();
    let vulnerability = details
        .and_then(|details| details.vulnerability_id())
        .or(found.title())
        .or(found.finding_arn());
    let of_package = |package: Option<&VulnerablePackage>| Finding {
        vulnerability: vulnerability.map(cleaned).unwrap_or_default(),
        severity: Severity::of_scan(found.severity().unwrap_or_default()),
        package: package.map(package_of).unwrap_or_default(),
        fix: fix(
            package.and_then(VulnerablePackage::fixed_in_version),
            found.fix_available(),
        ),
        is_exploitable: found.exploit_available() == Some("YES"),
        probability: None,
        score: Some(found.score()).filter(|score| is_score(*score)),
        description: text(found.description()),
        uri: text(details.and_then(|details| details.source_url())),
        known_since: details
            .and_then(|details| details.vendor_created_at())
            .and_then(day),
        is_suppressed: found.status() == Some("SUPPRESSED"),
    };
    let packages = details.map_or(&[][..], |details| details.vulnerable_packages());
    if packages.is_empty() {
        return vec![of_package(None)];
    }
    packages.iter().map(|package| of_package(Some(package))).collect()
}

/// The package with its whole version. Source: ECR API reference, `VulnerablePackage`.
fn package_of(package: &VulnerablePackage) -> Package {
    let version = package.version().unwrap_or_default();
    let epoch = package.epoch().filter(|epoch| *epoch > 0);
    let epoch = epoch.map(|epoch| format!("{epoch}:")).unwrap_or_default();
    let release = package.release().filter(|release| !release.is_empty());
    let release = release.map(|release| format!("-{release}")).unwrap_or_default();
    Package {
        name: package.name().map(cleaned).unwrap_or_default(),
        version: cleaned(&format!("{epoch}{version}{release}")),
        path: text(package.file_path()),
        manager: text(package.package_manager()),
    }
}

/// What mends the finding in one package; `available` is of all its packages together.
///
/// Source: Inspector API reference, `VulnerablePackage`, `fixedInVersion`, which is `NotAvailable` where there is none.
fn fix(fixed_in: Option<&str>, available: Option<&str>) -> Fix {
    match (fixed_in, available) {
        (Some("NotAvailable"), _) => Fix::None,
        (Some(version), _) if !version.is_empty() => Fix::Available {
            version: Some(cleaned(version)),
        },
        (_, Some("NO")) => Fix::None,
        (_, Some("YES")) => Fix::Available { version: None },
        _ => Fix::Unknown,
    }
}

/// The day of a moment, in UTC.
fn day(moment: &aws_smithy_types::DateTime) -> Option<Date> {
    let moment = Timestamp::from_second(moment.secs()).ok()?;
    Some(moment.to_zoned(TimeZone::UTC).date())
}

fn text(text: Option<&str>) -> Option<String> {
    text.map(cleaned).filter(|text| !text.is_empty())
}

/// Whether a number is a CVSS score; zero stands for none.
fn is_score(score: f64) -> bool {
    score > 0.0 && score <= 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_mends_a_package_is_its_own_version_first() {
        let version = |version: &str| Fix::Available {
            version: Some(version.to_owned()),
        };
        for (fixed_in, available, expected) in [
            (Some("1.2"), Some("PARTIAL"), version("1.2")),
            (Some("NotAvailable"), Some("PARTIAL"), Fix::None),
            (None, Some("NO"), Fix::None),
            (None, Some("YES"), Fix::Available { version: None }),
            (Some(""), Some("PARTIAL"), Fix::Unknown),
            (None, None, Fix::Unknown),
        ] {
            assert_eq!(fix(fixed_in, available), expected, "{fixed_in:?} {available:?}");
        }
    }

    #[test]
    fn a_finding_of_several_packages_is_one_for_each_and_hostile_texts_are_cleaned() {
        let package = |name: &str| {
            VulnerablePackage::builder()
                .name(name)
                .version("1.0")
                .release("r2")
                .epoch(1)
                .build()
        };
        let details = aws_sdk_ecr::types::PackageVulnerabilityDetails::builder()
            .vulnerability_id("CVE-1\n::error::x")
            .vulnerable_packages(package("a"))
            .vulnerable_packages(package("b\u{1b}[31m"))
            .build();
        let found = EnhancedImageScanFinding::builder()
            .severity("HIGH")
            .package_vulnerability_details(details);
        let findings = enhanced(&found.clone().build());
        let shown: Vec<String> = findings.iter().map(ToString::to_string).collect();
        assert_eq!(
            shown,
            [
                "high CVE-1 ::error::x in a 1:1.0-r2",
                "high CVE-1 ::error::x in b\u{fffd} 1:1.0-r2"
            ]
        );
        assert!(enhanced(&found.clone().status("CLOSED").build()).is_empty());
        assert!(enhanced(&found.status("SUPPRESSED").build())[0].is_suppressed);
        assert_eq!(
            enhanced(&EnhancedImageScanFinding::builder().title("t").build())[0].vulnerability,
            "t"
        );
    }
}
