//! Edits in any order of anything else: the server's text is the client's text.

use halfline_inference::testing::{TinyFamily, TinySpec};
use halfline_tests::{Client, Home, Options};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

/// Messages of one run.
const STEPS: usize = 4000;
/// Characters at which the text is replaced by a short one.
const LONGEST: usize = 3000;

const PIECES: &[&str] = &[
    "a",
    "b",
    " ",
    "\t",
    "é",
    "ß",
    "漢字",
    "😀",
    "👩‍👩‍👧",
    "e\u{301}",
    "\u{feff}",
    "\n",
    "\r\n",
    "\r",
    "\n\n",
    "\u{2028}",
    "\u{85}",
    "\u{b}",
    "\u{c}",
    "{",
    "}",
    "(",
    ")",
    "\"",
    "let x = 1;\n",
    "fn f(ä: &str) {\r\n    g(\"😀\");\r\n}\r\n",
    "// привет\n",
    "",
];

/// The client's text, as plainly as can be: a list of characters.
struct Text {
    chars: Vec<char>,
    encoding: &'static str,
}

impl Text {
    /// Where each line starts, and where its content ends.
    fn lines(&self) -> Vec<(usize, usize)> {
        let mut lines = Vec::new();
        let (mut start, mut at) = (0, 0);
        while at < self.chars.len() {
            let next = match (self.chars[at], self.chars.get(at + 1)) {
                ('\r', Some('\n')) => at + 2,
                ('\r' | '\n', _) => at + 1,
                _ => {
                    at += 1;
                    continue;
                }
            };
            lines.push((start, at));
            (start, at) = (next, next);
        }
        lines.push((start, self.chars.len()));
        lines
    }

    fn units(&self, ch: char) -> usize {
        match self.encoding {
            "utf-8" => ch.len_utf8(),
            "utf-16" => ch.len_utf16(),
            _ => 1,
        }
    }

    /// The offset of a position: clamped to its line, to the text, and to the start of a character.
    fn offset(&self, line: usize, character: usize) -> usize {
        let lines = self.lines();
        let Some(&(start, end)) = lines.get(line) else { return self.chars.len() };
        let mut left = character;
        for at in start..end {
            let units = self.units(self.chars[at]);
            if left < units {
                return at;
            }
            left -= units;
        }
        end
    }

    fn replace(&mut self, start: usize, end: usize, text: &str) {
        self.chars.splice(start.min(end)..start.max(end), text.chars());
    }

    fn text(&self) -> String {
        self.chars.iter().collect()
    }
}

/// A position, mostly in the text, sometimes far out of it.
fn position(random: &mut StdRng, text: &Text) -> (usize, usize) {
    let lines = text.lines();
    let below = usize::from(random.random_bool(0.1)) * 5;
    let line = random.random_range(0..lines.len() + below);
    let length = lines.get(line).map_or(0, |(start, end)| end - start);
    let far = usize::from(random.random_bool(0.05)) * 1000;
    (line, random.random_range(0..=length * 2 + far))
}

fn to_json((line, character): (usize, usize)) -> Value {
    json!({"line": line, "character": character})
}

/// One change of a `didChange`, applied to the text too.
fn change(random: &mut StdRng, text: &mut Text) -> Value {
    let inserted: String = (0..random.random_range(0..3)).filter_map(|_| PIECES.choose(random).copied()).collect();
    if text.chars.len() > LONGEST || random.random_bool(0.01) {
        text.chars = inserted.chars().collect();
        return json!({"text": inserted});
    }
    let (start, end) = (position(random, text), position(random, text));
    // Mostly what typing does: something small, somewhere.
    let end = if random.random_bool(0.8) { start } else { end };
    let (from, to) = (text.offset(start.0, start.1), text.offset(end.0, end.1));
    text.replace(from, to, &inserted);
    json!({"range": {"start": to_json(start), "end": to_json(end)}, "text": inserted})
}

fn run(encoding: &'static str, seed: u64) {
    let home = Home::with_model(&TinySpec::new(TinyFamily::Qwen2));
    home.add_settings("[completion]\ndebounce_ms = 1\nmax_tokens = 8\nprompt_tokens = 128\n");
    let (mut client, capabilities) =
        Client::initialize(&home, &Options { encodings: vec![encoding], ..Options::default() });
    assert_eq!(capabilities["positionEncoding"], encoding);

    let mut random = StdRng::seed_from_u64(seed);
    let uri = "file:///tmp/random.rs";
    let mut text = Text { chars: "fn main() {}\n".chars().collect(), encoding };
    client.open(uri, "rust", &text.text());
    let mut asked: Vec<i64> = Vec::new();
    let mut looks: Vec<(i64, String)> = Vec::new();
    for step in 0..STEPS {
        match random.random_range(0..100) {
            0..70 => {
                let changes: Vec<Value> =
                    (0..random.random_range(1..4)).map(|_| change(&mut random, &mut text)).collect();
                let document = json!({"uri": uri, "version": step + 2});
                client.notify("textDocument/didChange", json!({"textDocument": document, "contentChanges": changes}));
            }
            70..82 => {
                let (line, character) = position(&mut random, &text);
                let kind = random.random_range(1..=2);
                asked.push(client.request_inline(uri, line, character, kind));
            }
            82..90 => {
                if let Some(id) = asked.choose(&mut random) {
                    client.notify("$/cancelRequest", json!({"id": id}));
                }
            }
            90..95 => {
                asked.push(client.request("workspace/executeCommand", json!({"command": "halfline.status"})));
            }
            _ => {
                let id = client.request("halfline/documentText", json!({"textDocument": {"uri": uri}}));
                looks.push((id, text.text()));
            }
        }
        client.poll();
    }
    assert_eq!(client.document_text(uri), Some(text.text()), "{encoding}, seed {seed}: at the end");
    for (id, expected) in looks {
        let reply = client.reply(id).expect("the text can be asked for");
        assert_eq!(reply["text"].as_str(), Some(expected.as_str()), "{encoding}, seed {seed}: at request {id}");
    }
    client.shut_down();
}

#[test]
fn random_edits_utf_8() {
    run("utf-8", 1);
}

#[test]
fn random_edits_utf_16() {
    run("utf-16", 2);
}

#[test]
fn random_edits_utf_32() {
    run("utf-32", 3);
}
