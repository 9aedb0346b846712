//! Extended headers of the tests' own, before and after.

use super::*;

fn clamped(records: &[u8]) -> Option<Records> {
    clamp(records, Epoch::new(1_700_000_000))
}

#[test]
fn a_late_time_of_the_content_goes_and_others_become_the_epoch() {
    let records = b"20 mtime=1700000001\n30 atime=1700000000.000000001\n20 ctime=1800000000\n";
    assert_eq!(
        clamped(records).unwrap(),
        Records {
            size: None,
            was_late: true,
            rewritten: Some(b"20 atime=1700000000\n20 ctime=1700000000\n".to_vec()),
        }
    );
}

#[test]
fn all_else_stays() {
    for records in [
        &b""[..],
        b"20 mtime=1700000000\n",
        b"24 mtime=1700000000.000\n",
        b"26 mtime=1699999999.99999\n",
        b"12 mtime=-5\n12 ctime=-9\n",
        b"13 mtime=0.5\n",
        // A capability, in binary: with a line's end, an equals sign and a zero.
        b"38 SCHILY.xattr.security.capability=\n\n",
        b"40 SCHILY.xattr.user.x=\n9 mtime=1\n=\0=\xff\n\n",
        b"22 mtime=not a number\n",
    ] {
        let rewritten = clamped(records);
        assert_eq!(rewritten, Some(Records::default()), "{}", records.escape_ascii());
    }
}

#[test]
fn the_size_of_what_follows_is_kept() {
    let records = clamped(b"20 size=10000000000\n20 mtime=1700000001\n").unwrap();
    assert_eq!(records.size, Some(10_000_000_000));
    assert_eq!(records.rewritten.as_deref(), Some(&b"20 size=10000000000\n"[..]));
}

#[test]
fn a_records_length_counts_its_own_digits() {
    // Nine bytes beside the length make eleven with it, not ten.
    assert_eq!(encode(b"ctime", b"0"), b"11 ctime=0\n");
    assert_eq!(encode(b"ctime", b""), b"9 ctime=\n");
}

#[test]
fn what_are_no_records_is_told_apart() {
    for records in [
        &b"mtime=1\n"[..],
        b"99 mtime=1\n",
        b"11 mtime=1 ",
        b"0 mtime=1\n",
        b"2 \n",
        b"10 nothing\n",
        b"9 size=x\n",
        b"18446744073709551616 a=b\n",
        b"\0",
    ] {
        assert_eq!(clamped(records), None, "{}", records.escape_ascii());
    }
}
