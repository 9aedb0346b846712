//! The files that one context has on disk, and those of the commit that it would have.

use std::collections::HashSet;

use gix::bstr::{BStr, ByteSlice as _};

use crate::ports::BuildInputs;

/// The files of one context, asked for by paths of the repository.
pub(super) struct ContextFiles<'i> {
    inputs: &'i dyn BuildInputs,
    /// How much of a path leads to the context.
    begin: usize,
    /// The files on disk that were not found in the commit yet, by their paths from the context on.
    uncommitted: HashSet<&'i [u8]>,
}

impl<'i> ContextFiles<'i> {
    /// The files of the context that lies at `context` in the repository.
    pub(super) fn new(inputs: &'i dyn BuildInputs, context: &BStr) -> Self {
        Self {
            inputs,
            begin: context.len() + usize::from(!context.is_empty()),
            uncommitted: inputs.present().iter().map(String::as_bytes).collect(),
        }
    }

    /// Whether the build reads this file of the commit, or would if it were on disk.
    pub(super) fn takes(&mut self, path: &BStr) -> bool {
        let within = self.within(path);
        // What is on disk was found by the same rules.
        self.uncommitted.remove(within.as_bytes()) || self.inputs.reads(&within.to_str_lossy())
    }

    /// Whether the build may read anything in this folder.
    pub(super) fn looks_in(&self, folder: &BStr) -> bool {
        self.inputs.reads_in(&self.within(folder).to_str_lossy())
    }

    /// The files on disk that were not taken, but those of git itself; from the context on, in the order of the walk.
    pub(super) fn uncommitted(&self) -> impl Iterator<Item = &'i BStr> {
        let paths = self.inputs.present().iter().map(|path| BStr::new(path.as_str()));
        paths.filter(|path| self.uncommitted.contains(path.as_bytes()) && !is_gits_own(path))
    }

    fn within<'p>(&self, path: &'p BStr) -> &'p BStr {
        BStr::new(path.get(self.begin..).unwrap_or_default())
    }
}

/// Whether `.git` is a part of the path: what lies there is of git itself.
fn is_gits_own(path: &BStr) -> bool {
    path.split_str("/").any(|name| name == b".git")
}
