//! `AssumeRoleWithSAML`, which needs no signature: no account has a SAML provider here, so that every assertion is
//! refused as one of an unknown provider is.
//!
//! Source: STS API reference, `AssumeRoleWithSAML`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::error::StsError;
use super::parameters::{Checked, Parameters, Text};
use super::session::ARN;
use super::xml::Element;

const ASSERTION: Text = Text {
    min: 4,
    max: 100_000,
    pattern: None,
    secret: true,
};

pub(super) fn assume_role(parameters: &Parameters) -> Result<Element, StsError> {
    let mut checked = Checked::new(parameters);
    checked.required("RoleArn", &ARN);
    checked.required("PrincipalArn", &ARN);
    let assertion = checked.required("SAMLAssertion", &ASSERTION);
    checked.number("DurationSeconds", &(900..=43_200));
    checked.finish()?;
    let message = match STANDARD.decode(assertion) {
        Ok(_) => "Specified provider doesn't exist",
        Err(_) => "Invalid base64 SAMLResponse",
    };
    Err(StsError::new("InvalidIdentityToken", message))
}
