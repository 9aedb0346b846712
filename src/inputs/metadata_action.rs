use super::Environment;
use tagship_domain::tags::Mode;

/// What `docker/metadata-action` reads from variables of its own; they count only where its results are wanted.
#[derive(Debug, Default)]
pub struct ActionVariables {
    /// `DOCKER_METADATA_PR_HEAD_SHA`: whether a pull request is named by its own last commit.
    pub head_of_pull_request: bool,
    /// `DOCKER_METADATA_SHORT_SHA_LENGTH`: how many digits a short commit id has.
    pub short_digits: Option<usize>,
}

/// The variable of this name is not a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a number")]
pub struct NoNumber(pub &'static str);

impl ActionVariables {
    /// Reads the variables, if `mode` is the compatible one.
    pub fn read(environment: &Environment, mode: Mode) -> Result<Self, NoNumber> {
        const SHORT_LENGTH: &str = "DOCKER_METADATA_SHORT_SHA_LENGTH";
        let get = |name| environment.get(name).filter(|_| mode == Mode::MetadataAction);
        let length = get(SHORT_LENGTH).map(|length| length.trim().parse());
        Ok(Self {
            head_of_pull_request: get("DOCKER_METADATA_PR_HEAD_SHA")
                .is_some_and(|value| value.to_ascii_lowercase().contains("true")),
            short_digits: length.transpose().map_err(|_no_number| NoNumber(SHORT_LENGTH))?,
        })
    }
}
