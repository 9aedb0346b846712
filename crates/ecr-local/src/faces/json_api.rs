//! APIs in the AWS JSON 1.1 protocol: the target header names the operation, body and answer are JSON.
//!
//! A call goes through signature → input shape → permissions → handler.
//! Source: Smithy, "AWS JSON 1.1 protocol".

mod context;
mod operation;
mod service;
mod shape;
mod wording;

pub(crate) use context::{Context, epoch_seconds, page_size, read, repository_name, with_token};
pub(crate) use operation::{Handler, Operation, Resource};
pub(crate) use service::Service;
pub(crate) use shape::{Member, Shape, optional, required};
pub(crate) use wording::error;
