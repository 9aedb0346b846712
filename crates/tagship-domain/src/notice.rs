//! Notices: what others hear of a run, and how each wants it.

mod aws;
mod message;
mod receiver;

pub use aws::AwsResource;
pub use message::{CommitState, Deployment, Notice, Standing};
pub use receiver::{InvalidReceiver, Receiver, ReceiverKind, RunEnd, WebhookKey};

#[cfg(test)]
mod tests;
