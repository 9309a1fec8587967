//! Memory for packed weights: matrices lie one behind the other in large mappings.
//!
//! The system gives large pages only where a whole one fits, and the smaller matrices of a layer are smaller than that. In
//! small pages a matrix is read slower, since the hardware's own reading ahead ends with each page.

use std::sync::Arc;

use memmap2::{MmapMut, MmapRaw};

/// Bytes of one mapping. What nobody has taken of it is never touched, and so takes no memory.
const MAPPING: usize = 64 << 20;
/// Pieces start at multiples of this: a line of the cache, and as wide as the widest register.
const ALIGNMENT: usize = 64;

/// Where pieces are taken from.
#[derive(Debug, Default)]
pub struct Arena {
    mapping: Option<Arc<MmapRaw>>,
    used: usize,
}

/// A piece of a mapping, zeroed at first. The mapping lives as long as one of its pieces.
#[derive(Debug)]
pub(super) struct Piece {
    mapping: Arc<MmapRaw>,
    start: usize,
    len: usize,
}

impl Arena {
    /// Takes `len` bytes.
    pub(super) fn take(&mut self, len: usize) -> std::io::Result<Piece> {
        // What fills most of a mapping has one of its own, and the rest of the present one is still there for others.
        if len > MAPPING / 2 {
            return Ok(Piece { mapping: map(len)?, start: 0, len });
        }
        let mapping = match &self.mapping {
            Some(mapping) if self.used + len <= MAPPING => Arc::clone(mapping),
            _ => {
                self.used = 0;
                Arc::clone(self.mapping.insert(map(MAPPING)?))
            }
        };
        let start = self.used;
        self.used = (start + len).next_multiple_of(ALIGNMENT);
        Ok(Piece { mapping, start, len })
    }
}

fn map(bytes: usize) -> std::io::Result<Arc<MmapRaw>> {
    let mapping = MmapMut::map_anon(bytes)?;
    // Fewer, larger pages; where the system has none, nothing is lost.
    #[cfg(target_os = "linux")]
    let _ = mapping.advise(memmap2::Advice::HugePage);
    Ok(Arc::new(mapping.into()))
}

impl Piece {
    /// Its bytes.
    pub(super) fn bytes(&self) -> &[u8] {
        // SAFETY: `take` gave these bytes of the mapping, which this keeps alive, to this piece alone.
        unsafe { std::slice::from_raw_parts(self.mapping.as_ptr().add(self.start), self.len) }
    }

    /// Its bytes, to be written.
    pub(super) fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: as above; the borrow sees to it that nobody reads meanwhile.
        unsafe { std::slice::from_raw_parts_mut(self.mapping.as_mut_ptr().add(self.start), self.len) }
    }
}

#[cfg(test)]
mod tests {
    use super::{Arena, MAPPING};

    #[test]
    fn pieces_are_zeroed_and_apart_and_outlive_the_arena() {
        let mut arena = Arena::default();
        let sizes = [1, 100, MAPPING, MAPPING / 2, MAPPING / 2 - 300, 5000, 64, 0, MAPPING / 2 + 1];
        let mut pieces: Vec<_> = sizes.iter().map(|&size| arena.take(size).unwrap()).collect();
        drop(arena);
        for (i, piece) in pieces.iter_mut().enumerate() {
            assert_eq!(piece.bytes().len(), sizes[i]);
            assert!(piece.bytes().iter().all(|&byte| byte == 0), "piece {i}");
            piece.bytes_mut().fill(i as u8 + 1);
        }
        for (i, piece) in pieces.iter().enumerate() {
            assert!(piece.bytes().iter().all(|&byte| byte == i as u8 + 1), "piece {i}");
            assert_eq!(piece.bytes().as_ptr().addr() % 64, 0);
        }
    }
}
