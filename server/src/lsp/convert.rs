//! Positions, ranges and URIs of LSP, and those that the rest of the program uses. Everything is converted here, once.

use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use halfline_context::{Encoding, Position, Snapshot, text};
use tower_lsp::lsp_types::{
    self, CreateFile, CreateFileOptions, DiagnosticSeverity, DocumentChangeOperation, DocumentChanges, NumberOrString,
    OneOf, OptionalVersionedTextDocumentIdentifier, PositionEncodingKind, Range, ResourceOp, TextDocumentEdit,
    TextEdit, Url, WorkspaceEdit,
};

use crate::assistant::fix::Texts;
use crate::assistant::{Diagnostic, Severity};

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

/// A path for any document: the file's, or the URI itself for what is no file. [`Documents::by_path`] knows both.
///
/// [`Documents::by_path`]: super::documents::Documents::by_path
pub fn to_document_path(uri: &Url) -> PathBuf {
    to_path(uri).unwrap_or_else(|| PathBuf::from(uri.as_str()))
}

/// The lines that a range touches. A range that ends at the start of a line does not touch it.
pub fn lines(range: Range) -> RangeInclusive<usize> {
    let (first, last) = (range.start.line as usize, range.end.line as usize);
    let last = if range.end.character == 0 && last > first { last - 1 } else { last };
    first..=last.max(first)
}

/// A diagnostic of LSP about the document at `path`. Without a snapshot its characters stay as the client counts them.
pub fn diagnostic(
    from: lsp_types::Diagnostic,
    path: &Path,
    snapshot: Option<&Snapshot>,
    encoding: Encoding,
) -> Diagnostic {
    let scalar = |at: lsp_types::Position| match snapshot {
        Some(snapshot) => text::convert_position(snapshot.rope(), position(at), encoding, Encoding::Utf32),
        None => position(at),
    };
    let severity = match from.severity {
        None | Some(DiagnosticSeverity::ERROR) => Severity::Error,
        Some(DiagnosticSeverity::WARNING) => Severity::Warning,
        Some(_) => Severity::Note,
    };
    let code = from.code.map(|code| match code {
        NumberOrString::Number(number) => number.to_string(),
        NumberOrString::String(text) => text,
    });
    // rust-analyzer keeps the compiler's own words here.
    let rendered = from.data.as_ref().and_then(|data| data.get("rendered")).and_then(|text| text.as_str());
    Diagnostic {
        path: path.to_owned(),
        start: scalar(from.range.start),
        end: scalar(from.range.end),
        severity,
        code,
        source: from.source,
        message: from.message,
        rendered: rendered.map(str::to_owned),
    }
}

/// The change of files below `root` from the texts `before` to `after`: each changed file as one replacement of what lies
/// between its unchanged start and end.
pub fn workspace_edit(root: &Path, before: &Texts, after: &Texts, encoding: Encoding) -> WorkspaceEdit {
    let mut changes = HashMap::new();
    let mut created = Vec::new();
    for (path, new) in after {
        if !before.contains_key(path) {
            created.extend(Url::from_file_path(root.join(path)));
        }
        let old = before.get(path).map_or("", String::as_str);
        let Ok(uri) = Url::from_file_path(root.join(path)) else { continue };
        if old != new {
            let start = old.chars().zip(new.chars()).take_while(|(a, b)| a == b).count();
            let (old_count, new_count) = (old.chars().count(), new.chars().count());
            let most = old_count.min(new_count) - start;
            let end = old.chars().rev().zip(new.chars().rev()).take(most).take_while(|(a, b)| a == b).count();
            let snapshot = Snapshot::of_text(None, old);
            let at = |char_idx: usize| to_position(text::char_to_position(snapshot.rope(), char_idx, encoding));
            let new_text = new.chars().skip(start).take(new_count - start - end).collect();
            changes.insert(uri, vec![TextEdit { range: Range::new(at(start), at(old_count - end)), new_text }]);
        }
    }
    if created.is_empty() {
        return WorkspaceEdit { changes: Some(changes), ..WorkspaceEdit::default() };
    }
    // A file that is not there has to be made before it has text.
    let create = |uri| {
        let options = CreateFileOptions { overwrite: Some(false), ignore_if_exists: Some(false) };
        DocumentChangeOperation::Op(ResourceOp::Create(CreateFile { uri, options: Some(options), annotation_id: None }))
    };
    let edit = |(uri, edits): (Url, Vec<TextEdit>)| {
        let text_document = OptionalVersionedTextDocumentIdentifier { uri, version: None };
        let edits = edits.into_iter().map(OneOf::Left).collect();
        DocumentChangeOperation::Edit(TextDocumentEdit { text_document, edits })
    };
    let operations = created.into_iter().map(create).chain(changes.into_iter().map(edit)).collect();
    WorkspaceEdit { document_changes: Some(DocumentChanges::Operations(operations)), ..WorkspaceEdit::default() }
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
    fn a_range_touches_the_lines_it_has_characters_of() {
        let range = |from: (u32, u32), to: (u32, u32)| {
            Range::new(lsp_types::Position::new(from.0, from.1), lsp_types::Position::new(to.0, to.1))
        };
        assert_eq!(lines(range((1, 2), (1, 2))), 1..=1);
        assert_eq!(lines(range((1, 0), (3, 0))), 1..=2);
        assert_eq!(lines(range((1, 0), (3, 1))), 1..=3);
        assert_eq!(lines(range((5, 0), (3, 1))), 5..=5);
    }

    #[test]
    fn an_edit_replaces_only_what_differs() {
        for (old, new, encoding, expected) in [
            ("a\nbc\nd\n", "a\nbxc\nd\n", Encoding::Utf8, ((1, 1), (1, 1), "x")),
            ("aa\n", "a\n", Encoding::Utf8, ((0, 1), (0, 2), "")),
            ("\"𝒳\" + y\n", "\"𝒳\" + z\n", Encoding::Utf16, ((0, 7), (0, 8), "z")),
            ("", "new\n", Encoding::Utf8, ((0, 0), (0, 0), "new\n")),
        ] {
            let texts = |text: &str| Texts::from([(PathBuf::from("a.rs"), text.to_owned())]);
            let edit = workspace_edit(Path::new("/w"), &texts(old), &texts(new), encoding);
            let changes = edit.changes.unwrap_or_default();
            let [TextEdit { range, new_text }] = &changes[&Url::parse("file:///w/a.rs").unwrap()][..] else { panic!() };
            let place = |at: lsp_types::Position| (at.line, at.character);
            assert_eq!((place(range.start), place(range.end), new_text.as_str()), expected, "{old:?} to {new:?}");
        }
    }

    #[test]
    fn a_new_file_is_made_before_it_has_text() {
        let after = Texts::from([(PathBuf::from("b.rs"), "new\n".to_owned())]);
        let edit =
            serde_json::to_value(workspace_edit(Path::new("/w"), &Texts::new(), &after, Encoding::Utf8)).unwrap();
        let operations = &edit["documentChanges"];
        assert_eq!((&operations[0]["kind"], &operations[0]["uri"]), (&"create".into(), &"file:///w/b.rs".into()));
        assert_eq!(operations[1]["edits"][0]["newText"], "new\n");
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
