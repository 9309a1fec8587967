//! What each token stands for, in bytes, packed into one allocation.
//!
//! Byte-level vocabularies spell every byte as a printable character, so that a vocabulary is a text file; this is
//! where that spelling is known.

use super::TokenizerError;

/// What a token is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TokenClass {
    /// Stands for bytes of text.
    Text,
    /// Stands for itself, letter by letter, but was added to the vocabulary afterwards.
    Added,
    /// Has a meaning of its own, or none at all; no text of anyone's.
    Special,
}

impl TokenClass {
    /// From llama.cpp's `llama_token_type`: 1 normal, 2 unknown, 3 control, 4 user defined, 5 unused, 6 byte.
    pub(super) fn from_gguf(kind: i32) -> TokenClass {
        match kind {
            2 | 3 | 5 => TokenClass::Special,
            4 => TokenClass::Added,
            _ => TokenClass::Text,
        }
    }
}

/// Tokens as bytes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Vocabulary {
    bytes: Vec<u8>,
    /// Where each token ends in `bytes`; it begins where the one before it ends.
    ends: Vec<u32>,
    special: Vec<bool>,
}

impl Vocabulary {
    pub(super) fn new(tokens: &[&str], classes: &[TokenClass]) -> Result<Vocabulary, TokenizerError> {
        let too_large = |_| TokenizerError::Vocabulary("its tokens have more than 4 GiB of text".into());
        let mut bytes = Vec::with_capacity(tokens.len() * 8);
        let mut ends = Vec::with_capacity(tokens.len());
        for (text, class) in tokens.iter().zip(classes) {
            if *class != TokenClass::Text || !push_spelled(text, &mut bytes) {
                bytes.extend_from_slice(text.as_bytes());
            }
            ends.push(u32::try_from(bytes.len()).map_err(too_large)?);
        }
        let special = classes.iter().map(|class| *class == TokenClass::Special).collect();
        Ok(Vocabulary { bytes, ends, special })
    }

    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Nothing for an id past the end: matrices may have more rows than there are tokens.
    pub(super) fn bytes(&self, id: u32) -> &[u8] {
        let id = id as usize;
        let Some(&end) = self.ends.get(id) else { return &[] };
        let start = if id == 0 { 0 } else { self.ends[id - 1] };
        &self.bytes[start as usize..end as usize]
    }

    pub(super) fn is_special(&self, id: u32) -> bool {
        self.special.get(id as usize).copied().unwrap_or(true)
    }
}

/// Appends the bytes that `text` spells; false, and nothing appended, if it is not spelled in byte-level characters.
fn push_spelled(text: &str, bytes: &mut Vec<u8>) -> bool {
    let start = bytes.len();
    for char in text.chars() {
        match char_to_byte(char) {
            Some(byte) => bytes.push(byte),
            None => {
                bytes.truncate(start);
                return false;
            }
        }
    }
    true
}

/// Bytes that are spelled as the character of the same number: the printable ones of Latin-1.
const fn spells_itself(byte: u8) -> bool {
    matches!(byte, b'!'..=b'~' | 0xa1..=0xac | 0xae..=0xff)
}

/// All others are spelled, in order, by the characters from U+0100 on; a space becomes `Ġ`.
const SPELLING: [char; 256] = {
    let mut spelling = ['\0'; 256];
    let mut next = 0x100;
    let mut byte = 0;
    while byte < 256 {
        if spells_itself(byte as u8) {
            spelling[byte] = byte as u8 as char;
        } else {
            spelling[byte] = match char::from_u32(next) {
                Some(char) => char,
                None => panic!("these are no surrogates"),
            };
            next += 1;
        }
        byte += 1;
    }
    spelling
};

/// The inverse of the part of `SPELLING` past Latin-1.
const UNSPELLING: [u8; 68] = {
    let mut unspelling = [0; 68];
    let mut byte = 0;
    while byte < 256 {
        let number = SPELLING[byte] as usize;
        if number >= 0x100 {
            unspelling[number - 0x100] = byte as u8;
        }
        byte += 1;
    }
    unspelling
};

/// How a byte-level vocabulary spells `byte`.
pub(crate) fn byte_to_char(byte: u8) -> char {
    SPELLING[usize::from(byte)]
}

fn char_to_byte(char: char) -> Option<u8> {
    let number = u32::from(char);
    match u8::try_from(number) {
        Ok(byte) => spells_itself(byte).then_some(byte),
        Err(_) => UNSPELLING.get(number as usize - 0x100).copied(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_spelled_and_read_back() {
        for byte in 0..=255 {
            assert_eq!(char_to_byte(byte_to_char(byte)), Some(byte));
        }
        assert_eq!((byte_to_char(b' '), byte_to_char(b'\n'), byte_to_char(0xad)), ('Ġ', 'Ċ', 'Ń'));
        assert_eq!([' ', '\u{ad}', '\u{144}', '好'].map(char_to_byte), [None, None, None, None]);
    }
}
