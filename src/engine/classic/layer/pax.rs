//! The records of an extended header. Source: POSIX, "pax Header Block".

use crate::engine::classic::epoch::Epoch;

/// What an extended header's records tell.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Records {
    /// The size of the next entry's content in bytes.
    pub(super) size: Option<u64>,
    /// Whether the time of the content was later than the epoch.
    pub(super) was_late: bool,
    /// The records without times that are later than the epoch; `None` if there are none.
    pub(super) rewritten: Option<Vec<u8>>,
}

/// Sets late times of reading and change to the epoch, and leaves out a late one of the content: that belongs into the
/// header, which has whole seconds. A writer leaves it out too when the fraction happens to be zero.
///
/// `None` if they are no records. Source: POSIX, "pax", "pax Extended Header".
pub(super) fn clamp(records: &[u8], epoch: Epoch) -> Option<Records> {
    let mut overrides = Records::default();
    let mut rewritten = Vec::with_capacity(records.len());
    let mut rest = records;
    while !rest.is_empty() {
        let (record, after) = split_record(rest)?;
        rest = after;
        match record.key {
            b"mtime" if is_late(record.value, epoch) => {
                overrides.was_late = true;
                continue;
            }
            b"atime" | b"ctime" if is_late(record.value, epoch) => {
                let seconds = epoch.seconds().to_string();
                rewritten.extend(encode(record.key, seconds.as_bytes()));
                continue;
            }
            b"size" => overrides.size = Some(std::str::from_utf8(record.value).ok()?.parse().ok()?),
            _ => {}
        }
        rewritten.extend_from_slice(record.whole);
    }
    overrides.rewritten = (rewritten != records).then_some(rewritten);
    Some(overrides)
}

/// One record: `<length> <key>=<value>\n`, the length being that of all of it.
struct Record<'a> {
    whole: &'a [u8],
    key: &'a [u8],
    value: &'a [u8],
}

/// The first record, and what follows. Values may hold any byte.
fn split_record(records: &[u8]) -> Option<(Record<'_>, &[u8])> {
    let blank = records.iter().position(|byte| *byte == b' ')?;
    let length: usize = std::str::from_utf8(records.get(..blank)?).ok()?.parse().ok()?;
    let (whole, rest) = records.split_at_checked(length)?;
    let pair = whole.get(blank + 1..)?.strip_suffix(b"\n")?;
    let equals = pair.iter().position(|byte| *byte == b'=')?;
    let record = Record {
        whole,
        key: pair.get(..equals)?,
        value: pair.get(equals + 1..)?,
    };
    Some((record, rest))
}

fn encode(key: &[u8], value: &[u8]) -> Vec<u8> {
    let others = key.len() + value.len() + b" =\n".len();
    let mut length = others;
    // The length counts its own digits, which may take one more for it.
    while length != others + length.to_string().len() {
        length = others + length.to_string().len();
    }
    [length.to_string().as_bytes(), b" ", key, b"=", value, b"\n"].concat()
}

/// Whether a decimal number of seconds, possibly with a fraction, is a later time.
fn is_late(time: &[u8], epoch: Epoch) -> bool {
    let Ok(time) = std::str::from_utf8(time) else {
        return false;
    };
    let (seconds, fraction) = time.split_once('.').unwrap_or((time, ""));
    // One before 1970 has a sign.
    let Ok(seconds) = seconds.parse::<u64>() else {
        return false;
    };
    seconds > epoch.seconds() || (seconds == epoch.seconds() && fraction.bytes().any(|digit| digit != b'0'))
}

#[cfg(test)]
mod tests;
