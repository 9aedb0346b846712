//! Peers and files that mean harm: whatever they say, a run ends soon, in order, and with words that do no harm.
//!
//! Each part is a table of attacks on one border, and counts what it tried.

mod apis;
mod checkout;
mod database;
mod engine;
mod files;
mod registry;

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::process::Command;
use std::thread;
use std::time::Duration;

use test_support::process::{Finished, Process};

/// Longer than any of these runs takes, and shorter than any limit that a peer is waited for.
const SOON: Duration = Duration::from_secs(40);

/// What the program may end with: a bug and a signal are not among it.
const IN_ORDER: [i32; 5] = [0, 1, 2, 3, 10];

/// Runs a command and expects that it ends soon and in order, and says nothing that moves a cursor.
#[track_caller]
fn survive(what: &str, command: &mut Command) -> Finished {
    let mut process = Process::start(command);
    assert!(process.ends_within(SOON), "{what}: it does not end");
    let finished = process.wait();
    assert!(
        finished.code.is_some_and(|code| IN_ORDER.contains(&code)),
        "{what}: exit code {:?}:\n{}",
        finished.code,
        finished.stderr
    );
    let is_harmless = |c: char| matches!(c, '\n' | '\t') || !tagship_domain::untrusted::is_hidden(c);
    for text in [&finished.stdout, &finished.stderr] {
        assert!(text.chars().all(is_harmless), "{what}: {text:?}");
        assert!(text.len() < 64 * 1024, "{what}: {} bytes", text.len());
    }
    if finished.code != Some(0) {
        assert!(finished.stderr.contains("error: "), "{what}: {}", finished.stderr);
    }
    finished
}

/// A peer that answers whatever it is asked with the same bytes, and ends the connection.
fn peer(answer: Vec<u8>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for connection in listener.incoming() {
            let Ok(mut connection) = connection else { return };
            let answer = answer.clone();
            thread::spawn(move || {
                let mut asked = vec![0; 64 * 1024];
                // Whoever asks may be gone already.
                let _length = connection.read(&mut asked).unwrap_or_default();
                connection.write_all(&answer).ok();
            });
        }
    });
    address
}

fn answer(status: &str, headers: &str, body: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\n{headers}\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// Answers that are none or do not fit, by what they are.
fn no_answers() -> Vec<(&'static str, Vec<u8>)> {
    let mut all = broken();
    all.extend(unfitting());
    all
}

/// What is no HTTP.
fn broken() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("nothing", vec![]),
        ("zeros", vec![0; 4096]),
        ("noise", (0..=255).cycle().take(70_000).collect()),
        ("another protocol", b"220 mail ESMTP\r\n".to_vec()),
        ("HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec()),
        ("a TLS alert", vec![21, 3, 1, 0, 2, 2, 40]),
        ("half a line", b"HTTP/1.1 20".to_vec()),
        ("a status that is none", b"HTTP/1.1 999999 no\r\n\r\n".to_vec()),
        (
            "endless headers",
            [b"HTTP/1.1 200 OK\r\n".to_vec(), b"a: b\r\n".repeat(20_000)].concat(),
        ),
        (
            "a long header",
            [b"HTTP/1.1 200 OK\r\na: ".to_vec(), vec![b'a'; 1 << 20]].concat(),
        ),
        (
            "a length that is none",
            b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n".to_vec(),
        ),
        (
            "two lengths",
            b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}".to_vec(),
        ),
        (
            "a length that is too great",
            b"HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551615\r\n\r\n{}".to_vec(),
        ),
        (
            "fewer bytes than announced",
            b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{}".to_vec(),
        ),
        (
            "chunks that are none",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n".to_vec(),
        ),
        (
            "a chunk without end",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n{".to_vec(),
        ),
    ]
}

/// Answers of HTTP that answer nothing that is asked.
fn unfitting() -> Vec<(&'static str, Vec<u8>)> {
    let ok = |headers: &str, body: &str| answer("200 OK", headers, body);
    vec![
        ("no body", ok("", "")),
        ("an empty object", ok("", "{}")),
        ("a list", ok("", "[]")),
        ("a number", ok("", "1e999")),
        ("null", ok("", "null")),
        ("deep lists", ok("", &"[".repeat(100_000))),
        (
            "HTML",
            ok("Content-Type: text/html\r\n", "<html>\u{1b}[2J</html>"),
        ),
        (
            "a redirect to itself",
            answer("307 Temporary Redirect", "Location: /\r\n", ""),
        ),
        (
            "a redirect to a file",
            answer("307 Temporary Redirect", "Location: file:///etc/passwd\r\n", ""),
        ),
        (
            "a redirect to metadata",
            answer("302 Found", "Location: http://169.254.169.254/\r\n", ""),
        ),
        (
            "401 without challenge",
            answer("401 Unauthorized", "", "\u{1b}]0;title\u{7}"),
        ),
        (
            "403 in another form",
            answer("403 Forbidden", "", "{\"errors\":{\"code\":1}}"),
        ),
        (
            "404 with controls",
            answer(
                "404 Not Found",
                "",
                "{\"message\":\"::error::x\u{202e}\\u001b[31m\"}",
            ),
        ),
        (
            "an upgrade that was not asked for",
            b"HTTP/1.1 101 Switching Protocols\r\n\r\n\0\0".to_vec(),
        ),
        ("204", answer("204 No Content", "", "")),
        ("418", answer("418 I'm a teapot", "", "tea")),
    ]
}
