//! Places of the workspace that a model asks for by words or by a name. Files that have to stay are passed over, and counted.

use std::path::Path;

use halfline_context::debugging::numbered;
use halfline_context::{By, SearchOptions};

use super::super::Sources;
use super::{Denied, Fetched};
use crate::policy::privacy::Privacy;

/// Places that a search gives, and lines of each.
const MOST_PLACES: usize = 6;
const PLACE_LINES: usize = 12;
/// Definitions of one name, and lines of each.
const MOST_DEFINITIONS: usize = 4;
const DEFINITION_LINES: usize = 60;
/// Lines on which a name stands.
const MOST_REFERENCES: usize = 40;
/// Characters of such a line.
const LINE_CHARS: usize = 160;

/// What was found, and how much had to stay.
#[derive(Default)]
struct Findings {
    parts: Vec<String>,
    files: Vec<String>,
    stays: usize,
}

impl Findings {
    /// Adds a place of the file at `path`, unless that has to stay.
    fn add(&mut self, privacy: &Privacy, path: &str, text: impl FnOnce() -> Option<String>) {
        if privacy.keeps(Path::new(path)).is_some() {
            self.stays += 1;
        } else if let Some(text) = text() {
            self.parts.push(text);
            self.files.push(path.to_owned());
        }
    }

    /// All of it as one text; `nothing` says what it means that there is none.
    fn finish(mut self, nothing: &str) -> Result<Fetched, Denied> {
        if self.parts.is_empty() {
            return match self.stays {
                0 => Err(Denied::Failed(nothing.to_owned())),
                _ => Err(Denied::Refused("all that was found stays on this machine".to_owned())),
            };
        }
        if self.stays > 0 {
            self.parts.push(format!("[{} more stay on this machine]", self.stays));
        }
        self.files.sort_unstable();
        self.files.dedup();
        Ok(Fetched { text: self.parts.join("\n\n"), files: self.files })
    }
}

/// The places that fit `query` best.
pub(super) fn search(sources: &Sources, privacy: &Privacy, query: &str) -> Result<Fetched, Denied> {
    if query.trim().is_empty() {
        return Err(Denied::Failed("the query is empty".to_owned()));
    }
    sources.refresh();
    let options = SearchOptions { limit: 2 * MOST_PLACES, by: By::Both, ..SearchOptions::default() };
    let mut findings = Findings::default();
    for hit in halfline_context::search(&sources.workspace, query, &options).hits {
        if findings.parts.len() >= MOST_PLACES {
            break;
        }
        findings.add(privacy, &hit.path, || {
            let lines = (hit.lines.0.checked_sub(1)?, hit.lines.1.checked_sub(1)?);
            // The index has the lines of the file on disk.
            let in_editor = sources.workspace.lines_in_editor(&sources.absolute(Path::new(&hit.path)), lines);
            let on_disk = || Some((sources.read(Path::new(&hit.path)).ok()?, lines));
            let (snapshot, (first, last)) = in_editor.or_else(on_disk)?;
            let last = last.min(first + PLACE_LINES - 1).min(snapshot.rope().len_lines().saturating_sub(1));
            let text = numbered(&snapshot, &(first..=last), None);
            Some(format!("{}, lines {}-{}:\n{text}", hit.path, first + 1, last + 1))
        });
    }
    findings.finish("nothing was found")
}

/// The code that defines `name`; of a path of names the last one counts.
pub(super) fn definition(sources: &Sources, privacy: &Privacy, name: &str) -> Result<Fetched, Denied> {
    let name = plain(name)?;
    sources.refresh();
    let mut findings = Findings::default();
    for found in sources.workspace.find(name) {
        if findings.parts.len() >= MOST_DEFINITIONS {
            break;
        }
        let path = sources.workspace.display_path(&found.file.path);
        findings.add(privacy, &path, || {
            let snapshot = sources.read(&found.file.path).ok()?;
            let (first, last) = found.definition().lines;
            let last = last.min(first + DEFINITION_LINES - 1).min(snapshot.rope().len_lines().saturating_sub(1));
            let text = numbered(&snapshot, &(first..=last), None);
            Some(format!("{path}, lines {}-{}:\n{text}", first + 1, last + 1))
        });
    }
    findings.finish("nothing in the workspace is called that")
}

/// The lines on which `name` stands as a word.
pub(super) fn references(sources: &Sources, privacy: &Privacy, name: &str) -> Result<Fetched, Denied> {
    let name = plain(name)?;
    sources.refresh();
    let is_word = |ch: char| ch == '_' || ch.is_alphanumeric();
    let stands_in = |line: &str| line.split(|ch| !is_word(ch)).any(|word| word == name);
    let mut findings = Findings::default();
    let mut left = MOST_REFERENCES;
    for file in sources.workspace.mentions(name) {
        if left == 0 {
            break;
        }
        let path = sources.workspace.display_path(&file.path);
        findings.add(privacy, &path, || {
            let text = sources.read(&file.path).ok()?.rope().to_string();
            let lines = text.lines().enumerate().filter(|(_, line)| stands_in(line)).take(left);
            let shown = |(at, line): (usize, &str)| {
                let line: String = line.trim().chars().take(LINE_CHARS).collect();
                format!("{path}:{}: {line}", at + 1)
            };
            let lines: Vec<String> = lines.map(shown).collect();
            left -= lines.len();
            (!lines.is_empty()).then(|| lines.join("\n"))
        });
    }
    findings.finish("nothing in the workspace names that")
}

/// The last name of a path such as `a::b` or `a.b`.
fn plain(name: &str) -> Result<&str, Denied> {
    let last = name.trim().rsplit([':', '.', '#']).next().unwrap_or_default().trim_end_matches("()");
    if last.is_empty() { Err(Denied::Failed("the name is empty".to_owned())) } else { Ok(last) }
}
