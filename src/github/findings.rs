//! Findings in code scanning.

use std::io::{self, Write as _};

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;

use super::GithubForge;
use super::api::Call;
use super::failure::Purpose;
use crate::ports::{ForgeError, ShowFindings};
use tagship_domain::facts::CommitId;

/// The most bytes that GitHub takes, compressed. Source: GitHub docs, "SARIF support for code scanning", "Limits".
const MAX_COMPRESSED: usize = 10 * 1024 * 1024;

#[async_trait]
impl ShowFindings for GithubForge {
    /// Source: GitHub REST API, "Upload an analysis as SARIF data": compressed with gzip, in base64. The same analysis of the
    /// same commit takes the place of the one before, so that it may be sent twice.
    async fn show_findings(&self, commit: &CommitId, git_ref: &str, sarif: &str) -> Result<(), ForgeError> {
        let compressed = compressed(sarif).map_err(|error| self.api.not_sent(&error))?;
        if compressed.len() > MAX_COMPRESSED {
            return Err(self.api.not_sent(&"they have more than 10 MiB, compressed"));
        }
        let body = json!({ "commit_sha": commit, "ref": git_ref, "sarif": STANDARD.encode(compressed) });
        let call = Call {
            is_repeatable: true,
            ..Call::post("/code-scanning/sarifs", body)
        };
        self.api.send(&call, Purpose::ShowFindings).await.map(drop)
    }
}

fn compressed(text: &str) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes())?;
    encoder.finish()
}
