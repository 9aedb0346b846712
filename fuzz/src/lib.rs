//! What the fuzz targets share.

/// What separates the texts of one input, so that seeds can be read and written by hand.
pub const SEPARATOR: &str = "\n----\n";

/// The texts of one input; those that are not there are empty.
pub fn texts<const N: usize>(input: &[u8]) -> Option<[&str; N]> {
    let mut texts = std::str::from_utf8(input).ok()?.splitn(N, SEPARATOR);
    Some(std::array::from_fn(|_| texts.next().unwrap_or_default()))
}

/// Whether the patterns of an ignore file match a path; `None` for a pattern that cannot be read.
pub fn is_ignored(patterns: &str, path: &str) -> Option<bool> {
    let patterns = buildkit_session::PatternList::parse(patterns.lines()).ok()?;
    let path = buildkit_session::clean(path);
    let mut folder = None;
    let mut matched = false;
    for (end, _) in path.match_indices('/').chain([(path.len(), "")]) {
        let (is_match, of_folder) = patterns.matches(path.get(..end)?, folder.as_ref()).ok()?;
        (matched, folder) = (is_match, Some(of_folder));
    }
    Some(matched)
}
