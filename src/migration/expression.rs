//! Texts of workflows with `${{ … }}` in them, taken apart without looking into the expressions.

use std::ops::Range;

/// The first of the characters that stand for expressions: Unicode's private use area.
const FIRST: u32 = 0xF_0000;

/// A text in which every expression is one character, so that it can be cut like any other.
#[derive(Debug, Clone)]
pub(super) struct Folded {
    pub(super) text: String,
    expressions: Vec<String>,
}

impl Folded {
    /// Folds the expressions of a text. One that does not end is text.
    pub(super) fn new(text: &str) -> Self {
        let mut folded = Self {
            text: String::new(),
            expressions: Vec::new(),
        };
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${{") {
            let Some((inside, behind)) = after.split_once("}}") else {
                break;
            };
            folded.text.push_str(before);
            let count = u32::try_from(folded.expressions.len()).unwrap_or(u32::MAX);
            match FIRST.checked_add(count).and_then(char::from_u32) {
                Some(stand_in) if count < 0xFFFF => folded.text.push(stand_in),
                _ => break,
            }
            folded.expressions.push(format!("${{{{{inside}}}}}"));
            rest = behind;
        }
        folded.text.push_str(rest);
        folded
    }

    /// Returns a piece of the folded text with its expressions.
    pub(super) fn unfolded(&self, piece: &str) -> String {
        piece
            .chars()
            .map(|character| {
                let index = u32::from(character)
                    .checked_sub(FIRST)
                    .and_then(|index| usize::try_from(index).ok());
                match index.and_then(|index| self.expressions.get(index)) {
                    Some(expression) => expression.clone(),
                    None => character.to_string(),
                }
            })
            .collect()
    }
}

/// The text inside, if the whole of `text` is one expression.
pub(super) fn inside(text: &str) -> Option<&str> {
    let inside = text.trim().strip_prefix("${{")?.strip_suffix("}}")?;
    (!inside.contains("}}")).then(|| inside.trim())
}

/// A reference to an output of a step, and where it stands.
struct OutputReference {
    at: Range<usize>,
    step: String,
    output: String,
}

/// Every reference to an output of a step: `steps.ID.outputs.NAME`, each name also as `['NAME']`.
///
/// Source: GitHub docs, "Contexts reference", "About contexts": the two ways to name a property.
fn outputs(text: &str) -> Vec<OutputReference> {
    let mut found = Vec::new();
    for (start, word) in text.match_indices("steps") {
        if text[..start].ends_with(|c: char| is_of_name(c) || c == '.') {
            continue;
        }
        let rest = &text[start + word.len()..];
        let parts = property(rest)
            .and_then(|(step, rest)| Some((step, property(rest)?)))
            .filter(|(_, (middle, _))| *middle == "outputs")
            .and_then(|(step, (_, rest))| Some((step, property(rest)?)));
        if let Some((step, (output, rest))) = parts {
            found.push(OutputReference {
                at: start..text.len() - rest.len(),
                step: step.to_owned(),
                output: output.to_owned(),
            });
        }
    }
    found
}

fn is_of_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '-'
}

/// The property that a text begins with, as `.NAME` or `['NAME']`, and what comes behind it.
fn property(text: &str) -> Option<(&str, &str)> {
    let (name, rest) = if let Some(rest) = text.strip_prefix('.') {
        rest.split_at(rest.find(|c| !is_of_name(c)).unwrap_or(rest.len()))
    } else {
        let quoted = text.strip_prefix('[')?.trim_start().strip_prefix('\'')?;
        let (name, rest) = quoted.split_once('\'')?;
        (name, rest.trim_start().strip_prefix(']')?)
    };
    (!name.is_empty() && name.chars().all(is_of_name)).then_some((name, rest))
}

/// The step and the output, if the whole of `expression` is a reference to one.
pub(super) fn output_of(expression: &str) -> Option<(String, String)> {
    let reference = outputs(expression).into_iter().next()?;
    (reference.at == (0..expression.len())).then_some((reference.step, reference.output))
}

/// The outputs of steps that a text refers to, as step and output.
pub(super) fn references(text: &str) -> Vec<(String, String)> {
    let found = outputs(text).into_iter();
    found.map(|one| (one.step, one.output)).collect()
}

/// The text with every reference to one output of a step replaced.
pub(super) fn rewired(text: &str, step: &str, output: &str, by: &str) -> String {
    let mut result = String::new();
    let mut end = 0;
    for one in outputs(text) {
        if (one.step.as_str(), one.output.as_str()) == (step, output) {
            result.push_str(&text[end..one.at.start]);
            result.push_str(by);
            end = one.at.end;
        }
    }
    result + &text[end..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_one_character_and_come_back() {
        let text = "a/${{ env.X || 'a/b:c' }}:${{ github.sha }}-b ${{ open";
        let folded = Folded::new(text);
        assert_eq!(folded.text.matches('/').count(), 1);
        assert_eq!(folded.text.matches(':').count(), 1);
        assert_eq!(folded.unfolded(&folded.text), text);
    }

    #[test]
    fn only_whole_references_are_rewired() {
        let text = "steps.meta.outputs.tags steps.meta.outputs.tags-x xsteps.meta.outputs.tags";
        assert_eq!(
            rewired(text, "meta", "tags", "steps.ship.outputs.tags"),
            "steps.ship.outputs.tags steps.meta.outputs.tags-x xsteps.meta.outputs.tags"
        );
        assert_eq!(
            references("${{ steps.a-b.outputs.c_d }} steps.x.conclusion needs.j.steps.q.outputs.z"),
            [("a-b".to_owned(), "c_d".to_owned())]
        );
    }

    #[test]
    fn a_property_may_stand_in_brackets() {
        let all = "${{ steps['m'].outputs['tags'] }} steps.m.outputs[ 'tags' ] steps['m'].outputs.tags steps.m['outputs'].tags";
        assert_eq!(references(all), vec![("m".to_owned(), "tags".to_owned()); 4]);
        assert_eq!(rewired(all, "m", "tags", "X"), "${{ X }} X X X");
        assert_eq!(
            output_of("steps['l'].outputs['registry']"),
            Some(("l".to_owned(), "registry".to_owned()))
        );
        for other in [
            "steps['m'].outputs[matrix.x]",
            "steps[ 'm'",
            "steps.m.outputs['a b']",
            "steps.m.outputs.x || 'y'",
        ] {
            assert_eq!(output_of(other), None, "{other}");
        }
    }
}
