//! Answers in XML.

use axum::body::Body;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};

use super::error::{StsError, VERSION};
use crate::faces::exchange::Wording;

/// What clients of STS read of failures that tests order.
pub(crate) static WORDING: Wording = Wording {
    error: |status, code, message| {
        error(&StsError {
            code: code.to_owned().into(),
            status,
            message: message.to_owned(),
        })
    },
    throttled: (400, "Throttling"),
    unavailable: ("ServiceUnavailable", "Service unavailable"),
    internal: "InternalFailure",
};

/// A piece of an answer.
#[derive(Debug)]
pub(super) struct Element {
    name: &'static str,
    content: Content,
}

#[derive(Debug)]
enum Content {
    Text(String),
    Children(Vec<Element>),
}

impl Element {
    pub(super) fn text(name: &'static str, text: impl Into<String>) -> Self {
        Self {
            name,
            content: Content::Text(text.into()),
        }
    }

    pub(super) fn node(name: &'static str, children: Vec<Self>) -> Self {
        Self {
            name,
            content: Content::Children(children),
        }
    }

    fn write(&self, xml: &mut String) {
        xml.extend(["<", self.name, ">"]);
        match &self.content {
            Content::Text(text) => xml.push_str(&escape(text)),
            Content::Children(children) => children.iter().for_each(|child| child.write(xml)),
        }
        xml.extend(["</", self.name, ">"]);
    }
}

/// Character data of XML 1.0, which has no control characters but white space.
fn escape(text: &str) -> String {
    text.chars().fold(String::new(), |mut escaped, character| {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '\n' | '\t' => escaped.push(character),
            control if control.is_control() => escaped.push('\u{fffd}'),
            other => escaped.push(other),
        }
        escaped
    })
}

/// A successful answer.
pub(super) fn answer(operation: &str, result: Element) -> Response {
    let name = format!("{operation}Response");
    respond(
        StatusCode::OK,
        &name,
        &[
            result,
            Element::node("ResponseMetadata", vec![Element::text("RequestId", request_id())]),
        ],
    )
}

/// An error.
pub(super) fn error(error: &StsError) -> Response {
    let sender = if error.status < 500 { "Sender" } else { "Receiver" };
    let status = StatusCode::from_u16(error.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    respond(
        status,
        "ErrorResponse",
        &[
            Element::node(
                "Error",
                vec![
                    Element::text("Type", sender),
                    Element::text("Code", &*error.code),
                    Element::text("Message", &*error.message),
                ],
            ),
            Element::text("RequestId", request_id()),
        ],
    )
}

fn respond(status: StatusCode, name: &str, children: &[Element]) -> Response {
    let mut xml = format!("<{name} xmlns=\"https://sts.amazonaws.com/doc/{VERSION}/\">");
    for child in children {
        child.write(&mut xml);
    }
    xml.extend(["</", name, ">"]);
    (status, [(header::CONTENT_TYPE, "text/xml")], Body::from(xml)).into_response()
}

fn request_id() -> String {
    crate::random::hex::<16>().unwrap_or_default()
}
