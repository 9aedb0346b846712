//! How long an engine is waited for, and how much it may say.

use std::time::Duration;

/// How long a connection may take to stand.
pub const CONNECT: Duration = Duration::from_secs(10);
/// How long an engine may take to answer what it knows: ping, version, upgrade of a connection, its workers.
pub const ANSWER: Duration = Duration::from_secs(15);
/// How long an engine may take over lists, inspections and removals.
pub const CALL: Duration = Duration::from_mins(1);
/// How long an engine may be silent before it is asked whether it is there.
pub const PING: Duration = Duration::from_secs(20);
/// How long an engine may take to say so.
pub const PONG: Duration = Duration::from_secs(20);
/// How long the stream of an image may stand still although the engine is there: it first writes the image to its disk.
pub const EXPORT: Duration = Duration::from_hours(1);
/// How long a pull by an engine may say nothing.
pub const PULL: Duration = Duration::from_mins(5);
/// How long a daemon in a container may take to start.
pub const START: Duration = Duration::from_secs(30);
/// The most bytes of an engine's answer about itself.
pub const VERSION_BYTES: u64 = 1024 * 1024;
/// The most bytes of an engine's list.
pub const LIST_BYTES: u64 = 64 * 1024 * 1024;
