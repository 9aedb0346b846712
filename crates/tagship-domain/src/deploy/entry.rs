//! One entry of `deploy-files`: which file it is, and what it says of the image.

use std::path::PathBuf;

use serde::Serialize;

use crate::content::Platform;
use crate::untrusted::cleaned;

/// A file that a deployment reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeployFile {
    /// What it is.
    pub form: DeployForm,
    /// The further target whose repository it names; that of the run, if it is not given.
    pub target: Option<String>,
    /// Where it is.
    pub path: PathBuf,
}

/// What a file is, and what it says of the image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeployForm {
    /// What `CodePipeline` deploys to ECS: containers with their images.
    ImageDefinitions {
        /// The container.
        container: String,
    },
    /// A task definition of ECS, in which one container has the image.
    TaskDefinition {
        /// The container.
        container: String,
        /// The file that it is made from, if that is another one.
        from: Option<PathBuf>,
    },
    /// A `kustomization.yaml`, whose `images` name the image by digest.
    Kustomize {
        /// The image's name in the manifests; the repository's, if it is not given.
        name: Option<String>,
    },
    /// A file of Helm values, in which one value names the image.
    HelmValues {
        /// The keys that lead to the value.
        key: Vec<String>,
        /// What the value is.
        value: ImagePart,
    },
    /// What `aws lambda update-function-code --cli-input-json` takes.
    Lambda {
        /// The function's name or ARN.
        function: String,
        /// The platform of the function, where the image has several: a function takes no index.
        platform: Option<Platform>,
    },
    /// What `aws apprunner update-service --cli-input-json` takes, made from such an input or from what `describe-service` says.
    AppRunner {
        /// The file that it is made from, if that is another one.
        from: Option<PathBuf>,
    },
    /// Lines `NAME=value`, of which one names the image.
    Env {
        /// The variable.
        name: String,
    },
}

/// What of an image a value holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImagePart {
    /// `registry/repository@digest`.
    Reference,
    /// The digest.
    Digest,
    /// The release tag, else the commit tag. It says what the image is called, not what it is.
    Tag,
    /// `registry/repository`.
    Repository,
}

/// A text names no file that a deployment reads.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidDeployFile {
    /// A part is no field.
    #[error("`{0}` is not of the form `name=value`")]
    NoField(String),
    /// A field is unknown.
    #[error(
        "there is no field `{0}`: there are `type`, `container`, `from`, `name`, `key`, `value`, `function`, `platform`, `target` and `path`"
    )]
    UnknownField(String),
    /// A field stands there twice.
    #[error("`{0}` is given twice")]
    Twice(&'static str),
    /// A field is missing or empty.
    #[error("`{0}` is missing")]
    Missing(&'static str),
    /// A field says nothing in this type.
    #[error("`{field}` says nothing with `type={form}`")]
    Foreign {
        /// The field.
        field: &'static str,
        /// The type.
        form: &'static str,
    },
    /// A type is unknown.
    #[error(
        "there is no type `{0}`: there are `image-definitions`, `task-definition`, `kustomize`, `helm-values`, `lambda`, `app-runner` and `env`"
    )]
    Type(String),
    /// A part of an image is unknown.
    #[error("`{0}` is none of `reference`, `digest`, `tag` and `repository`")]
    Value(String),
    /// A platform cannot be read.
    #[error("`{0}` is no platform such as `linux/arm64`")]
    Platform(String),
    /// A variable's name is none.
    #[error("`{0}` is no name of a variable")]
    Variable(String),
}

/// The fields of an entry.
const FIELDS: [&str; 10] = [
    "type",
    "container",
    "from",
    "name",
    "key",
    "value",
    "function",
    "platform",
    "target",
    "path",
];

/// The fields of an entry while they are read.
struct Fields([Option<String>; FIELDS.len()]);

impl Fields {
    fn take(&mut self, name: &'static str) -> Option<String> {
        let place = FIELDS.iter().position(|field| *field == name)?;
        self.0[place].take()
    }

    fn needed(&mut self, name: &'static str) -> Result<String, InvalidDeployFile> {
        self.take(name).ok_or(InvalidDeployFile::Missing(name))
    }
}

impl DeployFile {
    /// The field that comes last and takes the rest of the line.
    pub const LAST_FIELD: &'static str = "path";

    /// Reads `type=task-definition,container=web,from=task.json,path=rendered.json`.
    pub fn parse(text: &str) -> Result<Self, InvalidDeployFile> {
        let mut fields = read_fields(text)?;
        let form = fields.needed("type")?;
        let path = PathBuf::from(fields.needed("path")?);
        let target = fields.take("target");
        let form = match form.as_str() {
            "image-definitions" => DeployForm::ImageDefinitions {
                container: fields.needed("container")?,
            },
            "task-definition" => DeployForm::TaskDefinition {
                container: fields.needed("container")?,
                from: fields.take("from").map(PathBuf::from),
            },
            "kustomize" => DeployForm::Kustomize {
                name: fields.take("name"),
            },
            "helm-values" => DeployForm::HelmValues {
                key: fields.needed("key")?.split('.').map(str::to_owned).collect(),
                value: match fields.take("value") {
                    None => ImagePart::Reference,
                    Some(value) => {
                        ImagePart::parse(&value).ok_or(InvalidDeployFile::Value(cleaned(&value)))?
                    }
                },
            },
            "lambda" => DeployForm::Lambda {
                function: fields.needed("function")?,
                platform: fields
                    .take("platform")
                    .map(|platform| read_platform(&platform))
                    .transpose()?,
            },
            "app-runner" => DeployForm::AppRunner {
                from: fields.take("from").map(PathBuf::from),
            },
            "env" => DeployForm::Env {
                name: read_variable(fields.take("name"))?,
            },
            other => return Err(InvalidDeployFile::Type(cleaned(other))),
        };
        let left = fields.0.iter().position(Option::is_some);
        if let Some(field) = left.and_then(|place| FIELDS.get(place)) {
            let form = form.as_str();
            return Err(InvalidDeployFile::Foreign { field, form });
        }
        Ok(Self { form, target, path })
    }
}

fn read_fields(text: &str) -> Result<Fields, InvalidDeployFile> {
    let mut values: [Option<String>; FIELDS.len()] = Default::default();
    let mut rest = Some(text);
    while let Some(text) = rest {
        let (name, value) = text.split_once('=').ok_or_else(|| {
            let part = text.split(',').next().unwrap_or_default();
            InvalidDeployFile::NoField(cleaned(part))
        })?;
        let name = name.trim();
        let place = FIELDS.iter().position(|field| *field == name);
        let place = place.ok_or_else(|| InvalidDeployFile::UnknownField(cleaned(name)))?;
        let (value, after) = match value.split_once(',') {
            Some((value, after)) if name != DeployFile::LAST_FIELD => (value, Some(after)),
            _ => (value, None),
        };
        rest = after;
        let value = value.trim();
        if value.is_empty() {
            return Err(InvalidDeployFile::Missing(FIELDS[place]));
        }
        if values[place].replace(value.to_owned()).is_some() {
            return Err(InvalidDeployFile::Twice(FIELDS[place]));
        }
    }
    Ok(Fields(values))
}

fn read_platform(text: &str) -> Result<Platform, InvalidDeployFile> {
    Platform::parse(text).map_err(|_no_platform| InvalidDeployFile::Platform(cleaned(text)))
}

/// Source: POSIX.1-2024, "Environment Variable Definition": letters, digits and `_`, no digit first.
fn read_variable(name: Option<String>) -> Result<String, InvalidDeployFile> {
    let name = name.unwrap_or_else(|| "IMAGE".to_owned());
    let is_legal = name
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && !name.starts_with(|first: char| first.is_ascii_digit());
    if is_legal {
        Ok(name)
    } else {
        Err(InvalidDeployFile::Variable(cleaned(&name)))
    }
}

impl DeployForm {
    /// The word of the input.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::ImageDefinitions { .. } => "image-definitions",
            Self::TaskDefinition { .. } => "task-definition",
            Self::Kustomize { .. } => "kustomize",
            Self::HelmValues { .. } => "helm-values",
            Self::Lambda { .. } => "lambda",
            Self::AppRunner { .. } => "app-runner",
            Self::Env { .. } => "env",
        }
    }

    /// The file that it is made from, if that is another one.
    pub const fn from(&self) -> Option<&PathBuf> {
        match self {
            Self::TaskDefinition { from, .. } | Self::AppRunner { from } => from.as_ref(),
            _ => None,
        }
    }

    /// Whether it changes one part of a file and leaves the rest, so that others may change theirs.
    pub const fn changes_a_part(&self) -> bool {
        !matches!(self, Self::Lambda { .. } | Self::AppRunner { .. })
    }
}

impl Serialize for DeployForm {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl ImagePart {
    fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "reference" => Self::Reference,
            "digest" => Self::Digest,
            "tag" => Self::Tag,
            "repository" => Self::Repository,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_takes_its_fields_alone() {
        let parsed =
            DeployFile::parse("type=task-definition,container=web,from=a.json,path=out/b,c.json").unwrap();
        assert_eq!(
            parsed.form,
            DeployForm::TaskDefinition {
                container: "web".to_owned(),
                from: Some(PathBuf::from("a.json"))
            }
        );
        assert_eq!(parsed.path, PathBuf::from("out/b,c.json"));
        for (text, problem) in [
            ("path=x", "`type` is missing"),
            ("type=env", "`path` is missing"),
            ("type=env,path=", "`path` is missing"),
            ("type=lambda,path=x", "`function` is missing"),
            (
                "type=lambda,function=f,platform=arm,path=x",
                "`arm` is no platform such as `linux/arm64`",
            ),
            ("type=env,name=1A,path=x", "`1A` is no name of a variable"),
            (
                "type=env,container=web,path=x",
                "`container` says nothing with `type=env`",
            ),
            ("type=env,type=env,path=x", "`type` is given twice"),
            (
                "type=helm-values,key=image,value=name,path=x",
                "`name` is none of `reference`, `digest`, `tag` and `repository`",
            ),
            ("image.env", "`image.env` is not of the form `name=value`"),
        ] {
            assert_eq!(
                DeployFile::parse(text).unwrap_err().to_string(),
                problem,
                "{text}"
            );
        }
        let elsewhere = DeployFile::parse("type=env,target=host/team/app,path=x").unwrap();
        assert_eq!(elsewhere.target.as_deref(), Some("host/team/app"));
        let unknown = DeployFile::parse("type=ecs,path=x").unwrap_err();
        assert!(
            unknown
                .to_string()
                .starts_with("there is no type `ecs`: there are `image-definitions`")
        );
    }
}
