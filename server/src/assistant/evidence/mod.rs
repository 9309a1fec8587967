//! What an answer rests on: what a checker says, the code at the place, the definitions it names, then who uses it, which
//! tests cover it, how it came to be, and what a search finds for the rest. All deterministic but for the clock: what is
//! not found in time is left out.

mod asked;
mod checkers;
mod checks;
mod frames;
mod history;
mod items;
mod python;
mod rust;

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use halfline_context::{Focus, Piece, Snapshot, TokenCounter, gather_debugging, gather_related, gather_usage, subject};
use halfline_inference::tokenizer::Tokenizer;

use super::{About, AssistantError, Diagnostic, Evidence, Limits, Question, Severity, Sources, Update};

use items::{code_item, diagnostic_item, of_changes};

pub(super) use checkers::{
    FILE as CHECKED_FILE, for_file as checkers_for, of_project as checkers_of_project, read as read_checker,
};
pub use checks::checker_of;
pub(super) use checks::run as run_check;

/// Diagnostics beyond this many are left out: the first cause is what matters.
const MOST_DIAGNOSTICS: usize = 3;
/// Of the evidence budget, what diagnostics may take: one over this.
const DIAGNOSTICS_SHARE: usize = 3;

/// Of the evidence budget, what may be spent on what surrounds an error: one over this. Its answer is wanted at once.
const SURROUNDINGS_SHARE: usize = 6;
/// With fewer tokens left there is no point in looking for more.
const FEWEST_TOKENS: usize = 24;
/// How long callers, tests and the rest are looked for.
const SURROUNDINGS_TIME: Duration = Duration::from_millis(500);

/// Evidence for one question, and the question as the model will read it.
#[derive(Clone, Debug)]
pub(super) struct Gathered {
    /// What the model is asked to do.
    pub(super) task: Task,
    /// What it may rest on, most important first.
    pub(super) items: Vec<Item>,
    /// The files that were read, for checking citations.
    pub(super) files: Vec<Snapshot>,
    /// What is complained of at the place, whether a checker just said so or the question did.
    pub(super) diagnostics: Vec<Diagnostic>,
}

impl Gathered {
    /// Every file that the question is about, relative to `root` where it lies there. What a tool said counts by the tool's
    /// name; what was merely found does not count.
    pub(super) fn paths(&self, root: &Path) -> Vec<PathBuf> {
        let items = self.items.iter().filter(|item| !item.found).map(|item| PathBuf::from(&item.evidence.path));
        let files = self.files.iter().filter_map(Snapshot::path).map(|path| path.strip_prefix(root).unwrap_or(path));
        let mut paths: Vec<PathBuf> = items.chain(files.map(Path::to_path_buf)).collect();
        paths.sort_unstable();
        paths.dedup();
        paths
    }
}

/// What the model is asked to do.
#[derive(Clone, Debug)]
pub(super) enum Task {
    /// Explain what a checker said, and how bad that is.
    ExplainProblem(Severity),
    /// Explain what the code at a line does; no checker complains.
    ExplainCode {
        /// The line, from 0.
        line: usize,
    },
    /// Explain what selected lines do.
    ExplainSelection {
        /// The lines, from 0.
        lines: RangeInclusive<usize>,
    },
    /// Say what is wrong with a change.
    Review,
    /// Describe a change for its commit.
    CommitMessage {
        /// How earlier commits were described.
        subjects: Vec<String>,
    },
    /// Answer the user's question.
    Answer(String),
}

/// One piece of evidence with its text.
#[derive(Clone, Debug)]
pub(super) struct Item {
    /// Where it is from.
    pub(super) evidence: Evidence,
    /// Its text.
    pub(super) text: String,
    /// The tag of its code fence.
    pub(super) fence: String,
    /// Whether a search, the users of the code or its history led to it: neither the user nor a checker named it.
    pub(super) found: bool,
}

/// Counts with the model's own tokenizer.
pub(super) struct ModelTokens(pub(super) Arc<Tokenizer>);

impl TokenCounter for ModelTokens {
    fn count(&self, text: &str) -> usize {
        self.0.count(text)
    }
}

/// Gathers evidence for `question` within `limits`. Only for the first question of a conversation is it guessed what might
/// be meant.
pub(super) async fn gather(
    sources: &Sources,
    limits: &Limits,
    counter: impl TokenCounter + 'static,
    question: Question,
    is_first: bool,
    sink: &mut (dyn FnMut(Update) + Send),
) -> Result<Gathered, AssistantError> {
    let sources = sources.clone();
    let tokens = limits.evidence_tokens;
    let counter: Arc<dyn TokenCounter> = Arc::new(counter);
    let counted = counter.clone();
    // What was told of already stands in front.
    let (gathered, shown) = match question {
        Question::Explain { path, line, mut diagnostics } => {
            let path = sources.absolute(&path);
            let snapshot = sources.read(&path)?;
            let mut notes = Vec::new();
            if diagnostics.is_empty() && limits.may_run_checks {
                let checked = checks::run(&snapshot, &path, &limits.checkers, limits.check_time, sink).await;
                diagnostics = relevant(checked.diagnostics, &path, line);
                notes = checked.notes;
            }
            diagnostics.truncate(MOST_DIAGNOSTICS);
            sink(Update::Status { text: "reading the code".to_owned() });
            // A rendered message says more of the case at hand than the general explanation does.
            let first = diagnostics.first().filter(|first| limits.may_run_checks && first.rendered.is_none()).cloned();
            let (found, counting) = (sources.clone(), counter.clone());
            let said = move || Ok(explain(&found, tokens, &*counting, &snapshot, line, diagnostics, notes));
            let mut told = blocking(said).await?;
            show(&told.gathered.items, sink);
            let shown = told.gathered.items.len();
            // What is left decides what else is worth a look.
            if let Some(first) = first.filter(|_| told.left >= FEWEST_TOKENS)
                && let Some(help) = rust::explain_code(&first).await
                && counter.count(&help.text) <= told.left
            {
                told.left -= counter.count(&help.text);
                told.gathered.items.push(help);
            }
            (with_surroundings(&sources, tokens, counter, told).await?, shown)
        }
        Question::ExplainSelection { path, lines } => {
            sink(Update::Status { text: "reading the code".to_owned() });
            let (found, counting) = (sources.clone(), counter.clone());
            let read = move || explain_selection(&found, tokens, &*counting, &path, lines);
            let told = blocking(read).await?;
            show(&told.gathered.items, sink);
            let shown = told.gathered.items.len();
            (with_surroundings(&sources, tokens, counter, told).await?, shown)
        }
        Question::Review { changes } => (of_changes(Task::Review, &changes, tokens, &*counter), 0),
        Question::CommitMessage { changes, subjects } => {
            (of_changes(Task::CommitMessage { subjects }, &changes, tokens, &*counter), 0)
        }
        Question::Ask { question, about } => {
            sink(Update::Status { text: "reading the code".to_owned() });
            let (found, counting) = (sources.clone(), counter.clone());
            let read = move || asked::pointed(&found, tokens, &*counting, question, &about);
            let pointed = blocking(read).await?;
            show(&pointed.gathered.items, sink);
            // What else might be meant is guessed once: a conversation that goes on has it already.
            if !is_first {
                return Ok(pointed.gathered);
            }
            let (found, shown) = (sources.clone(), pointed.gathered.items.len());
            let (mut gathered, place) = blocking(move || Ok(asked::around(&found, tokens, &*counter, pointed))).await?;
            if let Some(place) = place {
                gathered.items.extend(history::of(&sources, &place, &*counted).await);
            }
            (gathered, shown)
        }
    };
    show(&gathered.items[shown..], sink);
    Ok(gathered)
}

/// What is known of a place, with what surrounds it and how it came to be.
async fn with_surroundings(
    sources: &Sources,
    tokens: usize,
    counter: Arc<dyn TokenCounter>,
    told: Told,
) -> Result<Gathered, AssistantError> {
    let (found, counting) = (sources.clone(), counter.clone());
    let (mut gathered, place) = blocking(move || Ok(around(&found, tokens, &*counting, told))).await?;
    gathered.items.extend(history::of(sources, &place, &*counter).await);
    Ok(gathered)
}

/// Tells of `items`, as soon as they are found.
pub(super) fn show(items: &[Item], sink: &mut (dyn FnMut(Update) + Send)) {
    for item in items {
        sink(Update::Evidence(item.evidence.clone()));
    }
}

/// What is known once the place of a question has been read.
struct Told {
    gathered: Gathered,
    focus: Focus,
    pieces: Vec<Piece>,
    /// Files that the question names, as pieces of them have it.
    asked: Vec<String>,
    /// Tokens that may still be used.
    left: usize,
}

/// The diagnostics that a question about `line` of `path` means: those on the line; else the nearest error of the file;
/// else the first error anywhere.
fn relevant(mut all: Vec<Diagnostic>, path: &Path, line: usize) -> Vec<Diagnostic> {
    let same_file = |diagnostic: &Diagnostic| same_path(&diagnostic.path, path);
    all.sort_by_key(|diagnostic| diagnostic.severity);
    let here: Vec<Diagnostic> = all.iter().filter(|one| same_file(one) && one.touches(line)).cloned().collect();
    if !here.is_empty() {
        return here;
    }
    all.retain(|diagnostic| diagnostic.severity == Severity::Error);
    let nearest = all.iter().filter(|one| same_file(one)).min_by_key(|one| (one.start.line as usize).abs_diff(line));
    nearest.or(all.first()).cloned().into_iter().collect()
}

fn same_path(one: &Path, other: &Path) -> bool {
    one == other || matches!((one.canonicalize(), other.canonicalize()), (Ok(a), Ok(b)) if a == b)
}

/// The code that a question is about, and the tokens that are left for it.
struct Place {
    snapshot: Snapshot,
    /// Lines from 0.
    lines: (usize, usize),
    left: usize,
}

impl Place {
    fn new(focus: &Focus, left: usize) -> Place {
        let own = (*focus.lines.start(), *focus.lines.end());
        // Lines that go on behind one definition are meant as they are.
        let around = subject(&focus.snapshot, own.0).filter(|subject| own.1 <= subject.lines.1);
        let lines = around.map_or(own, |subject| subject.lines);
        Place { snapshot: focus.snapshot.clone(), lines, left }
    }
}

fn explain(
    sources: &Sources,
    tokens: usize,
    counter: &dyn TokenCounter,
    snapshot: &Snapshot,
    line: usize,
    diagnostics: Vec<Diagnostic>,
    notes: Vec<Item>,
) -> Told {
    let started = Instant::now();
    sources.refresh();
    let refreshed = started.elapsed();
    let mut left = tokens;
    let mut items = Vec::new();
    for diagnostic in &diagnostics {
        let limit = (tokens / DIAGNOSTICS_SHARE).saturating_sub(tokens - left);
        if limit == 0 {
            break;
        }
        let item = diagnostic_item(sources, diagnostic, limit, counter);
        left = left.saturating_sub(counter.count(&item.text));
        items.push(item);
    }
    if diagnostics.is_empty() {
        items.extend(notes);
    }
    // The place is the first diagnostic's, which may be in another file than the question.
    let place = diagnostics.first().and_then(|one| {
        let other = sources.absolute(&one.path);
        let snapshot = match snapshot.path() {
            Some(path) if same_path(path, &other) => snapshot.clone(),
            _ => sources.read(&other).ok()?,
        };
        Some((snapshot, one.start.line as usize..=one.end.line.max(one.start.line) as usize))
    });
    let mut asked = vec![own_path(sources, snapshot)];
    let (snapshot, lines) = place.unwrap_or_else(|| (snapshot.clone(), line..=line));
    asked.push(own_path(sources, &snapshot));
    let message = diagnostics.iter().map(|one| one.message.as_str()).collect::<Vec<_>>().join("\n");
    let focus = Focus { snapshot: snapshot.clone(), lines, message };
    let pieces = gather_debugging(&focus, left, counter, Some(&sources.workspace));
    left = left.saturating_sub(cost(&pieces, counter));
    items.extend(pieces.iter().cloned().map(|piece| code_item(piece, &snapshot, &asked)));
    let task = match diagnostics.first() {
        Some(first) => Task::ExplainProblem(first.severity),
        None => Task::ExplainCode { line },
    };
    tracing::debug!(?refreshed, whole = ?started.elapsed(), "read the place of a question");
    Told { gathered: Gathered { task, items, files: vec![snapshot], diagnostics }, focus, pieces, asked, left }
}

/// What surrounds the place of a question, as far as there is room for it, and the place for its history.
fn around(sources: &Sources, tokens: usize, counter: &dyn TokenCounter, told: Told) -> (Gathered, Place) {
    let started = Instant::now();
    let Told { mut gathered, focus, pieces, asked, mut left } = told;
    if matches!(gathered.task, Task::ExplainProblem(_)) {
        left = left.min(tokens / SURROUNDINGS_SHARE);
    }
    if left >= FEWEST_TOKENS {
        let more = surroundings(sources, &focus, pieces, left, counter);
        left = left.saturating_sub(cost(&more, counter));
        gathered.items.extend(more.into_iter().map(|piece| code_item(piece, &focus.snapshot, &asked)));
    }
    tracing::debug!(whole = ?started.elapsed(), "read what surrounds the place of a question");
    let place = Place::new(&focus, left);
    (gathered, place)
}

/// Tests of the code at `focus`, its callers, and what a search finds for what is said of it, in at most `tokens`.
fn surroundings(
    sources: &Sources,
    focus: &Focus,
    mut shown: Vec<Piece>,
    tokens: usize,
    counter: &dyn TokenCounter,
) -> Vec<Piece> {
    let deadline = Instant::now() + SURROUNDINGS_TIME;
    let workspace = &sources.workspace;
    let mut found = gather_usage(focus, &shown, tokens, counter, workspace, deadline);
    let left = tokens.saturating_sub(cost(&found, counter));
    shown.extend(found.iter().cloned());
    if !focus.message.trim().is_empty() {
        found.extend(gather_related(&focus.message, &shown, left, counter, workspace, deadline));
    }
    found
}

fn cost(pieces: &[Piece], counter: &dyn TokenCounter) -> usize {
    pieces.iter().map(|piece| counter.count(&piece.text)).sum()
}

fn explain_selection(
    sources: &Sources,
    tokens: usize,
    counter: &dyn TokenCounter,
    path: &Path,
    lines: RangeInclusive<usize>,
) -> Result<Told, AssistantError> {
    sources.refresh();
    let snapshot = sources.read(path)?;
    let focus = Focus { snapshot: snapshot.clone(), lines: lines.clone(), message: String::new() };
    let pieces = gather_debugging(&focus, tokens, counter, Some(&sources.workspace));
    let left = tokens.saturating_sub(cost(&pieces, counter));
    let asked = vec![own_path(sources, &snapshot)];
    let items = pieces.iter().cloned().map(|piece| code_item(piece, &snapshot, &asked)).collect();
    let gathered =
        Gathered { task: Task::ExplainSelection { lines }, items, files: vec![snapshot], diagnostics: Vec::new() };
    Ok(Told { gathered, focus, pieces, asked, left })
}

/// The path of `snapshot` as pieces of it have it.
fn own_path(sources: &Sources, snapshot: &Snapshot) -> String {
    snapshot.path().map(|path| sources.workspace.display_path(path)).unwrap_or_default()
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, AssistantError> + Send + 'static,
) -> Result<T, AssistantError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(outcome) => outcome,
        Err(error) => Err(AssistantError::Gathering(error.to_string())),
    }
}

#[cfg(test)]
mod tests;
