//! Lists: build arguments and secrets. No value of an argument or secret ever stands in a message.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::paths::Paths;
use super::problem::Problems;
use super::raw::InputText;
use super::{Environment, RawInputs};
use tagship_domain::build::{BuildArgs, BuildSecret, SecretSource};
use tagship_domain::untrusted::cleaned;

/// The most bytes of a secret. Source: `BuildKit`, `session/secrets`, `MaxSecretSize`.
const MAX_SECRET_BYTES: u64 = 500 * 1024;
/// The most characters of an argument's name; nothing sensible comes near.
const MAX_NAME_LENGTH: usize = 256;

/// Whether no link of a checkout that may be a stranger's leads the path out of it: to what the runner keeps.
pub(super) fn stays(
    raw: &RawInputs,
    value: &InputText,
    path: &Path,
    paths: &Paths,
    problems: &mut Problems,
) -> bool {
    let stays = !(raw.trust().is_foreign() && paths.is_led_out(path));
    if !stays {
        let message = format!("`{}` is led out of the checkout by a link", path.display());
        let hint =
            "the event is about a commit of another repository, whose links are not followed".to_owned();
        problems.add::<()>(&value.origin, message, hint);
    }
    stays
}

/// `NAME=value`, or `NAME` alone for the value of that variable.
pub(super) fn build_args(raw: &RawInputs, environment: &Environment, problems: &mut Problems) -> BuildArgs {
    let mut arguments = BTreeMap::new();
    for (index, entry) in raw.values("build-args", problems).into_iter().enumerate() {
        let (name, value) = match entry.text.split_once('=') {
            Some((name, value)) => (name.trim(), Some(value.to_owned())),
            None => (entry.text.trim(), None),
        };
        if !is_variable_name(name) {
            problems.add::<()>(
                &entry.origin,
                format!("build argument {} is not of the form `NAME=value`", index + 1),
                "a value of several lines is given by its variable: `NAME` alone".to_owned(),
            );
            continue;
        }
        let value = value.or_else(|| environment.get(name).map(str::to_owned));
        let Some(value) = value else {
            problems.add::<()>(
                &entry.origin,
                format!("build argument `{name}` has no value, and there is no variable `{name}`"),
                format!("write `{name}=value`, or set the variable"),
            );
            continue;
        };
        if arguments.insert(name.to_owned(), value).is_some() {
            twice(&entry, "build argument", name, problems);
        }
    }
    BuildArgs::new(arguments)
}

/// `id=ID,env=VARIABLE`, `id=ID,src=PATH`, or `ID=value` where other users cannot read it; of the other two inputs pairs.
pub(super) fn secrets(
    raw: &RawInputs,
    environment: &Environment,
    paths: &Paths,
    problems: &mut Problems,
) -> Vec<BuildSecret> {
    let from = SecretFrom {
        raw,
        environment,
        paths,
    };
    let mut secrets: Vec<BuildSecret> = Vec::new();
    let mut take = |entry: &InputText, secret: Option<BuildSecret>, problems: &mut Problems| {
        let Some(secret) = secret else { return };
        if secrets.iter().any(|known| known.id == secret.id) {
            twice(entry, "secret", &secret.id, problems);
        } else {
            secrets.push(secret);
        }
    };
    for (index, entry) in raw.values("secrets", problems).iter().enumerate() {
        let secret = if is_option_list(&entry.text) {
            from.options(index, entry, problems)
        } else {
            inline(index, entry, problems)
        };
        take(entry, secret, problems);
    }
    for input in ["secret-envs", "secret-files"] {
        for (index, entry) in raw.entries(input, problems).iter().enumerate() {
            let secret = from.pair(input, index + 1, entry, problems);
            take(entry, secret, problems);
        }
    }
    secrets
}

/// Whether the entry begins with an option of `docker build --secret`.
fn is_option_list(text: &str) -> bool {
    text.starts_with("id=") || text.starts_with("type=")
}

/// Where values of secrets are looked for.
struct SecretFrom<'a> {
    raw: &'a RawInputs,
    environment: &'a Environment,
    paths: &'a Paths,
}

impl SecretFrom<'_> {
    fn variable(
        &self,
        id: &str,
        name: &str,
        entry: &InputText,
        problems: &mut Problems,
    ) -> Option<SecretSource> {
        let Some(text) = self.environment.get(name) else {
            return problems.add(
                &entry.origin,
                format!(
                    "secret `{id}` comes from variable `{}`, which is not set",
                    cleaned(name)
                ),
                "set it with `env:`, from a secret of the repository".to_owned(),
            );
        };
        Some(SecretSource::Value(text.to_owned().into()))
    }

    fn file(&self, id: &str, name: &str, entry: &InputText, problems: &mut Problems) -> Option<SecretSource> {
        let path = self.paths.resolve(name);
        if !stays(self.raw, entry, &path, self.paths, problems) {
            return None;
        }
        let comes = format!("secret `{id}` comes from `{}`, which", path.display());
        match fs::metadata(&path) {
            Ok(metadata) if metadata.is_file() && metadata.len() <= MAX_SECRET_BYTES => {
                Some(SecretSource::File(path))
            }
            Ok(metadata) if metadata.is_file() => {
                problems.add(&entry.origin, format!("{comes} is larger than 500 KiB"), None)
            }
            Ok(_) => problems.add(&entry.origin, format!("{comes} is not a file"), None),
            Err(_) => {
                let hint = "give a path relative to the workspace".to_owned();
                problems.add(&entry.origin, format!("{comes} cannot be read"), hint)
            }
        }
    }

    /// Source: docker CLI reference, `docker buildx build --secret`.
    fn options(&self, index: usize, entry: &InputText, problems: &mut Problems) -> Option<BuildSecret> {
        let number = index + 1;
        let mut id = None;
        let mut source = None;
        for option in entry.text.trim().split(',') {
            match option
                .split_once('=')
                .map(|(key, value)| (key.trim(), value.trim()))
            {
                Some(("type", "env" | "file")) => {}
                Some(("id", value)) => id = Some(value),
                Some((key @ ("env" | "src" | "source"), value)) if !value.is_empty() && source.is_none() => {
                    source = Some((key, value));
                }
                _ => {
                    return problems.add(
                        &entry.origin,
                        format!("secret {number} has another option than `id` and one of `env` and `src`"),
                        "write `id=npm,env=NPM_TOKEN` or `id=npm,src=.npmrc`".to_owned(),
                    );
                }
            }
        }
        let id = id.filter(|id| is_secret_id(id));
        let (Some(id), Some((key, value))) = (id, source) else {
            return problems.add(
                &entry.origin,
                format!("secret {number} does not say both what it is called and where its value is"),
                "write `id=npm,env=NPM_TOKEN` or `id=npm,src=.npmrc`".to_owned(),
            );
        };
        let source = match key {
            "env" => self.variable(id, value, entry, problems),
            _ => self.file(id, value, entry, problems),
        };
        Some(BuildSecret {
            id: id.to_owned(),
            source: source?,
        })
    }

    /// `ID=VARIABLE` or `ID=PATH`.
    fn pair(
        &self,
        input: &str,
        number: usize,
        entry: &InputText,
        problems: &mut Problems,
    ) -> Option<BuildSecret> {
        let pair = entry.text.split_once('=');
        let pair = pair.map(|(id, value)| (id.trim(), value.trim()));
        let Some((id, value)) = pair.filter(|(id, value)| is_secret_id(id) && !value.is_empty()) else {
            let is_file = input == "secret-files";
            let form = if is_file { "ID=PATH" } else { "ID=VARIABLE" };
            let message = format!("secret {number} is not of the form `{form}`");
            return problems.add(&entry.origin, message, None);
        };
        let source = match input {
            "secret-files" => self.file(id, value, entry, problems),
            _ => self.variable(id, value, entry, problems),
        };
        Some(BuildSecret {
            id: id.to_owned(),
            source: source?,
        })
    }
}

fn inline(index: usize, entry: &InputText, problems: &mut Problems) -> Option<BuildSecret> {
    let number = index + 1;
    if RawInputs::is_public(&entry.origin) {
        return problems.add(
            &entry.origin,
            format!("secret {number} is given by its value, where others can read it"),
            "give its variable or file: `id=npm,env=NPM_TOKEN` or `id=npm,src=.npmrc`".to_owned(),
        );
    }
    match entry.text.split_once('=') {
        Some((id, value)) if is_secret_id(id.trim()) && !value.is_empty() => Some(BuildSecret {
            id: id.trim().to_owned(),
            source: SecretSource::Value(value.to_owned().into()),
        }),
        _ => problems.add(
            &entry.origin,
            format!("secret {number} is not of the form `ID=value`"),
            "a value of several lines is given by its variable: `id=key,env=KEY`".to_owned(),
        ),
    }
}

fn twice(entry: &InputText, what: &str, name: &str, problems: &mut Problems) {
    let message = format!("{what} `{}` is given twice", cleaned(name));
    problems.add::<()>(&entry.origin, message, None);
}

fn is_variable_name(text: &str) -> bool {
    text.len() <= MAX_NAME_LENGTH
        && text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b))
}

fn is_secret_id(text: &str) -> bool {
    (1..=MAX_NAME_LENGTH).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"_.-/".contains(&b))
}
