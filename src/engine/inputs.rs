//! What a build reads, for those who ask whether the working tree is what the commit says.

use std::path::{Path, PathBuf};

use buildkit_session::ContextInputs;

use crate::ports::BuildInputs;

impl BuildInputs for ContextInputs {
    fn context(&self) -> &Path {
        self.context()
    }

    fn beside(&self) -> &[PathBuf] {
        self.beside()
    }

    fn present(&self) -> &[String] {
        self.present()
    }

    fn reads(&self, path: &str) -> bool {
        self.reads(path)
    }

    fn reads_in(&self, folder: &str) -> bool {
        self.reads_in(folder)
    }
}
