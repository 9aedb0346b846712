//! How a copy is shown.

use indicatif::HumanBytes;

use super::{CopyRequest, CopyResult};
use crate::report::made_text;
use tagship_domain::copying::CopyAction;
use tagship_domain::reference::Reference;

/// The name of a place, with what is named in it.
pub(super) fn named(place: &str, reference: Option<&Reference>) -> String {
    match reference {
        None => place.to_owned(),
        Some(Reference::Tag(tag)) => format!("{place}:{tag}"),
        Some(Reference::Digest(digest)) => format!("{place}@{digest}"),
    }
}

/// For a terminal. Ends with a line break.
pub(super) fn text(request: &CopyRequest, result: &CopyResult) -> String {
    let lines = result.images.iter().map(|image| {
        let name = image
            .tag
            .as_ref()
            .map_or_else(|| image.digest.to_string(), ToString::to_string);
        let action = image.action.name();
        if let CopyAction::Skip { at } = &image.action {
            return format!("  {action:<6} {name} left at {}\n", at.short());
        }
        let size = HumanBytes(image.bytes);
        let blobs = image.blobs;
        format!(
            "  {action:<6} {name} {} {size} in {blobs} blobs\n",
            image.digest.short()
        )
    });
    let plan = if result.dry_run {
        " (nothing was written)"
    } else {
        ""
    };
    let made = made_text(result.repository.as_ref().filter(|_| result.dry_run));
    let (from, to) = request.selection.references();
    let source = named(&result.source.to_string(), from.as_ref());
    let target = named(&result.target.to_string(), to.as_ref());
    std::iter::once(format!("{source} to {target}{plan}\n{made}"))
        .chain(lines)
        .collect()
}
