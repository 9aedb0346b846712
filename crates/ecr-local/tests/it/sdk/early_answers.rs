//! Answers that are given before the request was read: the connection stays, or it says that it closes and lets the
//! client read the answer. Source: RFC 9112, section 9.6; RFC 9110, section 10.1.1.

use ecr_local::{Fault, FaultAction};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::bench::{Bench, REPOSITORY};

/// A connection as a client has it that sends all before it reads.
struct Client(TcpStream);

impl Client {
    async fn connect(bench: &Bench) -> Self {
        Self(TcpStream::connect(bench.local.address()).await.unwrap())
    }

    async fn head(&mut self, line: &str, headers: &[(&str, &str)]) {
        let mut head = format!("{line} HTTP/1.1\r\nHost: {}\r\n", self.0.peer_addr().unwrap());
        for (name, value) in headers {
            head.extend([name, ": ", value, "\r\n"]);
        }
        self.0.write_all(format!("{head}\r\n").as_bytes()).await.unwrap();
    }

    /// The head of the next answer, whose body is read too.
    async fn answer(&mut self) -> String {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(self.0.read_u8().await.expect("an answer"));
        }
        let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
        let length = head
            .split_once("content-length: ")
            .map_or(0, |(_, rest)| rest.split_once('\r').unwrap().0.parse().unwrap());
        self.0.read_exact(&mut vec![0; length]).await.unwrap();
        head
    }
}

fn manifest() -> String {
    format!("PUT /v2/{REPOSITORY}/manifests/1.0.0")
}

// A correct client sends the body that it announced, whatever it is answered meanwhile.
#[tokio::test]
async fn a_connection_stays_where_a_small_body_was_not_read() {
    let bench = Bench::start().await;
    let unknown = "POST /nowhere".to_owned();
    for line in [manifest(), unknown, "POST /_local/faults".to_owned()] {
        let mut client = Client::connect(&bench).await;
        for _ in 0..3 {
            client.head(&line, &[("Content-Length", "100000")]).await;
            client.0.write_all(&vec![b' '; 100_000]).await.unwrap();
            let head = client.answer().await;
            assert!(head.starts_with("http/1.1 4"), "{line}: {head}");
            assert!(!head.contains("connection: close"), "{line}: {head}");
        }
    }
}

#[tokio::test]
async fn a_connection_stays_where_a_body_in_chunks_was_not_read() {
    let bench = Bench::start().await;
    let mut client = Client::connect(&bench).await;
    for _ in 0..3 {
        client
            .head(&manifest(), &[("Transfer-Encoding", "chunked")])
            .await;
        for _ in 0..20 {
            client.0.write_all(b"4\r\nabcd\r\n").await.unwrap();
        }
        client.0.write_all(b"0\r\n\r\n").await.unwrap();
        assert!(client.answer().await.starts_with("http/1.1 401"));
    }
}

#[tokio::test]
async fn a_large_body_may_be_sent_before_its_answer_is_read() {
    let bench = Bench::start().await;
    let throttled = Fault {
        operation: "PutManifest".to_owned(),
        repository: None,
        skip: 1,
        times: 1,
        action: FaultAction::Status {
            status: 503,
            envelope: false,
        },
    };
    bench.local.add_fault(throttled);
    for status in ["401", "503"] {
        let mut client = Client::connect(&bench).await;
        client.head(&manifest(), &[("Content-Length", "33554432")]).await;
        for _ in 0..32 {
            client
                .0
                .write_all(&vec![b' '; 1024 * 1024])
                .await
                .expect("the server takes it");
        }
        let head = client.answer().await;
        assert!(head.starts_with(&format!("http/1.1 {status}")), "{head}");
        assert!(head.contains("connection: close"), "{head}");
        assert_eq!(
            client.0.read(&mut [0]).await.unwrap(),
            0,
            "the connection ends in order"
        );
    }
}

#[tokio::test]
async fn who_waits_for_100_continue_is_not_asked_for_a_body_that_is_refused() {
    let bench = Bench::start().await;
    let mut client = Client::connect(&bench).await;
    let headers = [("Content-Length", "10"), ("Expect", "100-continue")];
    client.head(&manifest(), &headers).await;
    let head = client.answer().await;
    assert!(head.starts_with("http/1.1 401"), "{head}");
    assert!(head.contains("connection: close"), "{head}");
}
