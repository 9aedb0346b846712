//! What layers became when they were compressed, from run to run on one machine.

use std::collections::HashMap;
use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use super::base::BaseLayer;
use super::encoding::Encoding;
use super::epoch::ImageForm;
use super::image::{Layer, Original};
use crate::regular_file;
use tagship_domain::content::{Descriptor, OCI_LAYER_GZIP, OCI_LAYER_TAR};
use tagship_domain::reference::Digest;

/// The most layers that are remembered; the oldest are forgotten first.
const MOST: usize = 4_000;

/// What a line with an engine's own digest begins with.
const ENGINE: &str = "engine";

/// What a line begins with that says of a base image's layer what it is like in the engine.
const ORIGINAL: &str = "original";

/// What a line with a base image begins with, and the forms of its layers.
const BASE: &str = "base";
const GZIP: &str = "gzip";
const TAR: &str = "tar";

/// The most bytes of the file that are read.
const MAX_BYTES: u64 = 4 * 1024 * 1024;

/// A file in which this machine's user alone writes, with one line for each layer: encoder, the layer's digest in the
/// engine and in the image, the blob's digest and size, the digest of the layer's beginning and its length; and one for
/// each digest that an engine has compressed a layer to itself: `engine`, that digest, the layer's digest. One for each base
/// image: `base`, the digest of its manifest or index, then for each layer its digest, the blob's digest, size and form; and
/// for each of these layers: `original`, its digest, the digest of its beginning and its length.
///
/// It spares compressing what was compressed before. It is no more than a hint where the blob is: an entry counts only
/// when the registry has a blob of that digest and size, and one that is wrong would give an image that no engine
/// unpacks, since the config has the layer's own digest.
#[derive(Debug, Clone)]
pub struct LayerCache {
    file: PathBuf,
}

impl LayerCache {
    /// A cache in a file, which need not exist.
    pub fn at(file: impl Into<PathBuf>) -> Self {
        Self { file: file.into() }
    }

    /// The known layers of `diff_ids`, by these.
    pub(super) fn find(&self, diff_ids: &[Digest], form: ImageForm) -> HashMap<Digest, Layer> {
        let encoder = encoder(form);
        let text = read(&self.file);
        let lines = text
            .lines()
            .filter_map(|line| parse(line, &encoder, form.encoding));
        lines.filter(|(diff_id, _)| diff_ids.contains(diff_id)).collect()
    }

    /// The layers of `diff_ids` by the digests that engines have for them compressed.
    pub(super) fn engines_names(&self, diff_ids: &[Digest]) -> HashMap<Digest, Digest> {
        let text = read(&self.file);
        let lines = text.lines().filter_map(parse_name);
        lines.filter(|(_, diff_id)| diff_ids.contains(diff_id)).collect()
    }

    /// The layers of the base image `base`, if it was asked for before and they are among `diff_ids`.
    pub(super) fn find_base(&self, base: &Digest, diff_ids: &[Digest]) -> Option<Vec<BaseLayer>> {
        let text = read(&self.file);
        text.lines()
            .filter_map(|line| parse_base(line, base))
            .find(|layers| layers.iter().all(|layer| diff_ids.contains(&layer.diff_id)))
    }

    /// What those of `diff_ids` are like in the engine that are a base image's.
    pub(super) fn originals(&self, diff_ids: &[Digest]) -> HashMap<Digest, Original> {
        let text = read(&self.file);
        let lines = text.lines().filter_map(parse_original);
        lines.filter(|(diff_id, _)| diff_ids.contains(diff_id)).collect()
    }

    /// Remembers what layers of a base image are like in the engine.
    pub(super) fn add_originals<'a>(&self, layers: impl Iterator<Item = (&'a Digest, &'a Layer)>) {
        self.add_lines(layers.filter_map(|(diff_id, layer)| {
            let Original { beginning, length } = layer.original?;
            Some(format!("{ORIGINAL} {diff_id} {beginning} {length}"))
        }));
    }

    /// Remembers which blobs a base image has.
    pub(super) fn add_base(&self, base: &Digest, layers: &[BaseLayer]) {
        let line = layers.iter().fold(format!("{BASE} {base}"), |line, layer| {
            let Descriptor { digest, size, .. } = &layer.blob;
            let form = if layer.blob.media_type == OCI_LAYER_TAR {
                TAR
            } else {
                GZIP
            };
            format!("{line} {} {digest} {size} {form}", layer.diff_id)
        });
        self.add_lines(std::iter::once(line));
    }

    /// Remembers layers, and the digests that the engine has for them compressed. That it cannot be written is no error:
    /// the next run compresses again.
    pub(super) fn add<'a>(
        &self,
        layers: impl Iterator<Item = (&'a Digest, &'a Layer)>,
        form: ImageForm,
        names: &HashMap<Digest, Digest>,
    ) {
        let encoder = encoder(form);
        let names = names
            .iter()
            .map(|(name, diff_id)| format!("{ENGINE} {name} {diff_id}"));
        let lines = layers.filter_map(|(diff_id, layer)| line(&encoder, diff_id, layer));
        self.add_lines(lines.chain(names));
    }

    fn add_lines(&self, lines: impl Iterator<Item = String>) {
        let old = read(&self.file);
        let mut new = String::new();
        for line in lines {
            if !old.lines().any(|known| known == line) {
                new.extend([&line, "\n"]);
            }
        }
        if new.is_empty() {
            return;
        }
        let kept = MOST.saturating_sub(new.lines().count());
        let forgotten = old.lines().count().saturating_sub(kept);
        let mut text: String = old
            .lines()
            .skip(forgotten)
            .flat_map(|line| [line, "\n"])
            .collect();
        text.push_str(&new);
        if let Err(error) = write(&self.file, &text) {
            tracing::debug!(file = %self.file.display(), %error, "the layer cache is not written");
        }
    }
}

/// What a layer's bytes depend on beside its content.
fn encoder(form: ImageForm) -> String {
    let encoding = form.encoding.name();
    match form.layer_time {
        None => encoding,
        Some(epoch) => format!("{encoding}-{}", epoch.seconds()),
    }
}

/// Empty where nothing can be read, or more than is ever written.
fn read(file: &Path) -> String {
    let mut text = Vec::new();
    let read = regular_file::open(file).and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut text));
    match read {
        Ok(bytes) if bytes as u64 <= MAX_BYTES => String::from_utf8_lossy(&text).into_owned(),
        _ => String::new(),
    }
}

/// Others see the old file or the new one, whole.
fn write(file: &Path, text: &str) -> io::Result<()> {
    let folder = file.parent().ok_or(io::ErrorKind::InvalidInput)?;
    fs::create_dir_all(folder)?;
    let new = tempfile::NamedTempFile::new_in(folder)?;
    fs::write(new.path(), text)?;
    new.persist(file).map_err(|error| error.error)?;
    Ok(())
}

/// `None` for a layer that this tool has not compressed.
fn line(encoder: &str, found: &Digest, layer: &Layer) -> Option<String> {
    let Original { beginning, length } = layer.original?;
    let Descriptor { digest, size, .. } = &layer.descriptor;
    Some(format!(
        "{encoder} {found} {} {digest} {size} {beginning} {length}",
        layer.diff_id
    ))
}

fn parse(line: &str, encoder: &str, encoding: Encoding) -> Option<(Digest, Layer)> {
    let words: Vec<&str> = line
        .strip_prefix(encoder)?
        .strip_prefix(' ')?
        .split(' ')
        .collect();
    let [found, diff_id, blob, size, beginning, length] = words.as_slice() else {
        return None;
    };
    let digest = |word: &str| Digest::parse(word).ok();
    let original = Original {
        beginning: digest(beginning)?,
        length: length.parse().ok()?,
    };
    let layer = Layer {
        diff_id: digest(diff_id)?,
        descriptor: Descriptor::new(encoding.media_type(), digest(blob)?, size.parse().ok()?),
        original: Some(original),
    };
    Some((digest(found)?, layer))
}

fn parse_name(line: &str) -> Option<(Digest, Digest)> {
    let (name, diff_id) = line.strip_prefix(ENGINE)?.strip_prefix(' ')?.split_once(' ')?;
    Some((Digest::parse(name).ok()?, Digest::parse(diff_id).ok()?))
}

fn parse_original(line: &str) -> Option<(Digest, Original)> {
    let words: Vec<&str> = line
        .strip_prefix(ORIGINAL)?
        .strip_prefix(' ')?
        .split(' ')
        .collect();
    let [diff_id, beginning, length] = words.as_slice() else {
        return None;
    };
    let original = Original {
        beginning: Digest::parse(beginning).ok()?,
        length: length.parse().ok()?,
    };
    Some((Digest::parse(diff_id).ok()?, original))
}

fn parse_base(line: &str, base: &Digest) -> Option<Vec<BaseLayer>> {
    let rest = line.strip_prefix(BASE)?.strip_prefix(' ')?;
    let rest = rest.strip_prefix(&base.to_string())?.strip_prefix(' ')?;
    let words: Vec<&str> = rest.split(' ').collect();
    let layer = |words: &[&str]| {
        let [diff_id, digest, size, form] = words else {
            return None;
        };
        let form = match *form {
            GZIP => OCI_LAYER_GZIP,
            TAR => OCI_LAYER_TAR,
            _ => return None,
        };
        Some(BaseLayer {
            diff_id: Digest::parse(diff_id).ok()?,
            blob: Descriptor::new(form, Digest::parse(digest).ok()?, size.parse().ok()?),
        })
    };
    words.chunks(4).map(layer).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layer(content: &[u8]) -> (Digest, Layer) {
        let descriptor = Descriptor::new(OCI_LAYER_GZIP, Digest::of(&[content, b"gz"].concat()), 7);
        let diff_id = Digest::of(content);
        let original = Some(Original {
            beginning: diff_id,
            length: content.len() as u64,
        });
        let layer = Layer {
            diff_id,
            descriptor,
            original,
        };
        (diff_id, layer)
    }

    fn add<'a>(cache: &LayerCache, layers: impl IntoIterator<Item = &'a (Digest, Layer)>) {
        let layers = layers.into_iter().map(|(diff_id, layer)| (diff_id, layer));
        cache.add(layers, ImageForm::UNCHANGED, &HashMap::new());
    }

    #[test]
    fn digests_of_an_engines_own_are_found_by_the_layers_of_an_image() {
        let folder = tempfile::tempdir().unwrap();
        let cache = LayerCache::at(folder.path().join("layers"));
        let [name, other, first, second] = [b"a", b"b", b"c", b"d"].map(|text| Digest::of(text));
        let names = HashMap::from([(name, first), (other, second)]);
        for _ in 0..2 {
            cache.add(std::iter::empty(), ImageForm::UNCHANGED, &names);
        }
        assert_eq!(read(&cache.file).lines().count(), 2);
        assert_eq!(cache.engines_names(&[first]), HashMap::from([(name, first)]));
        assert_eq!(cache.engines_names(&[first, second]), names);
        assert!(cache.find(&[first], ImageForm::UNCHANGED).is_empty());
    }

    #[test]
    fn what_is_remembered_is_found_by_layer_and_encoder() {
        let folder = tempfile::tempdir().unwrap();
        let cache = LayerCache::at(folder.path().join("state/layers"));
        let (first, second) = (layer(b"first"), layer(b"second"));
        assert!(cache.find(&[first.0], ImageForm::UNCHANGED).is_empty());
        add(&cache, [&first]);
        for _ in 0..2 {
            add(&cache, [&second]);
        }
        let found = cache.find(&[first.0], ImageForm::UNCHANGED);
        assert_eq!(found.len(), 1);
        assert_eq!(found[&first.0].descriptor, first.1.descriptor);
        assert_eq!(cache.find(&[first.0, second.0], ImageForm::UNCHANGED).len(), 2);
        assert_eq!(read(&cache.file).lines().count(), 2);
        let reproducible = ImageForm {
            layer_time: Some(super::super::epoch::Epoch::new(1)),
            ..ImageForm::UNCHANGED
        };
        assert!(cache.find(&[first.0], reproducible).is_empty());
    }

    #[test]
    fn a_damaged_file_costs_its_lines_alone() {
        let folder = tempfile::tempdir().unwrap();
        let cache = LayerCache::at(folder.path().join("layers"));
        let (diff_id, known) = layer(b"first");
        add(&cache, [&(diff_id, known)]);
        let good = read(&cache.file);
        let encoder = Encoding::USUAL.name();
        let damaged = format!("\0\n{encoder}\n{encoder} sha256:00\n{encoder} {diff_id} {diff_id}\n{good}");
        fs::write(&cache.file, damaged).unwrap();
        assert_eq!(cache.find(&[diff_id], ImageForm::UNCHANGED).len(), 1);
    }

    #[test]
    fn what_is_no_such_file_is_empty_and_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let (diff_id, known) = layer(b"first");
        let pipe = folder.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status();
        assert!(made.unwrap().success());
        let huge = folder.path().join("huge");
        fs::write(&huge, vec![b'\n'; usize::try_from(MAX_BYTES).unwrap() + 1]).unwrap();
        let bytes = folder.path().join("bytes");
        fs::write(&bytes, [0xff, b'\n']).unwrap();
        for file in [pipe, huge, bytes] {
            let cache = LayerCache::at(&file);
            assert!(cache.find(&[diff_id], ImageForm::UNCHANGED).is_empty());
            cache.add(
                [(&diff_id, &known)].into_iter(),
                ImageForm::UNCHANGED,
                &HashMap::new(),
            );
            assert_eq!(
                cache.find(&[diff_id], ImageForm::UNCHANGED).len(),
                1,
                "{}",
                file.display()
            );
        }
        let nowhere = LayerCache::at(folder.path());
        nowhere.add(
            [(&diff_id, &known)].into_iter(),
            ImageForm::UNCHANGED,
            &HashMap::new(),
        );
        assert!(nowhere.find(&[diff_id], ImageForm::UNCHANGED).is_empty());
    }

    #[test]
    fn the_oldest_are_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let cache = LayerCache::at(folder.path().join("layers"));
        let layers: Vec<_> = (0..=MOST).map(|n| layer(&n.to_be_bytes())).collect();
        let (last, most) = layers.split_last().unwrap();
        add(&cache, most);
        add(&cache, [last]);
        assert_eq!(read(&cache.file).lines().count(), MOST);
        assert!(cache.find(&[layers[0].0], ImageForm::UNCHANGED).is_empty());
        assert_eq!(cache.find(&[layers[1].0, last.0], ImageForm::UNCHANGED).len(), 2);
    }
}
