//! `halfline eval`: scores a data set. A set is JSON lines, one case each.

mod fim;
mod fix;
mod search;

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Subcommand;
use flate2::read::GzDecoder;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Invocation;

/// How a file compressed with gzip begins.
const GZIP: &[u8] = &[0x1f, 0x8b];

/// Score a data set
#[derive(clap::Args)]
#[command(
    about = "Score a data set: completions, fixes, or searches",
    after_help = "Example: halfline eval fim cases.jsonl --limit 50 --json"
)]
pub(super) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    Fim(fim::Args),
    Fix(fix::Args),
    Search(search::Args),
}

pub(super) fn run(args: Args, invocation: &Invocation) -> anyhow::Result<()> {
    match args.what {
        What::Fim(args) => fim::run(&args, invocation),
        What::Fix(args) => fix::run(args, invocation),
        What::Search(args) => search::run(&args, invocation),
    }
}

/// What every kind of evaluation takes.
#[derive(clap::Args)]
struct Common {
    /// The cases, JSON lines, perhaps compressed with gzip
    dataset: PathBuf,
    /// Only so many cases, spread evenly over the set
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// Write what each case came to, JSON lines
    #[arg(long, value_name = "FILE")]
    rows: Option<PathBuf>,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

impl Common {
    /// The cases of the set, `limit` of them.
    fn cases<T: DeserializeOwned>(&self) -> anyhow::Result<Vec<T>> {
        let path = &self.dataset;
        let file = File::open(path).with_context(|| format!("cannot open the data set {}", path.display()))?;
        let mut file = BufReader::new(file);
        let is_compressed = file.fill_buf()?.starts_with(GZIP);
        let source: Box<dyn Read> = if is_compressed { Box::new(GzDecoder::new(file)) } else { Box::new(file) };
        let mut cases = Vec::new();
        for (number, line) in BufReader::new(source).lines().enumerate() {
            let at = || format!("{}:{}: not a case", path.display(), number + 1);
            let line = line.with_context(at)?;
            if !line.trim().is_empty() {
                cases.push(serde_json::from_str(&line).with_context(at)?);
            }
        }
        anyhow::ensure!(!cases.is_empty(), "{}: there is no case in it", path.display());
        let all = cases.len();
        let limit = self.limit.unwrap_or(all).clamp(1, all);
        let mut index = 0;
        cases.retain(|_| {
            let keep = index * limit / all != (index + 1) * limit / all;
            index += 1;
            keep
        });
        Ok(cases)
    }

    /// Where rows go, if they are wanted.
    fn rows(&self) -> anyhow::Result<Rows> {
        let open =
            |path: &PathBuf| File::create(path).with_context(|| format!("cannot write the rows to {}", path.display()));
        Ok(Rows(self.rows.as_ref().map(open).transpose()?.map(BufWriter::new)))
    }
}

/// A file of JSON lines, or none.
struct Rows(Option<BufWriter<File>>);

impl Rows {
    fn write(&mut self, row: &impl Serialize) -> anyhow::Result<()> {
        if let Some(file) = &mut self.0 {
            serde_json::to_writer(&mut *file, row)?;
            file.write_all(b"\n")?;
            file.flush()?;
        }
        Ok(())
    }
}

/// A root as a case gives it: relative to the data set's directory, or absolute.
fn root(dataset: &Path, root: &Path) -> anyhow::Result<PathBuf> {
    let path = dataset.parent().unwrap_or(Path::new("")).join(root);
    path.canonicalize().with_context(|| format!("the root {} of a case cannot be read", path.display()))
}

/// The mean of `values`, 0 of none.
fn mean(values: impl IntoIterator<Item = f64>) -> f64 {
    let (mut sum, mut count) = (0.0, 0.0);
    for value in values {
        sum += value;
        count += 1.0;
    }
    if count > 0.0 { (sum / count * 1e4_f64).round() / 1e4 } else { 0.0 }
}
