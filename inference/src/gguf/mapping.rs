//! The bytes of a model file: mapped, not read, so that a page costs memory only while it is used.
//!
//! What the bytes mean is not known here.

use std::fs::File;
use std::ops::Range;

/// The bytes of a whole file. Share it with an `Arc`.
pub struct Mapping {
    source: Source,
}

enum Source {
    File(memmap2::Mmap),
    Memory(Vec<u8>),
}

impl Mapping {
    pub(super) fn of_file(file: &File) -> std::io::Result<Mapping> {
        // SAFETY: the map is read-only and private to us. Should another process shorten the file, touching the lost
        // pages ends this process; no file API can prevent that, and installed models are replaced by renaming, which
        // leaves the old file intact for those who map it.
        let map = unsafe { memmap2::Mmap::map(file)? };
        Ok(Mapping { source: Source::File(map) })
    }

    pub(super) fn of_memory(bytes: Vec<u8>) -> Mapping {
        Mapping { source: Source::Memory(bytes) }
    }

    /// The whole file.
    pub fn bytes(&self) -> &[u8] {
        match &self.source {
            Source::File(map) => map,
            Source::Memory(bytes) => bytes,
        }
    }

    /// Gives back the memory that pages of `range` (bytes of the file) occupy, after its content was copied elsewhere.
    /// The bytes stay readable: touching them again reads the file again. A hint, so nothing is reported; on systems
    /// without it the pages go when memory is short.
    pub fn release(&self, range: Range<usize>) {
        #[cfg(unix)]
        if let Source::File(map) = &self.source
            && range.start < range.end
            && range.end <= map.len()
        {
            // SAFETY: the range lies inside the map. DONTNEED changes the content of memory only for anonymous maps;
            // this one is a read-only map of a file, whose pages are read again with the same content.
            let advised = unsafe {
                map.unchecked_advise_range(memmap2::UncheckedAdvice::DontNeed, range.start, range.end - range.start)
            };
            if let Err(error) = advised {
                tracing::debug!(%error, ?range, "pages of the model file were not released");
            }
        }
        #[cfg(not(unix))]
        let _ = range;
    }
}

impl std::fmt::Debug for Mapping {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mapping").field("bytes", &self.bytes().len()).finish()
    }
}
