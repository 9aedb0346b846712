//! The last lines of a step's output, for its failure.

use std::collections::VecDeque;

use tagship_domain::untrusted::cut;

/// The most lines that are kept.
const LINES: usize = 50;

/// The most bytes that are kept of one line: a long one pushes out no other.
const LINE_BYTES: usize = 1000;

/// The last lines of an output.
#[derive(Debug, Clone, Default)]
pub(super) struct Tail(VecDeque<Line>);

/// One line, as far as it has come. A CR within it starts it anew, as in a terminal.
#[derive(Debug, Clone, Default)]
struct Line {
    /// Its beginning: whoever looks for secrets in it finds those that would be cut at the front.
    head: Vec<u8>,
    is_cut: bool,
    /// How many characters follow those that are kept.
    left_out: usize,
    has_returned: bool,
    has_ended: bool,
}

impl Tail {
    /// Takes what was printed next, in any pieces.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        for byte in bytes {
            if self.0.back().is_none_or(|line| line.has_ended) {
                self.0.push_back(Line::default());
                if self.0.len() > LINES {
                    self.0.pop_front();
                }
            }
            if let Some(line) = self.0.back_mut() {
                line.push(*byte);
            }
        }
    }

    /// Returns the lines, of a long one its beginning and how many characters are left out.
    pub(super) fn lines(&self) -> Vec<String> {
        self.0.iter().map(Line::text).collect()
    }
}

impl Line {
    fn push(&mut self, byte: u8) {
        match byte {
            b'\n' => self.has_ended = true,
            b'\r' => self.has_returned = true,
            _ => {
                if self.has_returned {
                    *self = Self::default();
                }
                // A character is kept whole: of UTF-8 it has at most four bytes.
                let begins = byte & 0xc0 != 0x80;
                let most = LINE_BYTES + if begins { 0 } else { 3 };
                if !self.is_cut && self.head.len() < most {
                    self.head.push(byte);
                } else {
                    self.is_cut = true;
                    self.left_out += usize::from(begins);
                }
            }
        }
    }

    fn text(&self) -> String {
        let head = String::from_utf8_lossy(&self.head);
        if self.is_cut {
            cut(&head, self.left_out)
        } else {
            head.into_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        let (mut whole, mut pieces) = (Tail::default(), Tail::default());
        whole.push(text.as_bytes());
        text.as_bytes().chunks(7).for_each(|piece| pieces.push(piece));
        assert_eq!(whole.lines(), pieces.lines());
        whole.lines()
    }

    #[test]
    fn a_long_line_pushes_out_no_other_and_says_how_much_it_lacks() {
        let long = "x".repeat(20_000);
        for ending in ["", "\n", "\r\n", "\ndone\n"] {
            let found = lines(&format!("error: no rule\n{long}{ending}"));
            assert_eq!(found[0], "error: no rule");
            let cut = format!("{}... [cut: 19000 characters more]", "x".repeat(1000));
            assert_eq!(found[1], cut, "{ending:?}");
        }
        // 999 bytes and characters of two bytes each: the last one that is kept is whole.
        let found = lines(&format!("{}{}", "x".repeat(999), "é".repeat(10)));
        assert_eq!(
            found[0],
            format!("{}é... [cut: 9 characters more]", "x".repeat(999))
        );
        assert_eq!(lines(&"x".repeat(1000)), ["x".repeat(1000)]);
    }

    #[test]
    fn the_last_fifty_lines_are_kept() {
        let found = lines(&(1..=60).map(|number| format!("{number}\n")).collect::<String>());
        let expected: Vec<String> = (11..=60).map(|number| number.to_string()).collect();
        assert_eq!(found, expected);
        assert_eq!(lines("a\n\nb"), ["a", "", "b"]);
        assert_eq!(lines(""), [""; 0]);
    }

    #[test]
    fn a_line_that_begins_anew_shows_its_last_state() {
        let progress = "1%\r".repeat(1000);
        assert_eq!(lines(&format!("{progress}100%\r\nnext\r")), ["100%", "next"]);
    }

    #[test]
    fn bytes_that_are_no_text_are_bounded_too() {
        let mut tail = Tail::default();
        tail.push(&[0x80; 5000]);
        assert_eq!(
            tail.lines()[0].chars().count(),
            1003 + "... [cut: 0 characters more]".len()
        );
    }
}
