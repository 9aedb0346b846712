//! The config of an image on its way out of a classic store.

use bytes::Bytes;
use serde_json::Value;

use super::epoch::Epoch;
use tagship_domain::reference::Digest;

/// A config with the diff-ids of the layers as they were pushed, and no time later than the epoch: `created`, and
/// that of every step of the history. Nothing else is touched; one that is right already keeps its bytes.
///
/// Source: OCI image spec, "Image Configuration".
pub(super) fn rewritten(config: &Bytes, diff_ids: &[Digest], epoch: Epoch) -> serde_json::Result<Bytes> {
    let engines: Value = serde_json::from_slice(config)?;
    let mut ours = engines.clone();
    clamp_created(&mut ours, epoch);
    let steps = ours.get_mut("history").and_then(Value::as_array_mut);
    for step in steps.into_iter().flatten() {
        clamp_created(step, epoch);
    }
    if let Some(listed) = ours.pointer_mut("/rootfs/diff_ids")
        && !diff_ids.is_empty()
    {
        *listed = serde_json::to_value(diff_ids)?;
    }
    if ours == engines {
        return Ok(config.clone());
    }
    serde_json::to_vec(&ours).map(Bytes::from)
}

fn clamp_created(holder: &mut Value, epoch: Epoch) {
    if let Some(created) = holder.get_mut("created")
        && let Some(instead) = created.as_str().and_then(|time| epoch.instead_of(time))
    {
        *created = instead.into();
    }
}

#[cfg(test)]
mod tests;
