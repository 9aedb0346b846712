//! A fake of STS that keeps a role's trust policy.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use wiremock::{Request, ResponseTemplate};

use super::{ACCOUNT, ROLE, claims_of};
use crate::clock::SystemClock;
use crate::ports::Clock as _;

/// What the fake STS is like, and what it was asked.
pub(in crate::aws) struct FakeSts {
    /// The subject that the role's trust policy has.
    pub(in crate::aws) trusted: String,
    /// The audience that the account's identity provider has.
    pub(in crate::aws) audience: String,
    /// The role's `MaxSessionDuration`.
    pub(in crate::aws) longest: u32,
    /// How long sessions really last, in seconds.
    pub(in crate::aws) lasting: i64,
    /// How many blanks stand behind an answer.
    pub(in crate::aws) blanks: usize,
    /// Refusals that come before any rule is looked at: status, code, message.
    pub(in crate::aws) refusals: Vec<(u16, &'static str, &'static str)>,
    /// The requests, as their form fields.
    pub(in crate::aws) requests: Vec<BTreeMap<String, String>>,
    /// The keys that were issued, newest last.
    pub(in crate::aws) keys: Vec<String>,
}

impl Default for FakeSts {
    fn default() -> Self {
        Self {
            trusted: super::SUBJECT.to_owned(),
            audience: "sts.amazonaws.com".to_owned(),
            longest: 3600,
            lasting: 3600,
            blanks: 0,
            refusals: Vec::new(),
            requests: Vec::new(),
            keys: Vec::new(),
        }
    }
}

impl FakeSts {
    pub(super) fn answer(&mut self, request: &Request, masked: &[String]) -> ResponseTemplate {
        let fields: BTreeMap<String, String> =
            url::form_urlencoded::parse(&request.body).into_owned().collect();
        assert_eq!(fields["Version"], "2011-06-15");
        self.requests.push(fields.clone());
        let signed = request.headers.contains_key("authorization");
        if !self.refusals.is_empty() {
            let (status, code, message) = self.refusals.remove(0);
            return error(status, code, message);
        }
        match fields["Action"].as_str() {
            "AssumeRoleWithWebIdentity" => {
                assert!(!signed, "a web identity is sent without a signature");
                let token = &fields["WebIdentityToken"];
                assert!(masked.contains(token), "the token is masked before it is used");
                let claims = claims_of(token);
                if claims["aud"] != self.audience {
                    return error(400, "InvalidIdentityToken", "Incorrect token audience");
                }
                if claims["sub"] != self.trusted {
                    return denied("sts:AssumeRoleWithWebIdentity");
                }
                self.issue(&fields, "AssumeRoleWithWebIdentity")
            }
            "AssumeRole" if signed => self.issue(&fields, "AssumeRole"),
            "GetCallerIdentity" if signed => ResponseTemplate::new(200).set_body_string(format!(
                "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\
                 <GetCallerIdentityResult><Arn>arn:aws:iam::{ACCOUNT}:user/ci</Arn><UserId>AIDA</UserId>\
                 <Account>{ACCOUNT}</Account></GetCallerIdentityResult></GetCallerIdentityResponse>"
            )),
            _ => error(
                403,
                "MissingAuthenticationToken",
                "Request is missing Authentication Token",
            ),
        }
    }

    fn issue(&mut self, fields: &BTreeMap<String, String>, action: &str) -> ResponseTemplate {
        if fields["RoleArn"] != ROLE {
            return denied(&format!("sts:{action}"));
        }
        if fields["DurationSeconds"].parse::<u32>().unwrap() > self.longest {
            return error(
                400,
                "ValidationError",
                "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
            );
        }
        let number = self.keys.len();
        let key = format!("ASIA{number:016}");
        self.keys.push(key.clone());
        let ends = SystemClock.now() + SignedDuration::from_secs(self.lasting);
        let blanks = " ".repeat(self.blanks);
        ResponseTemplate::new(200).set_body_string(format!(
            "<{action}Response xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><{action}Result>\
             <AssumedRoleUser><Arn>arn:aws:sts::{ACCOUNT}:assumed-role/publish/tagship</Arn>\
             <AssumedRoleId>AROA:tagship</AssumedRoleId></AssumedRoleUser>\
             <Credentials><AccessKeyId>{key}</AccessKeyId><SecretAccessKey>key-secret-{number}</SecretAccessKey>\
             <SessionToken>session-secret-{number}</SessionToken><Expiration>{ends:.0}</Expiration></Credentials>\
             </{action}Result></{action}Response>{blanks}"
        ))
    }
}

fn denied(action: &str) -> ResponseTemplate {
    error(
        403,
        "AccessDenied",
        &format!("Not authorized to perform {action}"),
    )
}

fn error(status: u16, code: &str, message: &str) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_string(format!(
        "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender</Type>\
         <Code>{code}</Code><Message>{message}</Message></Error><RequestId>1</RequestId></ErrorResponse>"
    ))
}
