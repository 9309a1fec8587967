//! Positions, ranges and URIs of LSP, and those that the rest of the program uses. Everything is converted here, once.

use std::path::PathBuf;

use halfline_context::{Encoding, Position, Snapshot, text};
use tower_lsp::lsp_types::{self, PositionEncodingKind, Url};

/// A position of LSP as the context crate has it; what it counts stays the same.
pub fn position(position: lsp_types::Position) -> Position {
    Position::new(position.line, position.character)
}

/// The other way round.
pub fn to_position(position: Position) -> lsp_types::Position {
    lsp_types::Position::new(position.line, position.character)
}

/// The offset in characters of a position that came from the client.
pub fn to_char(snapshot: &Snapshot, at: lsp_types::Position, encoding: Encoding) -> usize {
    text::position_to_char(snapshot.rope(), position(at), encoding)
}

/// The client's position of one that counts Unicode scalar values.
pub fn scalar_to_client(snapshot: &Snapshot, at: Position, encoding: Encoding) -> lsp_types::Position {
    to_position(text::convert_position(snapshot.rope(), at, Encoding::Utf32, encoding))
}

/// The file that a URI names; `None` for untitled buffers and other schemes.
pub fn to_path(uri: &Url) -> Option<PathBuf> {
    (uri.scheme() == "file").then(|| uri.to_file_path().ok()).flatten()
}

/// The encoding to use of those the client offers, best for us first: ropes and trees count bytes.
pub fn choose_encoding(offered: &[String]) -> Encoding {
    let offers = |kind: PositionEncodingKind| offered.iter().any(|offer| offer == kind.as_str());
    if offers(PositionEncodingKind::UTF8) {
        Encoding::Utf8
    } else if !offers(PositionEncodingKind::UTF16) && offers(PositionEncodingKind::UTF32) {
        Encoding::Utf32
    } else {
        Encoding::Utf16
    }
}

/// The protocol's name of an encoding.
pub fn encoding_kind(encoding: Encoding) -> PositionEncodingKind {
    match encoding {
        Encoding::Utf8 => PositionEncodingKind::UTF8,
        Encoding::Utf16 => PositionEncodingKind::UTF16,
        Encoding::Utf32 => PositionEncodingKind::UTF32,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_encoding_is_one_that_was_offered() {
        for (offered, expected) in [
            (&[][..], Encoding::Utf16),
            (&["utf-16"], Encoding::Utf16),
            (&["utf-16", "utf-8"], Encoding::Utf8),
            (&["utf-32"], Encoding::Utf32),
            (&["utf-32", "utf-16"], Encoding::Utf16),
            (&["utf-7"], Encoding::Utf16),
        ] {
            let offered: Vec<String> = offered.iter().map(|offer| (*offer).to_owned()).collect();
            assert_eq!(choose_encoding(&offered), expected, "{offered:?}");
        }
    }

    #[test]
    fn only_files_have_paths() {
        for (uri, expected) in
            [("file:///tmp/a%20b.rs", Some("/tmp/a b.rs")), ("untitled:Untitled-1", None), ("git:/tmp/a.rs", None)]
        {
            assert_eq!(to_path(&Url::parse(uri).unwrap()), expected.map(PathBuf::from), "{uri}");
        }
    }
}
