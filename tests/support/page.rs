//! Pages of the documentation whose examples are run.

/// The commands that a page shows with what they print, in its order.
pub fn examples(page: &str) -> Vec<(&str, String)> {
    let mut examples: Vec<(&str, String)> = Vec::new();
    let mut is_inside = false;
    for line in page.lines() {
        if line.starts_with("```") {
            is_inside = line == "```console";
        } else if let (true, Some(command)) = (is_inside, line.strip_prefix("$ ")) {
            examples.push((command, String::new()));
        } else if let (true, Some((_, printed))) = (is_inside, examples.last_mut()) {
            printed.push_str(line);
            printed.push('\n');
        }
    }
    examples
}
