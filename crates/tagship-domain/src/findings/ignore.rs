//! Findings that do not count, each with a reason and an end.

use std::fmt;

use jiff::civil::Date;
use packageurl::PackageUrl;
use serde::Serialize;

use super::finding::{Finding, Fix, Package};
use crate::paths::{PathFilter, PathFilterError};
use crate::untrusted::cleaned;

/// Which findings do not count, why, and until when. Everything that it names must be so of a finding.
#[derive(Debug, Clone)]
pub struct Ignore {
    /// Names of one vulnerability; any when empty.
    pub(super) vulnerabilities: Vec<String>,
    pub(super) package: Option<String>,
    pub(super) version: Option<String>,
    /// One of these; any when empty.
    pub(super) purls: Vec<PackageUrl<'static>>,
    pub(super) path: Option<(String, PathFilter)>,
    pub(super) fix: Option<KnownFix>,
    /// The last day on which it counts, in UTC.
    pub until: Date,
    /// Why.
    pub reason: String,
    /// Whether it is of a file that may be about more than this image, so that it need not be used.
    pub(super) is_shared: bool,
}

/// What a scan has to say of what mends a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KnownFix {
    /// There is a version that mends it.
    Fixed,
    /// There is none.
    NotFixed,
    /// The scan does not say.
    Unknown,
}

impl KnownFix {
    fn is_of(self, fix: &Fix) -> bool {
        match fix {
            Fix::Available { .. } => self == Self::Fixed,
            Fix::None => self == Self::NotFixed,
            Fix::Unknown => self == Self::Unknown,
        }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Fixed => "fixed",
            Self::NotFixed => "not-fixed",
            Self::Unknown => "unknown",
        }
    }
}

/// A text says no ignored findings.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidIgnore {
    /// A part is no field.
    #[error("`{0}` is not of the form `name=value`")]
    NoField(String),
    /// A field is unknown.
    #[error(
        "there is no field `{0}`: there are `id`, `package`, `version`, `purl`, `path`, `until` and `reason`"
    )]
    UnknownField(String),
    /// A field stands there twice.
    #[error("`{0}` is given twice")]
    Twice(&'static str),
    /// A field is missing or empty.
    #[error("`{0}` is missing")]
    Missing(&'static str),
    /// It names nothing.
    #[error("it names no finding: one of `id`, `package`, `purl` and `path` is needed")]
    NamesNothing,
    /// It ends on no day.
    #[error("`{0}` is no date such as `2026-12-31`")]
    Date(String),
    /// A package URL cannot be read.
    #[error("`{0}` is no package URL such as `pkg:npm/lodash`")]
    Purl(String),
    /// A pattern of a path cannot be read.
    #[error(transparent)]
    Path(#[from] PathFilterError),
}

/// The fields of one entry, in the order in which an entry is printed.
const FIELDS: [&str; 7] = ["id", "package", "version", "purl", "path", "until", "reason"];

impl Ignore {
    /// The field that comes last and takes the rest of the line.
    pub const LAST_FIELD: &'static str = "reason";

    /// Reads `id=CVE-2024-3094,package=xz-utils,until=2026-12-31,reason=the library is never loaded`.
    pub fn parse(text: &str) -> Result<Self, InvalidIgnore> {
        let mut values: [Option<String>; 7] = Default::default();
        let mut rest = Some(text);
        while let Some(text) = rest {
            let (name, value) = text.split_once('=').ok_or_else(|| {
                let part = text.split(',').next().unwrap_or_default();
                InvalidIgnore::NoField(cleaned(part))
            })?;
            let name = name.trim();
            let place = FIELDS.iter().position(|field| *field == name);
            let place = place.ok_or_else(|| InvalidIgnore::UnknownField(cleaned(name)))?;
            let (value, after) = match value.split_once(',') {
                Some((value, after)) if name != Self::LAST_FIELD => (value, Some(after)),
                _ => (value, None),
            };
            rest = after;
            if values[place].replace(value.trim().to_owned()).is_some() {
                return Err(InvalidIgnore::Twice(FIELDS[place]));
            }
        }
        let [vulnerability, package, version, purl, path, until, reason] =
            values.map(|value| value.filter(|value| !value.is_empty()));
        if [&vulnerability, &package, &purl, &path]
            .iter()
            .all(|field| field.is_none())
        {
            return Err(InvalidIgnore::NamesNothing);
        }
        let until = until.ok_or(InvalidIgnore::Missing("until"))?;
        let until = until
            .parse()
            .map_err(|_no_date| InvalidIgnore::Date(cleaned(&until)))?;
        let purl = purl.map(|purl| read_purl(&purl)).transpose()?;
        Ok(Self {
            vulnerabilities: vulnerability.into_iter().collect(),
            package,
            version,
            purls: purl.into_iter().collect(),
            path: path.map(|path| read_path(&[path])).transpose()?,
            fix: None,
            until,
            reason: cleaned(&reason.ok_or(InvalidIgnore::Missing("reason"))?),
            is_shared: false,
        })
    }

    /// Whether it is about the finding, whatever the day is.
    pub fn is_about(&self, finding: &Finding) -> bool {
        let Package {
            name, version, path, ..
        } = &finding.package;
        let is_id = |id: &String| id.eq_ignore_ascii_case(&finding.vulnerability);
        let is_path = |(_, filter): &(String, PathFilter)| {
            let path = path.as_deref().map(|path| path.trim_start_matches('/'));
            path.is_some_and(|path| filter.contains(path.as_bytes()))
        };
        let is_purl = |purl: &PackageUrl<'_>| is_same_package(purl, &finding.package);
        (self.vulnerabilities.is_empty() || self.vulnerabilities.iter().any(is_id))
            && self.package.as_ref().is_none_or(|package| package == name)
            && self.version.as_ref().is_none_or(|wanted| wanted == version)
            && (self.purls.is_empty() || self.purls.iter().any(is_purl))
            && self.fix.is_none_or(|fix| fix.is_of(&finding.fix))
            && self.path.as_ref().is_none_or(is_path)
    }

    /// Whether its last day is over.
    pub fn is_expired(&self, today: Date) -> bool {
        self.until < today
    }
}

/// Patterns of paths, of which one must be so.
pub(super) fn read_path(patterns: &[String]) -> Result<(String, PathFilter), PathFilterError> {
    let rooted: Vec<&str> = patterns.iter().map(|path| path.trim_start_matches('/')).collect();
    Ok((patterns.join(" or "), PathFilter::parse(&rooted)?))
}

pub(super) fn read_purl(text: &str) -> Result<PackageUrl<'static>, InvalidIgnore> {
    text.to_owned()
        .parse()
        .map_err(|_no_purl| InvalidIgnore::Purl(cleaned(text)))
}

/// Whether a package URL is of the package; one without a version is of all.
///
/// A scan of the system's packages does not say the distribution, so that the URL's namespace does not count there.
/// Source: the package URL specification, "Known types"; ECR API reference, `VulnerablePackage`, `packageManager`.
fn is_same_package(purl: &PackageUrl<'_>, package: &Package) -> bool {
    let manager = package.manager.as_deref().unwrap_or("OS");
    let types: &[&str] = match manager {
        "NPM" | "YARN" | "NODEPKG" | "PNPM" => &["npm"],
        "PIP" | "PIPENV" | "POETRY" | "PYTHONPKG" => &["pypi"],
        "JAR" | "POM" | "MAVEN" => &["maven"],
        "GOBINARY" | "GOMOD" => &["golang"],
        "BUNDLER" | "GEMSPEC" => &["gem"],
        "CARGO" => &["cargo"],
        "COMPOSER" => &["composer"],
        "NUGET" | "DOTNET_CORE" => &["nuget"],
        "OS" => &["deb", "rpm", "apk"],
        _ => return false,
    };
    let separator = if manager == "OS" || purl.ty() != "maven" {
        "/"
    } else {
        ":"
    };
    let name = match purl.namespace() {
        Some(namespace) if manager != "OS" => format!("{namespace}{separator}{}", purl.name()),
        _ => purl.name().to_owned(),
    };
    types.contains(&purl.ty())
        && name == package.name
        && purl.version().is_none_or(|version| version == package.version)
}

impl fmt::Display for Ignore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let several = |texts: Vec<String>| (!texts.is_empty()).then(|| texts.join(" or "));
        let purl = several(self.purls.iter().map(ToString::to_string).collect());
        let path = self.path.as_ref().map(|(path, _)| path.clone());
        let fields = [
            several(self.vulnerabilities.clone()),
            self.package.clone(),
            self.version.clone(),
            purl,
            path,
        ];
        for (name, value) in FIELDS.iter().zip(fields) {
            if let Some(value) = value {
                write!(f, "{name}={},", cleaned(&value))?;
            }
        }
        if let Some(fix) = self.fix {
            write!(f, "fix-state={},", fix.as_str())?;
        }
        write!(f, "until={},reason={}", self.until, self.reason)
    }
}

impl Serialize for Ignore {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Severity;
    use super::*;

    fn finding(manager: &str, name: &str, version: &str, path: Option<&str>) -> Finding {
        Finding {
            vulnerability: "CVE-2024-3094".to_owned(),
            severity: Severity::Critical,
            package: Package {
                name: name.to_owned(),
                version: version.to_owned(),
                path: path.map(str::to_owned),
                manager: Some(manager.to_owned()),
            },
            fix: Fix::Unknown,
            is_exploitable: false,
            probability: None,
            score: None,
            description: None,
            uri: None,
            known_since: None,
            is_suppressed: false,
        }
    }

    #[test]
    fn everything_that_is_named_must_be_so() {
        let os = finding("OS", "xz-utils", "5.6.0", None);
        let npm = finding(
            "NPM",
            "@babel/core",
            "7.0.0",
            Some("/app/node_modules/@babel/core/package.json"),
        );
        let jar = finding(
            "JAR",
            "org.apache.logging.log4j:log4j-core",
            "2.14.0",
            Some("app.jar"),
        );
        for (fields, about) in [
            ("id=cve-2024-3094", [true, true, true]),
            ("id=CVE-2024-3095", [false; 3]),
            ("package=xz-utils", [true, false, false]),
            ("id=CVE-2024-3094,package=xz", [false; 3]),
            ("package=xz-utils,version=5.6.1", [false; 3]),
            ("path=app/**", [false, true, false]),
            ("path=/app/node_modules/**", [false, true, false]),
            (
                "purl=pkg:deb/debian/xz-utils@5.6.0?arch=amd64",
                [true, false, false],
            ),
            ("purl=pkg:npm/%40babel/core", [false, true, false]),
            ("purl=pkg:npm/%40babel/core@7.0.1", [false; 3]),
            (
                "purl=pkg:maven/org.apache.logging.log4j/log4j-core@2.14.0",
                [false, false, true],
            ),
            ("purl=pkg:cargo/xz-utils", [false; 3]),
        ] {
            let ignore = Ignore::parse(&format!("{fields},until=2026-01-31,reason=x")).unwrap();
            let found = [&os, &npm, &jar].map(|finding| ignore.is_about(finding));
            assert_eq!(found, about, "{fields}");
        }
    }

    #[test]
    fn a_reason_and_an_end_are_needed_and_the_last_day_counts() {
        let text = "id=CVE-1,until=2026-01-31,reason=not reachable, see the note of 2025-11-02";
        let ignore = Ignore::parse(text).unwrap();
        assert_eq!(ignore.to_string(), text);
        assert_eq!(ignore.reason, "not reachable, see the note of 2025-11-02");
        assert!(!ignore.is_expired("2026-01-31".parse().unwrap()));
        assert!(ignore.is_expired("2026-02-01".parse().unwrap()));
        for (text, problem) in [
            ("id=CVE-1,until=2026-01-31", "`reason` is missing"),
            ("id=CVE-1,until=2026-01-31,reason= ", "`reason` is missing"),
            ("id=CVE-1,reason=x", "`until` is missing"),
            (
                "id=CVE-1,until=soon,reason=x",
                "`soon` is no date such as `2026-12-31`",
            ),
            (
                "until=2026-01-31,reason=x",
                "it names no finding: one of `id`, `package`, `purl` and `path` is needed",
            ),
            (
                "version=1,until=2026-01-31,reason=x",
                "it names no finding: one of `id`, `package`, `purl` and `path` is needed",
            ),
            ("id=a,id=b,until=2026-01-31,reason=x", "`id` is given twice"),
            ("CVE-1", "`CVE-1` is not of the form `name=value`"),
            (
                "cve=CVE-1",
                "there is no field `cve`: there are `id`, `package`, `version`, `purl`, `path`, `until` and `reason`",
            ),
            (
                "purl=npm/x,until=2026-01-31,reason=x",
                "`npm/x` is no package URL such as `pkg:npm/lodash`",
            ),
            (
                "path=,until=2026-01-31,reason=x",
                "it names no finding: one of `id`, `package`, `purl` and `path` is needed",
            ),
        ] {
            assert_eq!(Ignore::parse(text).unwrap_err().to_string(), problem, "{text}");
        }
    }
}
