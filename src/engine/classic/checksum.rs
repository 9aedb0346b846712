use std::ops::Range;

use ::tar::Header;

/// Where a header's checksum is. Source: POSIX, "pax", "ustar Interchange Format".
const FIELD: Range<usize> = 148..156;

/// Whether a header's checksum is that of its bytes.
pub(super) fn is_right(header: &Header) -> bool {
    header.cksum().ok() == Some(of(header))
}

/// Writes it as archivers do: six digits, a zero, a blank.
pub(super) fn write(header: &mut Header) {
    let text = format!("{:06o}\0 ", of(header));
    header.as_old_mut().cksum.copy_from_slice(text.as_bytes());
}

/// It is taken over the header with its own eight bytes as blanks.
fn of(header: &Header) -> u32 {
    let bytes = header.as_bytes().iter().enumerate();
    bytes
        .map(|(at, byte)| u32::from(if FIELD.contains(&at) { b' ' } else { *byte }))
        .sum()
}
