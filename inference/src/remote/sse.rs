//! Server-sent events: the `data` of each event, from bytes that come in pieces of any size.

/// The most bytes of one event. A server that sends more without an end is talking nonsense.
const LARGEST: usize = 1 << 20;

/// Splits a stream into events.
#[derive(Debug, Default)]
pub(super) struct Events {
    line: Vec<u8>,
    data: String,
    /// A line ended with a carriage return; a line feed that follows belongs to it.
    returned: bool,
}

/// Why a stream cannot be understood.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unreadable {
    TooLarge,
    NotText,
}

impl Events {
    /// Takes in `bytes`, and calls `event` with the data of every event that is complete.
    pub(super) fn push(&mut self, bytes: &[u8], mut event: impl FnMut(&str)) -> Result<(), Unreadable> {
        for &byte in bytes {
            let follows = std::mem::take(&mut self.returned);
            match byte {
                b'\n' if follows => {}
                b'\n' | b'\r' => {
                    self.returned = byte == b'\r';
                    self.end_line(&mut event)?;
                }
                _ if self.line.len() + self.data.len() >= LARGEST => return Err(Unreadable::TooLarge),
                _ => self.line.push(byte),
            }
        }
        Ok(())
    }

    fn end_line(&mut self, event: &mut impl FnMut(&str)) -> Result<(), Unreadable> {
        let line = std::mem::take(&mut self.line);
        let line = std::str::from_utf8(&line).map_err(|_| Unreadable::NotText)?;
        if line.is_empty() {
            if !self.data.is_empty() {
                event(self.data.trim_end_matches('\n'));
                self.data.clear();
            }
        } else if let Some(data) = line.strip_prefix("data:") {
            self.data.push_str(data.strip_prefix(' ').unwrap_or(data));
            self.data.push('\n');
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn events(pieces: &[&[u8]]) -> Result<Vec<String>, Unreadable> {
        let (mut parser, mut found) = (Events::default(), Vec::new());
        for piece in pieces {
            parser.push(piece, |data| found.push(data.to_owned()))?;
        }
        Ok(found)
    }

    #[test]
    fn lines_end_as_they_like_and_what_is_not_data_is_passed_over() {
        let text =
            b": hello\r\nevent: x\r\ndata: one\r\n\r\ndata:two\ndata: three\n\n\n\rdata: four\r\rdata: unfinished\n";
        assert_eq!(events(&[text]), Ok(vec!["one".into(), "two\nthree".into(), "four".into()]));
        assert_eq!(events(&[b"data: \xff\n\n"]), Err(Unreadable::NotText));
        assert_eq!(events(&[&vec![b'x'; LARGEST + 1]]), Err(Unreadable::TooLarge));
    }

    proptest! {
        #[test]
        fn where_the_pieces_are_cut_does_not_matter(
            data in prop::collection::vec("[a-zä€😀 :]{1,12}", 1..6),
            cuts in prop::collection::vec(0usize..200, 0..12),
            end in prop::sample::select(vec!["\n", "\r\n", "\r"]),
        ) {
            let text: String = data.iter().map(|data| format!("data: {data}{end}{end}")).collect();
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(text.len())).collect();
            cuts.extend([0, text.len()]);
            cuts.sort_unstable();
            let pieces: Vec<&[u8]> = cuts.windows(2).map(|cut| &text.as_bytes()[cut[0]..cut[1]]).collect();
            prop_assert_eq!(events(&pieces), Ok(data));
        }
    }
}
