//! Hostile text becomes text that only shows characters.

/// The text without escape sequences and control characters; line ends and tabs stay.
pub(super) fn text(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\u{1b}' => skip_escape(&mut characters),
            '\u{9b}' => skip_control_sequence(&mut characters),
            '\n' | '\t' => clean.push(character),
            _ if character.is_control() || is_direction_mark(character) => {}
            _ => clean.push(character),
        }
    }
    clean
}

/// As [`text`], on one line.
pub(super) fn line(line: &str) -> String {
    text(line).replace('\n', " ")
}

/// Characters that change the order in which others are shown. Source: Unicode, UAX #9, "Explicit Directional".
fn is_direction_mark(character: char) -> bool {
    matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

type Characters<'a> = std::iter::Peekable<std::str::Chars<'a>>;

/// Skips what follows an ESC. Source: ECMA-48, sections 5.3 to 5.6.
fn skip_escape(characters: &mut Characters<'_>) {
    match characters.peek() {
        Some('[') => {
            characters.next();
            skip_control_sequence(characters);
        }
        // A string, up to BEL or ESC `\`; a line's end breaks it off, so that it cannot swallow the rest.
        Some(']' | 'P' | 'X' | '^' | '_') => {
            while let Some(character) = characters.next_if(|c| *c != '\n') {
                match character {
                    '\u{7}' | '\u{9c}' => return,
                    '\u{1b}' => {
                        characters.next_if_eq(&'\\');
                        return;
                    }
                    _ => {}
                }
            }
        }
        Some(' '..='/') => {
            while characters.next_if(|c| (' '..='/').contains(c)).is_some() {}
            characters.next_if(|c| ('0'..='~').contains(c));
        }
        Some('0'..='~') => {
            characters.next();
        }
        _ => {}
    }
}

/// Skips parameters, intermediates and the final character.
fn skip_control_sequence(characters: &mut Characters<'_>) {
    while characters.next_if(|c| (' '..='?').contains(c)).is_some() {}
    characters.next_if(|c| ('@'..='~').contains(c));
}
