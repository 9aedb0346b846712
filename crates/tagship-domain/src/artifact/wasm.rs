//! WebAssembly. Source: CNCF TAG Runtime, "Wasm OCI Artifact Layout"; WebAssembly component model, "Binary Format".

use std::collections::BTreeMap;

use serde_json::json;

use super::Artifact;
use crate::reference::Digest;

/// The media type of the config.
const CONFIG: &str = "application/vnd.wasm.config.v0+json";
/// The media type of the file.
pub const WASM: &str = "application/wasm";

/// What a file begins with. Source: WebAssembly core specification, "Modules", binary format.
const MAGIC: &[u8] = b"\0asm";
/// The version of a core module, and that of a component with its layer.
const MODULE: [u8; 4] = [1, 0, 0, 0];
const COMPONENT: [u8; 4] = [0x0d, 0, 1, 0];

/// The sections of a component that name what it takes and gives.
const IMPORTS: u8 = 10;
const EXPORTS: u8 = 11;
/// The most names.
const MAX_NAMES: usize = 10_000;

/// Why a file is no WebAssembly that can be pushed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidWasm {
    /// It is something else.
    #[error("it is no WebAssembly")]
    Other,
    /// It is of a version that is not known.
    #[error("it is WebAssembly of a version that is not known")]
    Version,
    /// It cannot be read.
    #[error("it is a component that is damaged, or of a form that is not known")]
    Damaged,
}

/// Describes a WebAssembly file: a core module, or a component with what it imports and exports.
///
/// The format has a time; it is the beginning of Unix's, so that the same file makes the same artifact.
pub fn wasm(file: &[u8]) -> Result<Artifact, InvalidWasm> {
    let rest = file.strip_prefix(MAGIC).ok_or(InvalidWasm::Other)?;
    let (version, sections) = rest.split_first_chunk::<4>().ok_or(InvalidWasm::Other)?;
    let mut config = json!({
        "created": "1970-01-01T00:00:00Z",
        "architecture": "wasm",
        "layerDigests": [Digest::of(file)],
    });
    match *version {
        MODULE => config["os"] = json!("wasip1"),
        COMPONENT => {
            let (imports, exports) = world(sections).ok_or(InvalidWasm::Damaged)?;
            config["os"] = json!("wasip2");
            config["component"] = json!({"imports": imports, "exports": exports});
        }
        _ => return Err(InvalidWasm::Version),
    }
    Ok(Artifact {
        config_type: CONFIG,
        config: config.to_string().into_bytes(),
        annotations: BTreeMap::new(),
    })
}

/// What a component imports and exports, by name.
fn world(sections: &[u8]) -> Option<(Vec<String>, Vec<String>)> {
    let mut rest = Bytes(sections);
    let (mut imports, mut exports) = (Vec::new(), Vec::new());
    while !rest.0.is_empty() {
        let kind = rest.byte()?;
        let length = rest.number()?;
        let mut section = Bytes(rest.take(length)?);
        match kind {
            IMPORTS => section.each(&mut imports, Bytes::described)?,
            EXPORTS => section.each(&mut exports, |section| {
                section.sort()?;
                section.number()?;
                match section.byte()? {
                    0 => Some(()),
                    1 => section.described(),
                    _ => None,
                }
            })?,
            _ => {}
        }
    }
    Some((imports, exports))
}

/// Bytes that are read from the front. `None` is what is not there, or not known.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    /// A number of up to 32 bits in LEB128.
    fn number(&mut self) -> Option<usize> {
        let mut number = 0_u64;
        for shift in (0..35).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return usize::try_from(number).ok();
            }
        }
        None
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    /// A list of names, each with something behind it.
    fn each(&mut self, names: &mut Vec<String>, behind: impl Fn(&mut Self) -> Option<()>) -> Option<()> {
        for _ in 0..self.number()? {
            if self.byte()? > 1 || names.len() == MAX_NAMES {
                return None;
            }
            let length = self.number()?;
            names.push(std::str::from_utf8(self.take(length)?).ok()?.to_owned());
            behind(self)?;
        }
        Some(())
    }

    /// What kind of thing is exported.
    fn sort(&mut self) -> Option<()> {
        match self.byte()? {
            0 => self.byte().map(drop),
            1..=5 => Some(()),
            _ => None,
        }
    }

    /// What a thing is like. Source: "Binary Format", `externdesc`.
    fn described(&mut self) -> Option<()> {
        match self.byte()? {
            0 | 2 => {
                self.byte()?;
                self.number()?;
            }
            1 | 4 | 5 => drop(self.number()?),
            3 => {
                if self.byte()? == 0 {
                    self.number()?;
                }
            }
            _ => return None,
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn config(file: &[u8]) -> Result<Value, InvalidWasm> {
        wasm(file).map(|artifact| serde_json::from_slice(&artifact.config).unwrap())
    }

    /// Source: WebAssembly core specification: the smallest module is its magic number and version.
    #[test]
    fn a_module_is_described() {
        let file = b"\0asm\x01\0\0\0";
        let config = config(file).unwrap();
        assert_eq!(config["os"], "wasip1");
        assert_eq!(config["architecture"], "wasm");
        assert_eq!(config["layerDigests"], json!([Digest::of(file)]));
        assert_eq!(config.get("component"), None);
    }

    /// The bytes are those of "Binary Format": an import of an instance, and an export of the same.
    #[test]
    fn a_component_says_what_it_imports_and_exports() {
        let import = b"\x0a\x08\x01\x00\x03a:b\x05\x00";
        let export = b"\x0b\x09\x01\x00\x03c:d\x05\x00\x00";
        let file = [b"\0asm\x0d\0\x01\0".as_slice(), import, export].concat();
        let config = config(&file).unwrap();
        assert_eq!(config["os"], "wasip2");
        assert_eq!(
            config["component"],
            json!({"imports": ["a:b"], "exports": ["c:d"]})
        );
        for length in 9..file.len() {
            let cut = wasm(&file[..length]);
            assert!(
                cut == Err(InvalidWasm::Damaged) || length == 8 + import.len(),
                "{length}"
            );
        }
    }

    #[test]
    fn what_is_something_else_is_refused() {
        assert_eq!(config(b"\x7fELF"), Err(InvalidWasm::Other));
        assert_eq!(config(b"\0asm"), Err(InvalidWasm::Other));
        assert_eq!(config(b"\0asm\x02\0\0\0"), Err(InvalidWasm::Version));
    }
}
