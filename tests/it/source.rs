//! What is published is what the commit says: the event, the git tag and HEAD agree, and so do the build's inputs.

mod event;
mod published;
