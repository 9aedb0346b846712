//! Listing tags: pages, and what a hostile registry says of them.

use std::sync::{Arc, Mutex};

use http::Method;
use http::header::{AUTHORIZATION, LINK};
use tagship::ports::{ReadRepository as _, RegistryError};

use super::client::tag;
use test_support::fake::{Fake, Fault, answer, serve};

/// Pages as ECR gives them: in no order, and with a `last` that means something to itself alone.
const PAGES: [(&str, &str, Option<&str>); 3] = [
    (
        "n=1000",
        r#"{"name":"team/app","tags":["2.0.0","latest"]}"#,
        Some("/v2/team/app/tags/list?last=b%2Bpaque%3D%3D&n=1000"),
    ),
    (
        "last=b%2Bpaque%3D%3D&n=1000",
        r#"{"name":"team/app","tags":["1.0.0","-no-tag","",":"]}"#,
        Some("https://elsewhere.example/v2/x?last=3"),
    ),
    ("last=3", r#"{"name":"team/app","tags":null}"#, None),
];

#[tokio::test]
async fn all_pages_are_read_from_the_registry_alone() {
    let queries = Arc::new(Mutex::new(Vec::new()));
    let address = serve({
        let queries = Arc::clone(&queries);
        move |request| {
            assert_eq!(request.uri().path(), "/v2/team/app/tags/list");
            assert!(request.headers().contains_key(AUTHORIZATION));
            let query = request.uri().query().unwrap_or_default().to_owned();
            let page = PAGES.iter().find(|(asked, ..)| *asked == query);
            queries.lock().unwrap().push(query);
            let (_, body, next) = page.expect("no other page is asked for");
            let link = next.map(|next| format!("<{next}>; rel=\"next\""));
            let headers: Vec<_> = link.iter().map(|link| (LINK.as_str(), link.as_str())).collect();
            std::future::ready(answer(200, &headers, *body))
        }
    })
    .await;
    let (repository, _) = Fake::at(address).client();
    let tags = repository.list_tags().await.unwrap();
    assert_eq!(tags, [tag("2.0.0"), tag("latest"), tag("1.0.0")]);
    assert_eq!(*queries.lock().unwrap(), PAGES.map(|(asked, ..)| asked));
}

#[tokio::test]
async fn a_list_that_does_not_end_is_refused() {
    let next = |link: &str| Fault::Answer {
        status: 200,
        headers: vec![(LINK.as_str(), link.to_owned())],
        body: r#"{"tags":["1.0.0"]}"#.to_owned(),
    };
    let fake = Fake::start().await;
    fake.fail(
        Method::GET,
        "tags/list",
        next("</v2/team/app/tags/list?n=1000>; rel=\"next\""),
    );
    let (repository, _) = fake.client();
    let error = repository.list_tags().await.unwrap_err();
    assert!(matches!(error, RegistryError::Refused { .. }), "{error:?}");
    assert_eq!(fake.journal().len(), 1);

    let endless = Arc::new(Mutex::new(0));
    let address = serve(move |_| {
        let mut page = endless.lock().unwrap();
        *page += 1;
        let link = format!("<?last={page}>; rel=\"next\"");
        std::future::ready(answer(200, &[(LINK.as_str(), link.as_str())], r#"{"tags":[]}"#))
    })
    .await;
    let (repository, _) = Fake::at(address).client();
    let error = repository.list_tags().await.unwrap_err();
    assert!(matches!(error, RegistryError::Refused { .. }), "{error:?}");
}

#[tokio::test]
async fn refusals_and_hiccups_are_told_apart() {
    let text = |status, text: &str| Fault::Answer {
        status,
        headers: vec![],
        body: text.to_owned(),
    };
    let listed = |faults: Vec<Fault>| async {
        let fake = Fake::start().await;
        for fault in faults {
            fake.fail(Method::GET, "tags/list", fault);
        }
        let listed = fake.client().0.list_tags().await;
        (listed, fake.journal().len())
    };
    let hiccup = vec![
        Fault::status(503),
        Fault::Reset,
        text(200, r#"{"tags":["1.0.0"]}"#),
    ];
    let (tags, requests) = listed(hiccup).await;
    assert_eq!((tags.unwrap(), requests), (vec![tag("1.0.0")], 3));

    let denied =
        "User: arn:aws:sts::1:assumed-role/r/s is not authorized to perform: ecr:ListImages on resource: x";
    let (error, requests) = listed(vec![Fault::error(403, "DENIED", denied)]).await;
    assert!(
        matches!(&error, Err(RegistryError::NotPermitted { action, .. }) if action == "ecr:ListImages"),
        "{error:?}"
    );
    assert_eq!(requests, 1);

    for fault in [
        Fault::error(405, "UNSUPPORTED", "no lists here"),
        text(200, "<html>"),
        text(200, r#"{"tags":"1.0.0"}"#),
        text(307, ""),
    ] {
        let (error, requests) = listed(vec![fault.clone()]).await;
        assert!(
            matches!(error, Err(RegistryError::Refused { .. })),
            "{fault:?}: {error:?}"
        );
        assert_eq!(requests, 1, "{fault:?}");
    }
}
