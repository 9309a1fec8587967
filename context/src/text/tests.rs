//! Positions against a naive model: a list of lines, cut by hand, with every unit counted one by one.

use proptest::prelude::*;

use super::*;

const ENCODINGS: [Encoding; 3] = [Encoding::Utf8, Encoding::Utf16, Encoding::Utf32];

/// The lines of `text`: the offset in characters of the start, and the content without the break.
fn naive_lines(text: &str) -> Vec<(usize, Vec<char>)> {
    let chars: Vec<char> = text.chars().collect();
    let mut lines = vec![(0, Vec::new())];
    let mut at = 0;
    while at < chars.len() {
        let break_len = match (chars[at], chars.get(at + 1)) {
            ('\r', Some('\n')) => 2,
            ('\r' | '\n', _) => 1,
            _ => 0,
        };
        if break_len == 0 {
            lines.last_mut().unwrap().1.push(chars[at]);
            at += 1;
        } else {
            at += break_len;
            lines.push((at, Vec::new()));
        }
    }
    lines
}

fn units(ch: char, encoding: Encoding) -> usize {
    match encoding {
        Encoding::Utf8 => ch.len_utf8(),
        Encoding::Utf16 => ch.len_utf16(),
        Encoding::Utf32 => 1,
    }
}

fn naive_position_to_char(text: &str, position: Position, encoding: Encoding) -> usize {
    let lines = naive_lines(text);
    let Some((start, content)) = lines.get(position.line as usize) else { return text.chars().count() };
    let mut left = position.character as usize;
    let mut within = 0;
    for &ch in content {
        if left < units(ch, encoding) {
            break;
        }
        left -= units(ch, encoding);
        within += 1;
    }
    start + within
}

fn naive_char_to_position(text: &str, char_idx: usize, encoding: Encoding) -> Position {
    let lines = naive_lines(text);
    let line = lines.iter().rposition(|(start, _)| *start <= char_idx).unwrap();
    let (start, content) = &lines[line];
    let character = content.iter().take(char_idx - start).map(|&ch| units(ch, encoding)).sum::<usize>();
    Position::new(line as u32, character as u32)
}

fn any_text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("\n"),
        Just("\r\n"),
        Just("\r"),
        Just("a"),
        Just("é"),
        Just("漢"),
        Just("😀"),
        Just("\u{0b}"),
        Just("\u{0c}"),
        Just("\u{85}"),
        Just("\u{2028}"),
        Just("e\u{301}"),
        Just("long line of words "),
    ];
    prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn positions_become_the_same_offsets_as_counted_by_hand(text in any_text(), line in 0u32..40, character in 0u32..40) {
        let rope = Rope::from_str(&text);
        for encoding in ENCODINGS {
            let position = Position::new(line, character);
            prop_assert_eq!(position_to_char(&rope, position, encoding), naive_position_to_char(&text, position, encoding));
        }
    }

    #[test]
    fn offsets_become_the_same_positions_as_counted_by_hand(text in any_text()) {
        let rope = Rope::from_str(&text);
        for encoding in ENCODINGS {
            for char_idx in 0..=text.chars().count() {
                let position = char_to_position(&rope, char_idx, encoding);
                prop_assert_eq!(position, naive_char_to_position(&text, char_idx, encoding));
            }
        }
    }

    #[test]
    fn nothing_from_outside_panics(text in any_text(), line: u32, character: u32, one: usize, other: usize) {
        let rope = Rope::from_str(&text);
        for encoding in ENCODINGS {
            let position = Position::new(line, character);
            prop_assert!(position_to_char(&rope, position, encoding) <= rope.len_chars());
            char_to_position(&rope, one, encoding);
        }
        let _ = (char_to_byte(&rope, one), byte_to_char(&rope, one), byte_to_line(&rope, one), line_to_char(&rope, one));
        let _ = (line_content(&rope, one), lines(&rope, one, other), slice(&rope, one, other), byte_slice(&rope, one, other));
    }
}

#[test]
fn the_corners_of_positions() {
    let rope = Rope::from_str("a😀b\r\nc\rd\n");
    // (line, character, encoding) -> offset in characters
    for (line, character, encoding, expected) in [
        (0, 2, Encoding::Utf16, 1), // between the halves of a surrogate pair: before the pair
        (0, 3, Encoding::Utf16, 2),
        (0, 3, Encoding::Utf8, 1),
        (0, 99, Encoding::Utf16, 3), // before the line break, not after it
        (1, 0, Encoding::Utf16, 5),
        (2, 0, Encoding::Utf16, 7), // a lone `\r` is a line break
        (3, 0, Encoding::Utf16, 9), // the empty last line exists
        (4, 0, Encoding::Utf16, 9),
        (u32::MAX, u32::MAX, Encoding::Utf32, 9),
    ] {
        let found = position_to_char(&rope, Position::new(line, character), encoding);
        assert_eq!(found, expected, "line {line} character {character} in {encoding:?}");
    }
    assert_eq!(char_to_position(&rope, 4, Encoding::Utf16), Position::new(0, 4), "inside \\r\\n means before it");
    assert_eq!(lines(&rope, 1, 2), "c\rd\n");
}
