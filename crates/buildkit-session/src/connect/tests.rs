//! Addresses, and engines that answer wrongly or not at all.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, UnixListener};

use super::{BuildKit, Connection, Daemon, EngineAddress, EnginePlace, EngineStream, TlsOptions};
use crate::capability::Capabilities;
use crate::error::Error;
use tagship_domain::build::BuilderAddress;

fn parse(text: &str) -> Result<EngineAddress, Error> {
    EngineAddress::parse(Some(text))
}

#[test]
fn addresses_have_three_forms() {
    assert_eq!(
        EngineAddress::parse(None).unwrap().to_string(),
        "unix:///var/run/docker.sock"
    );
    for text in [
        "unix:///run/user/1000/docker.sock",
        "tcp://127.0.0.1:2375",
        "tcp://[::1]:2375",
        "ssh://build-host",
        "ssh://me@build.example.org:2222",
    ] {
        assert_eq!(parse(text).unwrap().to_string(), text);
    }
}

#[test]
fn other_addresses_are_refused_with_the_reason() {
    for (text, reason) in [
        ("", "has no scheme"),
        ("/var/run/docker.sock", "has no scheme"),
        ("unix://docker.sock", "is not an absolute path"),
        ("tcp://host", "has no port"),
        ("tcp://host:99999", "is not `tcp://host:port`"),
        ("tcp://:2375", "is not `tcp://host:port`"),
        ("tcp://host:2375/path", "is not `tcp://host:port`"),
        ("https://host:2376", "with `DOCKER_TLS_VERIFY`"),
        ("npipe:////./pipe/docker_engine", "is a Windows pipe"),
        ("ftp://host", "has a scheme other"),
        // ssh would take these for options.
        ("ssh://-oProxyCommand=x", "is not `ssh://"),
        ("ssh://-oProxyCommand=x@host", "is not `ssh://"),
        ("ssh://me:password@host", "is not `ssh://"),
        ("ssh://@host", "is not `ssh://"),
    ] {
        let error = parse(text).unwrap_err();
        assert!(error.to_string().contains(reason), "{text}: {error}");
        assert!(matches!(error, Error::Address { .. }), "{text}");
    }
}

/// Answers every request on a free port with the same bytes.
async fn answering(answer: &'static str) -> EngineAddress {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 4096];
            // The first connection is only a probe.
            if stream.read(&mut request).await.is_ok_and(|count| count > 0) {
                drop(stream.write_all(answer.as_bytes()).await);
            }
        }
    });
    EngineAddress::Tcp {
        host: "127.0.0.1".to_owned(),
        port,
    }
}

macro_rules! version_answer {
    ($json:literal) => {
        concat!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n",
            $json
        )
    };
}

async fn failure(address: EngineAddress) -> Error {
    let place = EnginePlace {
        address: Some(address.to_string()),
        tls: None,
    };
    match Connection::open(&place).await {
        Ok(connection) => Capabilities::read(&BuildKit::Engine(connection))
            .await
            .unwrap_err(),
        Err(error) => error,
    }
}

#[tokio::test]
async fn each_way_of_not_being_an_engine_is_told_apart() {
    let missing = failure(parse("unix:///nowhere/docker.sock").unwrap()).await;
    assert!(matches!(missing, Error::SocketMissing { .. }), "{missing:?}");

    let folder = tempfile::tempdir().unwrap();
    let abandoned = folder.path().join("socket");
    drop(UnixListener::bind(&abandoned).unwrap());
    let refused = failure(EngineAddress::Unix(abandoned)).await;
    assert!(matches!(refused, Error::Unreachable { .. }), "{refused:?}");

    let closed = TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let refused = failure(EngineAddress::Tcp {
        host: "127.0.0.1".to_owned(),
        port: closed,
    })
    .await;
    assert!(matches!(refused, Error::Unreachable { .. }), "{refused:?}");

    let web = answering("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n").await;
    assert!(matches!(failure(web).await, Error::NotAnEngine { .. }));
    let other_protocol = answering("220 mail ESMTP\r\n").await;
    assert!(matches!(failure(other_protocol).await, Error::NotAnEngine { .. }));
    // What Go's server says on a TLS port.
    let tls = answering("HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n");
    assert!(matches!(failure(tls.await).await, Error::TlsOnly { .. }));
}

#[tokio::test]
async fn engines_that_cannot_build_are_refused_with_the_reason() {
    let old = answering(version_answer!(
        r#"{"Version":"19.03.15","ApiVersion":"1.40","Os":"linux","Arch":"amd64"}"#
    ));
    assert!(matches!(failure(old.await).await, Error::TooOld { version } if version == "19.03.15"));
    let windows = answering(version_answer!(
        r#"{"Version":"28.0.4","ApiVersion":"1.48","Os":"windows","Arch":"amd64"}"#
    ));
    assert!(matches!(failure(windows.await).await, Error::NotLinux { os } if os == "windows"));
    let without = answering(version_answer!(
        r#"{"Version":"28.0.4","ApiVersion":"1.48","Os":"linux","Arch":"amd64"}"#
    ));
    assert!(matches!(failure(without.await).await, Error::NoBuildKit { .. }));
}

#[tokio::test]
async fn ssh_carries_the_engine_of_another_machine() {
    let folder = tempfile::tempdir().unwrap();
    let (program, arguments) = (folder.path().join("ssh"), folder.path().join("arguments"));
    std::fs::write(
        &program,
        format!("#!/bin/sh\necho \"$@\" > {}\nexec cat\n", arguments.display()),
    )
    .unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let address = parse("ssh://me@build:2222").unwrap();
    let mut stream = EngineStream::dial(&address, &program, None).await.unwrap();
    stream.write_all(b"there and back").await.unwrap();
    let mut echo = [0; 14];
    stream.read_exact(&mut echo).await.unwrap();
    assert_eq!(&echo, b"there and back");
    assert_eq!(
        std::fs::read_to_string(arguments).unwrap(),
        "-T -o ConnectTimeout=10 -o BatchMode=yes -l me -p 2222 -- build docker system dial-stdio\n"
    );

    let error = Connection::open_within(
        address,
        None,
        PathBuf::from("/nowhere/ssh"),
        Duration::from_secs(9),
    )
    .await
    .err()
    .unwrap();
    assert!(matches!(error, Error::SshMissing), "{error:?}");
}

/// Takes connections and says nothing.
#[tokio::test]
async fn a_silent_engine_is_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("socket");
    let _listener = UnixListener::bind(&socket).unwrap();
    let answer = Duration::from_millis(50);
    let opened =
        Connection::open_within(EngineAddress::Unix(socket), None, PathBuf::from("ssh"), answer).await;
    let error = opened.err().unwrap();
    assert!(matches!(error, Error::Unreachable { .. }), "{error:?}");
}

#[tokio::test]
async fn an_answer_has_an_end_in_time_and_size() {
    let (mut engine, ours) = tokio::io::duplex(1 << 20);
    let mut stream = EngineStream::over(ours).bounded(10, Duration::from_hours(1));
    engine.write_all(b"0123456789!").await.unwrap();
    let error = stream.read_to_end(&mut Vec::new()).await.unwrap_err();
    assert_eq!(error.to_string(), "its answer is too long");

    let (mut engine, ours) = tokio::io::duplex(64);
    let mut stream = EngineStream::over(ours).bounded(u64::MAX, Duration::from_millis(50));
    // A byte now and then keeps nothing alive.
    tokio::spawn(async move {
        while engine.write_all(b".").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    let error = stream.read_to_end(&mut Vec::new()).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::TimedOut);
}

/// What `Daemon::open` or the first question to it says.
async fn daemon_failure(address: BuilderAddress, answer: Duration) -> Error {
    match Daemon::open_within(address, None, answer).await {
        Ok(daemon) => Capabilities::read(&BuildKit::Daemon(daemon)).await.unwrap_err(),
        Err(error) => error,
    }
}

#[tokio::test]
async fn what_is_no_daemon_ends_in_an_error_that_names_the_address() {
    let within = Duration::from_millis(300);
    let local = |port: u16| BuilderAddress::Tcp {
        host: "127.0.0.1".to_owned(),
        port,
    };
    // Takes the connection and never says a word.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let deaf = local(silent.local_addr().unwrap().port());
    let EngineAddress::Tcp { port, .. } =
        answering("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n").await
    else {
        panic!("it listens at a port")
    };
    for address in [
        BuilderAddress::Unix(PathBuf::from("/nowhere/buildkitd.sock")),
        deaf,
        local(port),
    ] {
        let shown = address.to_string();
        let begun = std::time::Instant::now();
        let error = daemon_failure(address, within).await;
        assert!(matches!(error, Error::NoDaemon { .. }), "{error:?}");
        assert!(error.to_string().contains(&shown), "{error}");
        assert!(begun.elapsed() < Duration::from_secs(5), "{error}");
    }
}

#[tokio::test]
async fn certificates_that_are_none_are_named_and_not_repeated() {
    let options = |authority: &str, identity: Option<(&str, &str)>| TlsOptions {
        authority: authority.to_owned(),
        identity: identity.map(|(certificate, key)| (certificate.to_owned(), key.to_owned().into())),
        server_name: None,
    };
    for (tls, reason) in [
        (options("hush", None), "`ca` holds no certificate as PEM"),
        (
            options(
                "-----BEGIN CERTIFICATE-----\naHVzaA==\n-----END CERTIFICATE-----\n",
                None,
            ),
            "`ca`: ",
        ),
    ] {
        let address = BuilderAddress::parse("tcp://127.0.0.1:1").unwrap();
        let error = Daemon::open(address, Some(&tls)).await.unwrap_err();
        assert!(matches!(error, Error::Certificates { .. }), "{error:?}");
        let text = error.to_string();
        assert!(text.contains(reason) && !text.contains("hush"), "{text}");
    }
}
