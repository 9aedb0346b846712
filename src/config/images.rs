use super::{ConfigImage, ConfigProblem, entries, yaml};
use tagship_domain::untrusted::cleaned;

/// The key that several images stand under.
pub(super) const KEY: &str = "images";
/// The most characters of a name.
const MAX_NAME: usize = 100;

/// Reads the value of `images`, the entry at `index` of the file.
pub(super) fn read(text: &str, index: usize, problems: &mut Vec<ConfigProblem>) -> Vec<ConfigImage> {
    let wrong = |message: String| {
        let (line, column) = yaml::position(text, &[], index);
        ConfigProblem {
            line,
            column,
            message,
            hint: None,
        }
    };
    // Those of a mapping have their names outside, those of a list inside.
    let outside = match yaml::length(text, &[], index) {
        Ok(Some(length)) => Ok(vec![None; length]),
        Ok(None) => yaml::keys(text, &[index]).map(|keys| keys.into_iter().map(Some).collect()),
        Err(problem) => Err(problem),
    };
    let outside: Vec<Option<String>> = match outside {
        Ok(outside) if outside.len() <= yaml::MAX_KEYS => outside,
        Ok(_) => {
            problems.push(wrong(format!("there are more than {} images", yaml::MAX_KEYS)));
            return Vec::new();
        }
        Err(problem) => {
            problems.push(problem);
            return Vec::new();
        }
    };
    let mut images: Vec<ConfigImage> = Vec::new();
    for (number, outside) in outside.into_iter().enumerate() {
        let at = [index, number];
        let mut name = outside.clone();
        let mut place = match outside {
            Some(_) => yaml::position(text, &[index], number),
            None => yaml::position(text, &at, 0),
        };
        let known = problems.len();
        let entries = entries(text, &at, problems, |key, index, problems| {
            if key != "name" || outside.is_some() {
                return false;
            }
            place = yaml::position(text, &at, index);
            match yaml::value(text, &at, index, false) {
                Ok((texts, _)) => name = Some(texts.concat()),
                Err(problem) => problems.push(problem),
            }
            true
        });
        let message = match name {
            None if problems.len() > known => continue,
            None => format!("image {} of `images` has no `name`", number + 1),
            Some(name) if !is_name(&name) => format!("`{}` is no name of an image", cleaned(&name)),
            Some(name) if images.iter().any(|image| image.name == name) => {
                format!("there are two images `{name}`")
            }
            Some(name) => {
                images.push(ConfigImage { name, entries });
                continue;
            }
        };
        problems.push(ConfigProblem {
            line: place.0,
            column: place.1,
            message,
            hint: None,
        });
    }
    images
}

/// Letters, digits, `.`, `_` and `-`: what may also stand in the name of a job or an artifact.
fn is_name(text: &str) -> bool {
    (1..=MAX_NAME).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
}
