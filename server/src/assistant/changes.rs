//! Changes of code: asked of git, read from a diff, reviewed in portions that a prompt can hold, and summed up as a commit
//! message.

use std::path::Path;
use std::time::{Duration, Instant};

use halfline_context::TokenCounter;
use halfline_inference::TokenStats;
use tokio::process::Command;

use super::cite::Citation;
use super::evidence::ModelTokens;
use super::fix::slips::slips;
use super::{Answer, Assistant, AssistantError, Level, Question, Update, answer, command, unlikely};

/// How long git may take.
const GIT_TIME: Duration = Duration::from_secs(20);
/// Portions of a change that are reviewed.
const MOST_PORTIONS: usize = 8;
/// Lines of a change that the model is asked about one by one, and how long that may take.
const MOST_LINES: usize = 60;
const LINES_TIME: Duration = Duration::from_secs(30);
/// How much likelier one small change must make a line (a logarithm) to be told of.
const LEAST_SURPRISE: f32 = 5.0;
/// Earlier subjects that show how this repository writes them.
const SUBJECTS: usize = 5;
/// Columns of a commit message's body.
const BODY_WIDTH: usize = 72;

/// What changes in one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The file, as the diff names it.
    pub path: String,
    /// First and last line of the new file that the diff shows, from 1.
    pub lines: (usize, usize),
    /// The hunks, with the numbers of the new file's lines.
    pub text: String,
    /// Lines that come.
    pub added: usize,
    /// Lines that go.
    pub removed: usize,
}

impl Change {
    /// The lines that come, with their numbers in the new file, from 1.
    fn added_lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().filter_map(|line| {
            let (number, code) = line.strip_prefix('+')?.split_once(" |")?;
            let number = number.trim().parse().ok().filter(|number| *number > 0)?;
            Some((number, code.strip_prefix(' ').unwrap_or(code)))
        })
    }
}

/// Which changes git is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// What is staged for the next commit.
    Staged,
    /// Everything since the last one.
    Uncommitted,
}

/// The changes in the repository around `directory`. Nothing of the repository's own is run for it.
pub async fn of_git(directory: &Path, which: Which) -> Result<Vec<Change>, String> {
    let staged = ["diff", "--cached"];
    let arguments = match which {
        Which::Staged => staged,
        Which::Uncommitted => ["diff", "HEAD"],
    };
    let options = ["--no-ext-diff", "--no-textconv", "--no-color", "--unified=5", "--src-prefix=a/", "--dst-prefix=b/"];
    let mut output = git(directory, &[&arguments[..], &options].concat()).await;
    if output.is_err() && which == Which::Uncommitted {
        // Before the first commit there is no HEAD.
        output = git(directory, &[&staged[..], &options].concat()).await;
    }
    let changes = read_diff(&output?);
    if changes.is_empty() {
        let what =
            if which == Which::Staged { "nothing is staged; use `git add` first" } else { "nothing has changed" };
        return Err(format!("{}: {what}", directory.display()));
    }
    Ok(changes)
}

/// The subjects of the last commits; none where there are none.
pub async fn subjects(directory: &Path) -> Vec<String> {
    let count = format!("-{SUBJECTS}");
    let log = git(directory, &["log", &count, "--no-merges", "--format=%s"]).await.unwrap_or_default();
    log.lines().map(str::to_owned).collect()
}

async fn git(directory: &Path, arguments: &[&str]) -> Result<String, String> {
    let mut git = Command::new("git");
    git.args(["-c", "core.fsmonitor=false", "--no-pager"]).args(arguments).current_dir(directory);
    let output = command::run(git, GIT_TIME).await?;
    if output.success() {
        return Ok(output.stdout);
    }
    let reason = output.stderr.lines().next().unwrap_or("git failed").to_owned();
    Err(format!("{}: {reason}", directory.display()))
}

/// The changes that a unified diff describes, one for each file. What is no text is left out.
pub fn read_diff(diff: &str) -> Vec<Change> {
    let mut changes: Vec<Change> = Vec::new();
    let mut old_path = String::new();
    let (mut old_left, mut new_left, mut line_number) = (0usize, 0usize, 1usize);
    for line in diff.lines() {
        if old_left + new_left > 0 {
            let Some(change) = changes.last_mut() else { continue };
            let (mark, code) = (line.chars().next().unwrap_or(' '), line.get(1..).unwrap_or_default());
            if mark == '\\' {
                continue;
            }
            let number = if mark == '-' { String::new() } else { line_number.to_string() };
            change.text += format!("{mark}{number:>5} | {code}").trim_end();
            change.text.push('\n');
            old_left = old_left.saturating_sub(usize::from(mark != '+'));
            if mark != '-' {
                new_left = new_left.saturating_sub(1);
                change.lines.1 = line_number;
                line_number += 1;
            }
            change.added += usize::from(mark == '+');
            change.removed += usize::from(mark == '-');
        } else if let Some(path) = line.strip_prefix("--- ") {
            old_path = file_name(path);
        } else if let Some(path) = line.strip_prefix("+++ ") {
            let path = Some(file_name(path)).filter(|path| path != "/dev/null").unwrap_or(old_path.clone());
            changes.push(Change { path, lines: (0, 0), text: String::new(), added: 0, removed: 0 });
        } else if let Some(((_, olds), (start, news))) = hunk(line)
            && let Some(change) = changes.last_mut()
        {
            (old_left, new_left, line_number) = (olds, news, start);
            if change.lines == (0, 0) {
                change.lines = (start.max(1), start.max(1));
            }
            change.text += if change.text.is_empty() { "" } else { "...\n" };
        }
    }
    changes.retain(|change| !change.text.is_empty());
    changes
}

/// A path of a diff without its prefix and what may follow it.
fn file_name(path: &str) -> String {
    let path = path.split('\t').next().unwrap_or_default().trim_matches('"');
    path.strip_prefix("a/").or_else(|| path.strip_prefix("b/")).unwrap_or(path).to_owned()
}

/// Start and count of the old and the new lines in `@@ -1,2 +3,4 @@`.
fn hunk(line: &str) -> Option<((usize, usize), (usize, usize))> {
    let mut parts = line.strip_prefix("@@ ")?.split(' ');
    let mut range = |mark: char| {
        let range = parts.next()?.strip_prefix(mark)?;
        let (start, count) = range.split_once(',').unwrap_or((range, "1"));
        Some((start.parse().ok()?, count.parse().ok()?))
    };
    Some((range('-')?, range('+')?))
}

/// Reviews `changes`, in several portions where they are long.
pub async fn review(
    assistant: &Assistant,
    changes: Vec<Change>,
    sink: &mut (dyn FnMut(Update) + Send),
) -> Result<Answer, AssistantError> {
    let counter = ModelTokens(assistant.engine.tokenizer().clone());
    let mut portions = portions(changes, assistant.limits.evidence_tokens, &counter);
    let left_out = portions.split_off(portions.len().min(MOST_PORTIONS));
    let count = portions.len();
    let suspected = suspected(assistant, portions.iter().flatten(), sink).await?;
    if !suspected.text.is_empty() {
        sink(Update::Text { text: suspected.text.clone() });
    }
    let mut whole: Option<Answer> = None;
    for (at, changes) in portions.into_iter().enumerate() {
        if count > 1 {
            sink(Update::Status { text: format!("part {} of {count}", at + 1) });
        }
        if at > 0 {
            sink(Update::Text { text: "\n\n".to_owned() });
        }
        let next = answer(assistant, Question::Review { changes }, sink).await?;
        whole = Some(match whole {
            None => next,
            Some(before) => joined(before, next),
        });
    }
    let Some(mut whole) = whole else { return Err(AssistantError::NothingToReview) };
    whole.text.insert_str(0, &suspected.text);
    whole.citations.splice(0..0, suspected.citations);
    whole.notes.extend(suspected.note);
    whole.tokens += suspected.tokens;
    whole.timings_ms.prefill += suspected.ms;
    whole.timings_ms.total += suspected.ms;
    let left_out: Vec<&str> = left_out.iter().flatten().map(|change| change.path.as_str()).collect();
    if !left_out.is_empty() {
        let text = format!("\n\nNot looked at, the change being too long: {}.", left_out.join(", "));
        sink(Update::Text { text: text.clone() });
        whole.text += &text;
    }
    Ok(whole)
}

/// Lines of a change that may be slips.
#[derive(Default)]
struct Suspected {
    /// They, for a person to read; empty where there are none.
    text: String,
    /// Their places.
    citations: Vec<Citation>,
    /// What was not looked at.
    note: Option<String>,
    tokens: TokenStats,
    /// What it took, in milliseconds.
    ms: f64,
}

/// The lines of `changes` that one small change makes much likelier in the eyes of the local model.
async fn suspected(
    assistant: &Assistant,
    changes: impl Iterator<Item = &Change>,
    sink: &mut (dyn FnMut(Update) + Send),
) -> Result<Suspected, AssistantError> {
    let engine = &assistant.engine;
    let mut suspected = Suspected::default();
    if !unlikely::can_look(engine) {
        suspected.note = Some("the lines were not read for slips: this model fills nothing in".to_owned());
        return Ok(suspected);
    }
    let started = Instant::now();
    let until = started + LINES_TIME;
    let (mut looked_at, mut passed_over) = (0, 0);
    for change in changes {
        let snapshot = assistant.sources.read(Path::new(&change.path)).ok();
        let text = snapshot.as_ref().map(|snapshot| snapshot.rope().to_string()).unwrap_or_default();
        let lines: Vec<&str> = text.split('\n').collect();
        for (number, added) in change.added_lines() {
            let at = number - 1;
            let is_there = lines.get(at).is_some_and(|line| line.trim_end() == added.trim_end());
            let is_wanted = is_there && added.len() <= unlikely::LONGEST_LINE;
            let has_room = looked_at < MOST_LINES && Instant::now() < until;
            let Some(snapshot) = snapshot.as_ref().filter(|_| is_wanted && has_room) else {
                passed_over += 1;
                continue;
            };
            let slips = slips(snapshot, (at, at));
            if slips.is_empty() {
                continue;
            }
            if looked_at == 0 {
                sink(Update::Status { text: "reading the lines that come for slips".to_owned() });
            }
            looked_at += 1;
            let look = unlikely::look_at(engine, &lines, 0..lines.len(), at, until, &mut suspected.tokens);
            let Some(one) = look.await?.filter(|one| one.surprise >= LEAST_SURPRISE) else { continue };
            let is_expected = |text: &str| text.split('\n').nth(at).is_some_and(|line| one.begins(line));
            if let Some(slip) = slips.iter().find(|slip| is_expected(&slip.text)) {
                suspected.text += &format!("- {}:{number}: {}: `{}`\n", change.path, slip.done, added.trim());
                let path = change.path.clone();
                suspected.citations.push(Citation { path, line: number, symbol: None, ok: true });
            }
        }
    }
    if !suspected.text.is_empty() {
        suspected
            .text
            .insert_str(0, "The model expected something else here; each may be a slip, and some are right:\n");
        suspected.text.push('\n');
    }
    suspected.note = (passed_over > 0).then(|| {
        format!(
            "{passed_over} of the lines that come were not read for slips: too many, too long, or not in the files as \
             the change has them"
        )
    });
    suspected.ms = started.elapsed().as_secs_f64() * 1e3;
    Ok(suspected)
}

/// `changes` in portions of at most `tokens`; one that is longer alone is cut.
fn portions(changes: Vec<Change>, tokens: usize, counter: &dyn TokenCounter) -> Vec<Vec<Change>> {
    let mut portions: Vec<Vec<Change>> = Vec::new();
    let mut left = 0;
    for change in changes {
        for piece in pieces(change, tokens, counter) {
            let cost = counter.count(&piece.text);
            match portions.last_mut() {
                Some(portion) if cost <= left => portion.push(piece),
                _ => {
                    left = tokens;
                    portions.push(vec![piece]);
                }
            }
            left = left.saturating_sub(cost);
        }
    }
    portions
}

/// A change in pieces of at most `tokens`, cut between lines.
fn pieces(change: Change, tokens: usize, counter: &dyn TokenCounter) -> Vec<Change> {
    if counter.count(&change.text) <= tokens {
        return vec![change];
    }
    let mut pieces: Vec<Change> = Vec::new();
    let mut left = 0;
    for line in change.text.lines() {
        let cost = counter.count(line) + 1;
        if cost > left || pieces.is_empty() {
            left = tokens;
            pieces.push(Change { text: String::new(), lines: (0, 0), ..change.clone() });
        }
        left = left.saturating_sub(cost);
        if let Some(piece) = pieces.last_mut() {
            let number = line.get(1..).and_then(|rest| rest.split_once(" | ")?.0.trim().parse::<usize>().ok());
            if let Some(number) = number {
                let first = if piece.lines.0 == 0 { number } else { piece.lines.0 };
                piece.lines = (first, number);
            }
            piece.text += line;
            piece.text.push('\n');
        }
    }
    pieces
}

fn joined(mut one: Answer, other: Answer) -> Answer {
    one.text += &format!("\n\n{}", other.text);
    one.citations.extend(other.citations);
    one.evidence.extend(other.evidence);
    one.files.extend(other.files);
    one.tokens += other.tokens;
    one.timings_ms.evidence += other.timings_ms.evidence;
    one.timings_ms.queue += other.timings_ms.queue;
    one.timings_ms.prefill += other.timings_ms.prefill;
    one.timings_ms.decode += other.timings_ms.decode;
    one.timings_ms.total += other.timings_ms.total;
    // No part is surer than the least sure one.
    let less_sure = one.confidence.zip(other.confidence).map(|(one, other)| one.min(other));
    (one.confidence, one.confidence_level) = (less_sure, less_sure.map(Level::of));
    Answer { id: other.id, route: other.route, model: other.model, stopped: other.stopped, ..one }
}

/// What a model wrote as a commit message: a subject in one line, an empty line, and the rest in lines that are not too long.
pub fn commit_message(written: &str) -> String {
    let is_noise = |line: &&str| {
        let line = line.trim().to_lowercase();
        line.is_empty() || line.starts_with("```") || line.starts_with("commit message") || line.starts_with("here is")
    };
    let mut lines = written.lines().skip_while(is_noise).take_while(|line| !line.trim_start().starts_with("```"));
    let subject = lines.next().unwrap_or_default().trim();
    let subject = subject.trim_start_matches("Subject:").trim().trim_matches(['"', '`', '*', '#', ' ']);
    let mut message = subject.trim_end_matches('.').to_owned();
    let mut paragraph: Vec<&str> = Vec::new();
    let mut finish = |paragraph: &mut Vec<&str>| {
        if !paragraph.is_empty() {
            message += &format!("\n\n{}", wrapped(&paragraph.join(" ")));
            paragraph.clear();
        }
    };
    for line in lines.map(str::trim) {
        let is_item = line.starts_with(['-', '*']);
        if line.is_empty() || is_item {
            finish(&mut paragraph);
        }
        if !line.is_empty() {
            paragraph.push(line);
        }
    }
    finish(&mut paragraph);
    message
}

fn wrapped(text: &str) -> String {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) if line.chars().count() + word.chars().count() < BODY_WIDTH => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use halfline_context::budget::RoughCounter;

    use super::*;

    const DIFF: &str = "diff --git a/src/a.rs b/src/a.rs\nindex 1..2 100644\n--- a/src/a.rs\n+++ b/src/a.rs\n@@ -3,3 +3,4 @@ fn f() {\n let a = 1;\n-let b = 2;\n+let b = 3;\n+--- c;\n }\n@@ -20 +21 @@\n-old\n+new\n\\ No newline at end of file\ndiff --git a/gone.py b/gone.py\ndeleted file mode 100644\n--- a/gone.py\n+++ /dev/null\n@@ -1 +0,0 @@\n-x = 1\ndiff --git a/p.png b/p.png\nBinary files a/p.png and b/p.png differ\n";

    #[test]
    fn a_diff_has_the_lines_of_the_new_file() {
        let changes = read_diff(DIFF);
        let told: Vec<String> = changes
            .iter()
            .map(|one| format!("{} {:?} +{} -{}\n{}", one.path, one.lines, one.added, one.removed, one.text))
            .collect();
        expect![[r#"
            src/a.rs (3, 21) +3 -2
                 3 | let a = 1;
            -      | let b = 2;
            +    4 | let b = 3;
            +    5 | --- c;
                 6 | }
            ...
            -      | old
            +   21 | new
            gone.py (1, 1) +0 -1
            -      | x = 1
        "#]]
        .assert_eq(&told.concat());
        for text in ["", "no diff", "@@ -1 +1 @@\n-a\n+b\n", "--- a\n+++ b\n@@ -x +y @@\n"] {
            assert_eq!(read_diff(text), [], "{text:?}");
        }
    }

    #[test]
    fn long_changes_come_in_portions_and_lose_nothing() {
        let long = |path: &str, lines: usize| Change {
            path: path.to_owned(),
            lines: (1, lines),
            text: (1..=lines).map(|n| format!("+{n:>5} | let value_{n} = {n};\n")).collect(),
            added: lines,
            removed: 0,
        };
        let changes = vec![long("a", 3), long("b", 100), long("c", 2), long("d", 2)];
        let all: String = changes.iter().map(|change| change.text.as_str()).collect();
        let portions = portions(changes, 200, &RoughCounter);
        let cost = |portion: &Vec<Change>| portion.iter().map(|one| RoughCounter.count(&one.text)).sum::<usize>();
        assert!(portions.len() > 3 && portions.iter().all(|portion| cost(portion) <= 200));
        assert_eq!(portions.iter().flatten().map(|one| one.text.as_str()).collect::<String>(), all);
        let of_b: Vec<(usize, usize)> =
            portions.iter().flatten().filter(|one| one.path == "b").map(|one| one.lines).collect();
        assert_eq!((of_b[0].0, of_b[of_b.len() - 1].1), (1, 100));
        assert!(of_b.windows(2).all(|pair| pair[1].0 == pair[0].1 + 1), "{of_b:?}");
    }

    #[test]
    fn a_message_is_a_subject_and_a_body() {
        for (written, expected) in [
            ("Fix it.", "Fix it"),
            ("```\nFix it\n\nIt was\nbroken.\n```\nHope it helps!", "Fix it\n\nIt was broken."),
            ("Commit message:\n\n\"Add a flag\"\n\n- one\n- two", "Add a flag\n\n- one\n\n- two"),
            ("", ""),
        ] {
            assert_eq!(commit_message(written), expected, "{written:?}");
        }
        let long = commit_message(&format!("Add\n\n{}", "word ".repeat(60)));
        assert!(long.lines().all(|line| line.chars().count() <= BODY_WIDTH), "{long}");
    }
}
