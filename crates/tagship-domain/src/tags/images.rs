//! The input `images`.

use super::Mode;
use super::error::{LineError, LineProblem, TagError, listed};
use super::line::{Line, lines};
use crate::untrusted::{cleaned, without_bare_password};

/// A name that tags are put behind: one line of the input `images`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// The name, in lower case: registries take no upper case in repositories.
    pub name: String,
    /// Whether it is used.
    pub is_enabled: bool,
}

impl Image {
    /// Reads a list of names, or of `name=…,enable=true|false`. One line alone may hold several names.
    ///
    /// Source: `docker/metadata-action`'s documentation, "images input".
    pub fn parse_list(text: &str, mode: Mode) -> Result<Vec<Self>, TagError> {
        let lines = lines(text, mode)?;
        if let [only] = lines.as_slice()
            && let Some(images) = several(*only, mode)?
        {
            return Ok(images);
        }
        let mut images = Vec::new();
        let mut wrong = Vec::new();
        for line in lines {
            match Self::read(line, mode) {
                Ok(image) => images.push(image),
                Err(error) => wrong.push(error),
            }
        }
        TagError::of_lines(wrong).map_or(Ok(images), Err)
    }

    fn read(line: Line<'_>, mode: Mode) -> Result<Self, LineError> {
        let mut name: Option<(String, usize)> = None;
        let mut is_enabled = None;
        for attribute in line.attributes(mode)? {
            let error = |problem| LineError::new(line.number, attribute.column, problem);
            let attribute_name = attribute.name.as_deref().unwrap_or("name");
            let is_repeated = match attribute_name {
                "name" => name.is_some(),
                _ => is_enabled.is_some(),
            };
            if mode == Mode::Strict && is_repeated {
                let attribute = attribute_name.to_owned();
                return Err(error(LineProblem::Repeated { attribute }));
            }
            match attribute_name {
                "name" => name = Some((attribute.value, attribute.value_column)),
                "enable" => {
                    is_enabled = Some(match attribute.value.as_str() {
                        "true" => true,
                        "false" => false,
                        found => {
                            let problem = LineProblem::Value {
                                attribute: "enable".into(),
                                found: cleaned(found),
                                expected: "`true` or `false`",
                            };
                            return Err(LineError::new(line.number, attribute.value_column, problem));
                        }
                    });
                }
                unknown => {
                    return Err(error(LineProblem::UnknownAttribute {
                        attribute: cleaned(unknown),
                        owner: "`images`".to_owned(),
                        known: listed(["name", "enable"]),
                    }));
                }
            }
        }
        let (name, column) = name.unwrap_or_default();
        Ok(Self {
            name: checked(&name, line.number, column.max(1), mode)?,
            is_enabled: is_enabled.unwrap_or(true),
        })
    }
}

/// The names of a line without attributes.
fn several(line: Line<'_>, mode: Mode) -> Result<Option<Vec<Image>>, TagError> {
    let attributes = line.attributes(mode)?;
    if attributes.iter().any(|attribute| attribute.name.is_some()) {
        return Ok(None);
    }
    let images = attributes
        .into_iter()
        .map(|attribute| {
            Ok(Image {
                name: checked(&attribute.value, line.number, attribute.column, mode)?,
                is_enabled: true,
            })
        })
        .collect::<Result<_, LineError>>()?;
    Ok(Some(images))
}

fn checked(name: &str, line: usize, column: usize, mode: Mode) -> Result<String, LineError> {
    let name = name.to_lowercase();
    let is_legal = match mode {
        Mode::Strict => is_image_name(&name),
        Mode::MetadataAction => !name.is_empty(),
    };
    if is_legal {
        return Ok(name);
    }
    let found = cleaned(&without_bare_password(&name));
    Err(LineError::new(line, column, LineProblem::ImageName { found }))
}

/// `[host[:port]/]path`, in lower case. Source: OCI distribution spec, "Pulling manifests".
fn is_image_name(name: &str) -> bool {
    let (host, path) = match name.split_once('/') {
        Some((host, path)) if host.contains(['.', ':']) || host == "localhost" => (Some(host), path),
        _ => (None, name),
    };
    let is_host = |host: &str| {
        let (host, port) = host.split_once(':').unwrap_or((host, "0"));
        !host.is_empty()
            && host
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"-.".contains(&b))
            && port.parse::<u16>().is_ok()
    };
    let is_part = |part: &str| {
        let alphanumeric = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        part.starts_with(alphanumeric)
            && part.ends_with(alphanumeric)
            && part
                .split(alphanumeric)
                .all(|between| matches!(between, "" | "." | "_" | "__") || between.bytes().all(|b| b == b'-'))
    };
    name.len() <= 255 && host.is_none_or(is_host) && path.split('/').all(is_part)
}
