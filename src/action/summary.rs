/// The most bytes that the summary gets. The runner uploads nothing at all of one over 1 MiB.
/// Source: GitHub docs, "Workflow commands", "Job summary limits".
pub(super) const MAX_BYTES: usize = 900 * 1024;

/// What stands where the rest was cut off.
const NOTE: &str = "\n\n… cut off, because GitHub shows no summary over 1 MiB\n";

/// The part of `markdown` that fits behind `present` bytes, with a newline at its end.
pub(super) fn cut(markdown: &str, present: u64) -> String {
    let room = MAX_BYTES.saturating_sub(usize::try_from(present).unwrap_or(usize::MAX));
    if markdown.len() < room {
        let newline = if markdown.ends_with('\n') { "" } else { "\n" };
        return format!("{markdown}{newline}");
    }
    if room < NOTE.len() {
        return String::new();
    }
    let end = markdown.floor_char_boundary(room - NOTE.len());
    format!("{}{NOTE}", &markdown[..end])
}
