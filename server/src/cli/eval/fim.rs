//! `halfline eval fim`: how often the line that a person wrote is what is offered.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, anyhow};
use halfline_context::{Document, Snapshot, Workspace, syntax};
use serde::{Deserialize, Serialize};

use super::{Common, Invocation, mean, root};
use crate::cache_directory;
use crate::cli::{index, output, session};
use crate::completion::{Completer, ContextRow, Query, Trigger};
use crate::config::ModelChoice;

/// Score completions
#[derive(clap::Args)]
#[command(
    about = "Score completions: exact match, edit similarity, whether the syntax stays whole, latency",
    after_help = "A case is {\"id\", \"language\", \"path\", \"root\"?, \"prefix\", \"suffix\", \"reference\"}. With a root, path is relative to it, and definitions are looked up there. In the place of prefix, suffix and reference a case can have \"marked\": a line of its file with $0 at the cursor.\n\nExample: halfline eval fim cases.jsonl --limit 50 --rows rows.jsonl --json"
)]
pub(super) struct Args {
    #[command(flatten)]
    common: Common,
    /// Show the model nothing but the file
    #[arg(long)]
    no_context: bool,
    /// Model to ask: a name from `halfline models list`, or the path of a GGUF file
    #[arg(long, value_name = "M")]
    model: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Case {
    id: String,
    language: String,
    #[serde(default)]
    path: Option<PathBuf>,
    #[serde(default)]
    root: Option<PathBuf>,
    #[serde(default)]
    prefix: String,
    #[serde(default)]
    suffix: String,
    #[serde(default)]
    reference: String,
    /// In the place of these three: a line of the file, with `$0` at the cursor. The rest of the line is the reference.
    #[serde(default)]
    marked: Option<String>,
}

impl Case {
    /// The case with the text around its gap, read from its file where it gives a marked line instead.
    fn whole(mut self, dataset: &Path) -> anyhow::Result<Case> {
        let Some(marked) = self.marked.take() else { return Ok(self) };
        let wrong = |what: &str| anyhow!("the case {}: {what}", self.id);
        let (before, reference) = marked.split_once("$0").ok_or_else(|| wrong("`marked` has no $0"))?;
        let (Some(top), Some(path)) = (&self.root, &self.path) else {
            return Err(wrong("`marked` needs root and path"));
        };
        let path = root(dataset, top)?.join(path);
        let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let found: Vec<usize> = text.match_indices(&format!("{before}{reference}")).map(|(at, _)| at).collect();
        let [at] = found[..] else { return Err(wrong(&format!("its line stands in the file {} times", found.len()))) };
        let cursor = at + before.len();
        let (prefix, suffix) = (text[..cursor].to_owned(), text[cursor + reference.len()..].to_owned());
        Ok(Case { prefix, suffix, reference: reference.to_owned(), ..self })
    }
}

#[derive(Serialize)]
struct Row {
    id: String,
    language: String,
    exact_match: bool,
    /// 1 for the same text, 0 for nothing in common.
    edit_similarity: f64,
    syntax_valid: bool,
    reference: String,
    text: String,
    context: Vec<ContextRow>,
    prompt_tokens: usize,
    context_ms: f64,
    total_ms: f64,
}

#[derive(Serialize)]
struct Report {
    model: String,
    #[serde(flatten)]
    all: Scores,
    languages: BTreeMap<String, Scores>,
    context_ms: Spread,
    latency_ms: Spread,
}

#[derive(Serialize)]
struct Scores {
    cases: usize,
    exact_match: f64,
    edit_similarity: f64,
    syntax_valid: f64,
    /// Cases whose prompt showed something of another place.
    with_context: f64,
}

#[derive(Serialize)]
struct Spread {
    mean: f64,
    p50: f64,
    p95: f64,
}

pub(super) fn run(args: &Args, invocation: &Invocation) -> anyhow::Result<()> {
    let cases: Vec<Case> = args.common.cases()?;
    let whole = |case: Case| case.whole(&args.common.dataset);
    let cases = cases.into_iter().map(whole).collect::<anyhow::Result<Vec<Case>>>()?;
    let mut config = invocation.config(&std::env::current_dir()?)?;
    if let Some(model) = &args.model {
        config.engine.target = ModelChoice::from(model.clone());
    }
    let mut rows = args.common.rows()?;
    let engine = session::load(&config)?;
    let mut completers: BTreeMap<Option<PathBuf>, Completer> = BTreeMap::new();
    let mut done = Vec::new();
    for (number, case) in cases.iter().enumerate() {
        let root = case.root.as_deref().map(|path| root(&args.common.dataset, path)).transpose()?;
        let snapshot = snapshot(case, root.clone());
        let completer = completers.entry(root).or_insert_with_key(|root| {
            let workspace = root.as_deref().filter(|_| !args.no_context).map(|root| {
                let workspace = Workspace::open(root, &cache_directory());
                index::scan(&workspace);
                Arc::new(workspace)
            });
            Completer::new(&config, workspace)
        });
        let query = Query {
            trigger: Trigger::Invoked,
            use_context: !args.no_context,
            ..Query::new(snapshot.clone(), case.prefix.chars().count())
        };
        let started = Instant::now();
        let outcome = session::block_on(completer.complete(&engine, query, || ()))??;
        let total_ms = started.elapsed().as_secs_f64() * 1e3;
        let text = outcome.items.first().map(|item| item.text.clone()).unwrap_or_default();
        let row = Row {
            id: case.id.clone(),
            language: case.language.clone(),
            exact_match: same(&text, &case.reference),
            edit_similarity: strsim::normalized_levenshtein(text.trim(), case.reference.trim()),
            syntax_valid: is_valid(&snapshot, case, &text),
            reference: case.reference.clone(),
            text,
            context: outcome.context,
            prompt_tokens: outcome.tokens.prompt,
            context_ms: outcome.timings_ms.context,
            total_ms,
        };
        let mark = if row.exact_match { '=' } else { '-' };
        output::note(&format!("{}/{} {mark} {} {:.1} s", number + 1, cases.len(), row.id, row.total_ms / 1e3));
        rows.write(&row)?;
        done.push(row);
    }
    let report = report(engine.info().target.clone(), &done);
    if args.common.json {
        return output::json(&report);
    }
    Ok(output::line(&format!(
        "{}: {} cases, exact match {:.3}, edit similarity {:.3}, syntax whole {:.3}; {:.0} ms on average",
        report.model,
        report.all.cases,
        report.all.exact_match,
        report.all.edit_similarity,
        report.all.syntax_valid,
        report.latency_ms.mean
    ))?)
}

/// The file as it is before the completion.
fn snapshot(case: &Case, root: Option<PathBuf>) -> Snapshot {
    let path = case.path.as_ref().map(|path| root.unwrap_or_default().join(path));
    Document::new(path, &case.language, 0, &format!("{}{}", case.prefix, case.suffix)).snapshot()
}

/// Whether two texts are the same but for space at their ends.
fn same(text: &str, reference: &str) -> bool {
    text.trim_end() == reference.trim_end()
}

/// Whether the completed file has no more errors than the file with the reference in it.
fn is_valid(snapshot: &Snapshot, case: &Case, text: &str) -> bool {
    let at = case.prefix.chars().count();
    let errors = |text: &str| {
        let whole = snapshot.with_edit(at..at, text);
        syntax::error_count(&whole, 0..whole.rope().len_bytes())
    };
    !text.is_empty() && errors(text) <= errors(&case.reference)
}

fn report(model: String, rows: &[Row]) -> Report {
    let mut by_language: BTreeMap<String, Vec<&Row>> = BTreeMap::new();
    for row in rows {
        by_language.entry(row.language.clone()).or_default().push(row);
    }
    Report {
        model,
        all: scores(&rows.iter().collect::<Vec<_>>()),
        languages: by_language.into_iter().map(|(language, rows)| (language, scores(&rows))).collect(),
        context_ms: spread(rows.iter().map(|row| row.context_ms).collect()),
        latency_ms: spread(rows.iter().map(|row| row.total_ms).collect()),
    }
}

fn scores(rows: &[&Row]) -> Scores {
    let share = |is: fn(&Row) -> bool| mean(rows.iter().map(|row| f64::from(u8::from(is(row)))));
    Scores {
        cases: rows.len(),
        exact_match: share(|row| row.exact_match),
        edit_similarity: mean(rows.iter().map(|row| row.edit_similarity)),
        syntax_valid: share(|row| row.syntax_valid),
        with_context: share(|row| !row.context.is_empty()),
    }
}

fn spread(mut values: Vec<f64>) -> Spread {
    values.sort_by(f64::total_cmp);
    let at = |share: f64| {
        let index = (values.len() as f64 * share).ceil() as usize;
        values.get(index.saturating_sub(1)).copied().unwrap_or_default()
    };
    Spread { mean: mean(values.iter().copied()), p50: at(0.5), p95: at(0.95) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marked_line_is_found_in_its_file() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("p")).unwrap();
        std::fs::write(dir.path().join("p/a.rs"), "fn f() {\n    g(1);\n    h(2);\n    h(2);\n}\n").unwrap();
        let whole = |marked: &str| {
            let case =
                serde_json::json!({"id": "a", "language": "rust", "root": "p", "path": "a.rs", "marked": marked});
            serde_json::from_value::<Case>(case).unwrap().whole(&dir.path().join("cases.jsonl"))
        };
        let case = whole("g($01);").unwrap();
        assert_eq!(case.prefix, "fn f() {\n    g(");
        assert_eq!((case.reference.as_str(), case.suffix.as_str()), ("1);", "\n    h(2);\n    h(2);\n}\n"));
        assert_eq!(whole("$0h(2);").unwrap_err().to_string(), "the case a: its line stands in the file 2 times");
        assert_eq!(whole("g(1);").unwrap_err().to_string(), "the case a: `marked` has no $0");
    }

    #[test]
    fn a_completion_is_judged_by_its_text_and_by_what_it_makes_of_the_file() {
        let case: Case = serde_json::from_str(
            r#"{"id": "a", "language": "rust", "prefix": "fn f() {\n    let x = ", "suffix": "\n}\n", "reference": "g(1);\n"}"#,
        )
        .unwrap();
        let snapshot = snapshot(&case, None);
        assert!(same("g(1);", &case.reference) && !same("g(1)", &case.reference));
        assert!(is_valid(&snapshot, &case, "h(2);") && !is_valid(&snapshot, &case, "h(2;"));
        assert!(!is_valid(&snapshot, &case, ""));
        let spread = spread((1..=100).map(f64::from).collect());
        assert_eq!((spread.mean, spread.p50, spread.p95), (50.5, 50.0, 95.0));
    }
}
