//! Dates in the format language of moment.js, in its English locale.
//!
//! Source: Moment.js documentation, "Display: Format" and "Escaping characters".

use jiff::Zoned;
use jiff::civil::{Date, Weekday};

/// What stands for a part of a date. A token stands before every token that it begins with.
#[rustfmt::skip]
const TOKENS: &[&str] = &[
    "Hmmss", "Hmm", "hmmss", "hmm", "HH", "H", "hh", "h",
    "Mo", "MMMM", "MMM", "MM", "M", "Do", "DDDo", "DDDD", "DDD", "DD", "D",
    "dddd", "ddd", "do", "dd", "d", "wo", "ww", "w", "Wo", "WW", "W", "Qo", "Q",
    "NNNNN", "NNNN", "NNN", "NN", "N", "YYYYYY", "YYYYY", "YYYY", "YY", "Y", "yyyy", "yyy", "yy", "yo", "y",
    "ggggg", "gggg", "gg", "GGGGG", "GGGG", "GG", "e", "E", "a", "A", "kk", "k", "mm", "m", "ss", "s",
    "SSSSSSSSS", "SSSSSSSS", "SSSSSSS", "SSSSSS", "SSSSS", "SSSS", "SSS", "SS", "S", "x", "X", "zz", "z", "ZZ", "Z",
];

/// Tokens that stand for formats.
const SHORTHANDS: [(&str, &str); 10] = [
    ("LTS", "h:mm:ss A"),
    ("LT", "h:mm A"),
    ("LLLL", "dddd, MMMM D, YYYY h:mm A"),
    ("LLL", "MMMM D, YYYY h:mm A"),
    ("LL", "MMMM D, YYYY"),
    ("L", "MM/DD/YYYY"),
    ("llll", "ddd, MMM D, YYYY h:mm A"),
    ("lll", "MMM D, YYYY h:mm A"),
    ("ll", "MMM D, YYYY"),
    ("l", "M/D/YYYY"),
];

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

const WEEKDAYS: [&str; 7] = [
    "Sunday",
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
];

/// `time` in a format such as `YYYYMMDD-HHmm`; the ISO 8601 form when the format is empty.
///
/// What stands in `[…]` or behind a backslash is text; so is every character that is no token.
pub fn format(time: &Zoned, format: &str) -> String {
    let format = match format {
        "" if time.offset().is_zero() => "YYYY-MM-DDTHH:mm:ss[Z]",
        "" => "YYYY-MM-DDTHH:mm:ssZ",
        format => format,
    };
    let mut text = String::with_capacity(format.len());
    let mut rest = format;
    while let Some(first) = rest.chars().next() {
        if let Some(length) = bracketed(rest) {
            text.push_str(rest.get(1..length - 1).unwrap_or_default());
            rest = rest.get(length..).unwrap_or_default();
        } else if let Some(escaped) = rest.strip_prefix('\\') {
            let length =
                token(escaped).map_or_else(|| escaped.chars().next().map_or(0, char::len_utf8), str::len);
            text.push_str(escaped.get(..length).unwrap_or_default());
            rest = escaped.get(length..).unwrap_or_default();
        } else if let Some((shorthand, long)) = SHORTHANDS.iter().find(|(token, _)| rest.starts_with(token)) {
            tokens(time, long, &mut text);
            rest = rest.strip_prefix(shorthand).unwrap_or_default();
        } else if let Some(token) = token(rest) {
            part(time, token, &mut text);
            rest = rest.strip_prefix(token).unwrap_or_default();
        } else {
            text.push(first);
            rest = rest.get(first.len_utf8()..).unwrap_or_default();
        }
    }
    text
}

/// Writes a shorthand's format, which has neither brackets nor backslashes.
fn tokens(time: &Zoned, format: &str, text: &mut String) {
    let mut rest = format;
    while let Some(first) = rest.chars().next() {
        if let Some(token) = token(rest) {
            part(time, token, text);
            rest = rest.strip_prefix(token).unwrap_or_default();
        } else {
            text.push(first);
            rest = rest.get(first.len_utf8()..).unwrap_or_default();
        }
    }
}

fn token(text: &str) -> Option<&'static str> {
    TOKENS.iter().copied().find(|token| text.starts_with(token))
}

/// The bytes of `[…]` at the start of `text`: up to the last `]` before the next `[`.
fn bracketed(text: &str) -> Option<usize> {
    let inside = text.strip_prefix('[')?;
    let inside = inside.get(..inside.find('[').unwrap_or(inside.len()))?;
    Some(inside.rfind(']')? + 2)
}

/// Writes what one token stands for.
fn part(time: &Zoned, token: &str, text: &mut String) {
    let ordinal = token.ends_with('o');
    let width = if ordinal { 1 } else { token.len() };
    let date = time.date();
    let weekday = time.weekday();
    let hour12 = (time.hour() + 11) % 12 + 1;
    let hour24 = if time.hour() == 0 { 24 } else { time.hour() };
    let noon = time.hour() >= 12;
    let (month, days) = (
        name(
            &MONTHS,
            usize::from(date.month().unsigned_abs()).saturating_sub(1),
        ),
        name(
            &WEEKDAYS,
            usize::from(weekday.to_sunday_zero_offset().unsigned_abs()),
        ),
    );
    let number = |value: i64| {
        if ordinal {
            format!("{value}{}", ordinal_suffix(value))
        } else {
            format!("{value:0width$}")
        }
    };
    let small = |value: i8| number(i64::from(value));
    let made = match token {
        "M" | "Mo" | "MM" => small(date.month()),
        "MMM" => first(month, 3),
        "MMMM" => month.to_owned(),
        "Q" | "Qo" => small((date.month() - 1) / 3 + 1),
        "D" | "Do" | "DD" => small(date.day()),
        "DDD" | "DDDo" => {
            let day = date.day_of_year();
            if ordinal {
                number(i64::from(day))
            } else {
                day.to_string()
            }
        }
        "DDDD" => format!("{:03}", date.day_of_year()),
        "d" | "do" | "e" => small(weekday.to_sunday_zero_offset()),
        "dd" => first(days, 2),
        "ddd" => first(days, 3),
        "dddd" => days.to_owned(),
        "E" => small(weekday.to_monday_one_offset()),
        "w" | "wo" | "ww" => small(week(date).1),
        "W" | "Wo" | "WW" => small(date.iso_week_date().week()),
        "YY" | "gg" | "GG" => {
            let year = year(date, token);
            format!("{:02}", year.rem_euclid(100))
        }
        "YYYYYY" => format!("{:+07}", date.year()),
        "Y" | "YYYY" | "YYYYY" | "gggg" | "ggggg" | "GGGG" | "GGGGG" => {
            format!("{:0width$}", year(date, token), width = width.max(4))
        }
        "y" | "yo" | "yy" | "yyy" | "yyyy" => number(i64::from(date.year())),
        "NNNN" => "Anno Domini".to_owned(),
        "N" | "NN" | "NNN" | "NNNNN" => "AD".to_owned(),
        "A" => if noon { "PM" } else { "AM" }.to_owned(),
        "a" => if noon { "pm" } else { "am" }.to_owned(),
        "H" | "HH" => small(time.hour()),
        "h" | "hh" => small(hour12),
        "k" | "kk" => small(hour24),
        "m" | "mm" => small(time.minute()),
        "s" | "ss" => small(time.second()),
        "Hmm" => format!("{}{:02}", time.hour(), time.minute()),
        "Hmmss" => format!("{}{:02}{:02}", time.hour(), time.minute(), time.second()),
        "hmm" => format!("{hour12}{:02}", time.minute()),
        "hmmss" => format!("{hour12}{:02}{:02}", time.minute(), time.second()),
        "X" => time.timestamp().as_second().to_string(),
        "x" => time.timestamp().as_millisecond().to_string(),
        "z" | "zz" => time
            .time_zone()
            .to_offset_info(time.timestamp())
            .abbreviation()
            .to_owned(),
        "Z" => offset(time, ":"),
        "ZZ" => offset(time, ""),
        // Fractions of a second; moment.js knows milliseconds.
        _ => first(&format!("{:03}000000", time.millisecond()), width),
    };
    text.push_str(&made);
}

/// The year that a token of years is of: the calendar's, that of the week, or that of ISO 8601's week.
fn year(date: Date, token: &str) -> i16 {
    match token.chars().next() {
        Some('g') => week(date).0,
        Some('G') => date.iso_week_date().year(),
        _ => date.year(),
    }
}

/// Year and week as the United States count: weeks begin on Sunday, and January 1st is in the first.
fn week(date: Date) -> (i16, i8) {
    let saturday = 6 - i16::from(date.weekday().to_sunday_zero_offset());
    let days_left = if date.in_leap_year() { 366 } else { 365 } - date.day_of_year();
    if saturday > days_left {
        return (date.year() + 1, 1);
    }
    let first = i16::from(date.first_of_year().weekday().since(Weekday::Sunday));
    let week = (date.day_of_year() - 1 + first) / 7 + 1;
    (date.year(), i8::try_from(week).unwrap_or(i8::MAX))
}

fn offset(time: &Zoned, separator: &str) -> String {
    let seconds = time.offset().seconds();
    let sign = if seconds < 0 { '-' } else { '+' };
    let minutes = seconds.abs() / 60;
    format!("{sign}{:02}{separator}{:02}", minutes / 60, minutes % 60)
}

fn name(names: &[&'static str], index: usize) -> &'static str {
    names.get(index).copied().unwrap_or_default()
}

fn first(text: &str, length: usize) -> String {
    text.chars().take(length).collect()
}

fn ordinal_suffix(value: i64) -> &'static str {
    match (value % 10, value % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    }
}
