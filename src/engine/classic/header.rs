//! Headers of tar archives: their checksum and their times.

use std::io;
use std::ops::Range;

use ::tar::Header;

use super::epoch::Epoch;

/// Where a header's checksum is. Source: POSIX, "pax", "ustar Interchange Format".
const FIELD: Range<usize> = 148..156;

/// Whether a header's checksum is that of its bytes.
pub(super) fn has_right_checksum(header: &Header) -> bool {
    header.cksum().ok() == Some(checksum(header))
}

/// Writes it as archivers do: six digits, a zero, a blank.
pub(super) fn write_checksum(header: &mut Header) {
    let text = format!("{:06o}\0 ", checksum(header));
    header.as_old_mut().cksum.copy_from_slice(text.as_bytes());
}

/// It is taken over the header with its own eight bytes as blanks.
fn checksum(header: &Header) -> u32 {
    let bytes = header.as_bytes().iter().enumerate();
    bytes
        .map(|(at, byte)| u32::from(if FIELD.contains(&at) { b' ' } else { *byte }))
        .sum()
}

/// Sets the times of a header that are later than the epoch to it; that of the content also if it `was_late` by
/// another account. A header without such times keeps every byte.
pub(super) fn clamp(header: &mut Header, was_late: bool, epoch: Epoch) {
    let seconds = epoch.seconds();
    let mut changed = false;
    if was_late || is_late(&header.as_old().mtime, header.mtime(), epoch) {
        header.set_mtime(seconds);
        changed = true;
    }
    // GNU's own format has two more; the others have them in records.
    if let Some(gnu) = header.as_gnu_mut() {
        if is_late(&gnu.atime, gnu.atime(), epoch) {
            gnu.set_atime(seconds);
            changed = true;
        }
        if is_late(&gnu.ctime, gnu.ctime(), epoch) {
            gnu.set_ctime(seconds);
            changed = true;
        }
    }
    if changed {
        write_checksum(header);
    }
}

/// Whether a field holds a later time. A negative one has the upper two bits set, and no value here.
/// Source: GNU tar manual, "Extensions to tar Archive Format", base-256 encoding.
fn is_late(field: &[u8; 12], time: io::Result<u64>, epoch: Epoch) -> bool {
    let is_negative = field.first().is_some_and(|byte| byte & 0xc0 == 0xc0);
    !is_negative && time.is_ok_and(|time| time > epoch.seconds())
}
