//! Messages on a byte stream: the header lines and the body that LSP puts around each JSON text.
//!
//! tower-lsp's own reader ends the server at the first message it cannot read (its decoder's error ends the stream), so
//! this one replaces it: it says what was wrong, finds the next header, and goes on. Nothing here knows what a message means.

use std::io;

use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Bytes in the longest body that is read. Larger ones are wrong headers, or documents nobody edits.
pub(super) const BODY_LIMIT: usize = 256 << 20;

/// Bytes of a header line that are looked at; what is longer is not a header.
const LINE_LIMIT: usize = 8 << 10;

/// What came next on the stream.
#[derive(Debug, PartialEq)]
pub(super) enum Frame {
    /// The body of a message: any bytes.
    Body(Vec<u8>),
    /// Bytes that are no message, skipped up to the next header; says what was wrong with them.
    Garbage(String),
}

/// Reads one message after another.
#[derive(Debug)]
pub(super) struct FrameReader<R> {
    source: R,
    /// Bytes taken from the source too early, to be read again.
    returned: Vec<u8>,
    /// The length that a header found inside garbage announced.
    found: Option<usize>,
}

impl<R: AsyncBufRead + Unpin> FrameReader<R> {
    /// A reader at the start of `source`.
    pub(super) fn new(source: R) -> Self {
        FrameReader { source, returned: Vec::new(), found: None }
    }

    /// The next message, or what was skipped; `None` when the stream has ended.
    pub(super) async fn next(&mut self) -> io::Result<Option<Frame>> {
        let mut length = self.found.take();
        let mut wrong = None;
        loop {
            let Some(line) = self.line().await? else { return Ok(None) };
            let line = line.trim_ascii_end();
            if line.is_empty() {
                match (length, wrong.take()) {
                    (_, Some(wrong)) => return Ok(Some(Frame::Garbage(wrong))),
                    (Some(length), None) => return Ok(self.body(length).await?.map(Frame::Body)),
                    (None, None) => {}
                }
                continue;
            }
            match find_length(line) {
                Header::Length { skipped, length: announced } => {
                    if skipped > 0 || wrong.is_some() {
                        self.found = Some(announced);
                        let wrong = wrong.unwrap_or_else(|| format!("{skipped} bytes before a header"));
                        return Ok(Some(Frame::Garbage(wrong)));
                    }
                    length = Some(announced);
                }
                Header::Wrong(reason) => wrong = Some(reason),
                Header::Other => {}
            }
        }
    }

    /// Takes back the end of a body that turned out to belong to the next message.
    pub(super) fn give_back(&mut self, bytes: &[u8]) {
        self.returned.splice(0..0, bytes.iter().copied());
    }

    /// One line, at most `LINE_LIMIT` bytes of it; `None` at the end of the stream.
    async fn line(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut line = Vec::new();
        let returned = std::mem::take(&mut self.returned);
        let mut source = AsyncReadExt::chain(returned.as_slice(), &mut self.source);
        let read = (&mut source).take(LINE_LIMIT as u64).read_until(b'\n', &mut line).await?;
        self.returned = source.into_inner().0.to_vec();
        Ok((read > 0).then_some(line))
    }

    /// A body of `length` bytes; `None` when the stream ends within it.
    async fn body(&mut self, length: usize) -> io::Result<Option<Vec<u8>>> {
        let returned = self.returned.len().min(length);
        let mut body: Vec<u8> = self.returned.drain(..returned).collect();
        // Not reserved at once: the length is only what the other side says.
        let missing = (length - body.len()) as u64;
        (&mut self.source).take(missing).read_to_end(&mut body).await?;
        Ok((body.len() == length).then_some(body))
    }
}

/// Writes one message and flushes it.
pub(super) async fn write_frame(sink: &mut (impl AsyncWrite + Unpin), body: &[u8]) -> io::Result<()> {
    let mut frame = format!("Content-Length: {}\r\n\r\n", body.len()).into_bytes();
    frame.extend_from_slice(body);
    sink.write_all(&frame).await?;
    sink.flush().await
}

enum Header {
    /// `Content-Length` after so many bytes that do not belong to it.
    Length { skipped: usize, length: usize },
    /// A line that is no header.
    Wrong(String),
    /// A header that does not matter here.
    Other,
}

fn find_length(line: &[u8]) -> Header {
    const NAME: &[u8] = b"content-length:";
    let Some(at) = line.windows(NAME.len()).position(|window| window.eq_ignore_ascii_case(NAME)) else {
        let name = line.split(|byte| *byte == b':').next().unwrap_or_default();
        let is_header =
            name.len() < line.len() && name.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-');
        return if is_header { Header::Other } else { Header::Wrong("bytes without a Content-Length header".into()) };
    };
    let value = String::from_utf8_lossy(&line[at + NAME.len()..]);
    match value.trim().parse() {
        Ok(length) if length <= BODY_LIMIT => Header::Length { skipped: at, length },
        Ok(length) => Header::Wrong(format!("a message of {length} bytes; at most {BODY_LIMIT} are read")),
        Err(_) => Header::Wrong(format!("Content-Length is not a number of bytes: {}", value.trim())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn reads_on_after_anything() {
        let cases: &[(&str, &str, &[&str])] = &[
            ("one", "Content-Length: 2\r\n\r\n{}", &["body {}"]),
            ("lower case, line feeds alone", "content-length:2\n\n{}", &["body {}"]),
            (
                "other headers",
                "Content-Type: application/vscode-jsonrpc; charset=utf-8\r\nX-A: b\r\nContent-Length: 2\r\n\r\n[]",
                &["body []"],
            ),
            (
                "length too short",
                "Content-Length: 1\r\n\r\n{}Content-Length: 2\r\n\r\n[]",
                &["body {", "garbage: 1 bytes before a header", "body []"],
            ),
            (
                "not a number",
                "Content-Length: x\r\n\r\nContent-Length: 2\r\n\r\n{}",
                &["garbage: Content-Length is not a number of bytes: x", "body {}"],
            ),
            (
                "negative",
                "Content-Length: -1\r\n\r\nContent-Length: 2\r\n\r\n{}",
                &["garbage: Content-Length is not a number of bytes: -1", "body {}"],
            ),
            (
                "too long",
                "Content-Length: 999999999999\r\n\r\nContent-Length: 2\r\n\r\n{}",
                &["garbage: a message of 999999999999 bytes; at most 268435456 are read", "body {}"],
            ),
            (
                "no header",
                "{\"a\": 1}\nContent-Length: 2\r\n\r\n{}",
                &["garbage: bytes without a Content-Length header", "body {}"],
            ),
            ("end inside a body", "Content-Length: 5\r\n\r\n{}", &[]),
            ("empty body", "Content-Length: 0\r\n\r\nContent-Length: 2\r\n\r\n{}", &["body ", "body {}"]),
        ];
        for (name, stream, expected) in cases {
            let mut reader = FrameReader::new(stream.as_bytes());
            let mut frames = Vec::new();
            while let Some(frame) = reader.next().await.unwrap() {
                frames.push(match frame {
                    Frame::Body(body) => format!("body {}", String::from_utf8(body).unwrap()),
                    Frame::Garbage(reason) => format!("garbage: {reason}"),
                });
            }
            assert_eq!(&frames, expected, "{name}");
        }
    }

    #[tokio::test]
    async fn what_is_given_back_is_read_again() {
        let mut reader = FrameReader::new(&b"Content-Length: 26\r\n\r\n{}Content-Length: 2\r\n\r\n[1,2]"[..]);
        let Some(Frame::Body(body)) = reader.next().await.unwrap() else { panic!("no body") };
        assert_eq!(body, b"{}Content-Length: 2\r\n\r\n[1,");
        reader.give_back(&body[2..]);
        assert_eq!(reader.next().await.unwrap(), Some(Frame::Body(b"[1".to_vec())));
    }
}
