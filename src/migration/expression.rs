//! Texts of workflows with `${{ … }}` in them, taken apart without looking into the expressions.

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

/// The outputs of steps that a text refers to, as step and output.
pub(super) fn references(text: &str) -> Vec<(String, String)> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let word = |text: &str| -> String { text.chars().take_while(|c| is_name(*c)).collect() };
    let mut found = Vec::new();
    for (at, _) in text.match_indices("steps.") {
        if text[..at].ends_with(|c: char| is_name(c) || c == '.') {
            continue;
        }
        let step = word(&text[at + "steps.".len()..]);
        let rest = &text[at + "steps.".len() + step.len()..];
        if let Some(rest) = rest.strip_prefix(".outputs.") {
            found.push((step, word(rest)));
        }
    }
    found
}

/// The text with every reference to one output of a step replaced.
pub(super) fn rewired(text: &str, step: &str, output: &str, by: &str) -> String {
    let reference = format!("steps.{step}.outputs.{output}");
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let mut result = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(&reference) {
        result.push_str(before);
        let is_whole = !after.starts_with(is_name) && !before.ends_with(|c: char| is_name(c) || c == '.');
        result.push_str(if is_whole { by } else { &reference });
        rest = after;
    }
    result + rest
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
}
