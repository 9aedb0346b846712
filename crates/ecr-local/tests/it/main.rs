//! The embedded ECR from outside: by the AWS SDK, and by HTTP as the specifications have it.

mod bench;
mod oci;
mod sdk;
