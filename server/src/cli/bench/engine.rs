//! `halfline bench engine`: prefill, decode, loading, memory and speculation on this machine, beside what it can give at
//! most.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, ensure};
use halfline_inference::device;
use halfline_inference::kernels;
use halfline_inference::models::{Manifest, Store};
use halfline_inference::{Engine, EngineInfo, EngineOptions, Finish, Priority, Request};
use serde::Serialize;
use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System};

use super::{median, workloads};
use crate::cli::{Invocation, output};
use crate::config::EngineConfig;
use crate::engine_host::choose_models;

/// Prompts that prefill is measured with, in tokens.
const PREFILLS: [usize; 2] = [64, 512];
/// Tokens generated to measure decoding.
const DECODED: usize = 64;
/// Tokens of the prompt before the first token of a fresh engine.
const FIRST_PROMPT: usize = 400;
/// Tokens of one answer with and without speculation.
const SPECULATED: usize = 128;
/// How long the draft may take to load.
const DRAFT_PATIENCE: Duration = Duration::from_secs(60);

/// Measure the engine
#[derive(clap::Args)]
#[command(
    about = "Measure prefill, decoding, loading, memory and speculation, beside the limits of this machine",
    after_help = "Figures are medians, and the limits are measured in turns with what they are compared with. Let nothing else run meanwhile.\n\nExample: halfline bench engine --json"
)]
pub(super) struct Args {
    /// Model to measure alone: a name from `halfline models list`, or a GGUF file [default: target and draft in use]
    #[arg(long = "model", value_name = "M")]
    models: Vec<String>,
    /// Threads of the kernels [default: the setting engine.threads]
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    /// How often each figure is measured
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=100))]
    rounds: u16,
    /// Leave the pair with speculation out
    #[arg(long, conflicts_with = "only_speculation")]
    no_speculation: bool,
    /// Measure nothing but the pair with speculation
    #[arg(long, conflicts_with = "models")]
    only_speculation: bool,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    machine: Machine,
    models: Vec<ModelReport>,
    speculation: Vec<Speculation>,
}

#[derive(Serialize)]
struct Machine {
    /// Physical cores.
    cores: Option<usize>,
    /// Threads that the kernels were given.
    threads: usize,
    isa: &'static str,
    /// Gigabytes (10⁹) read from memory in a second.
    read_gb_s: f64,
    /// 10⁹ operations on 8-bit integers in a second, multiplications and additions counted apart.
    int8_gops: f64,
}

#[derive(Serialize)]
struct ModelReport {
    name: String,
    prefill: Vec<Prefill>,
    decode_tok_s: f64,
    /// Opening, checking and packing, the file in the page cache.
    load_ms: f64,
    /// The same and the first token after a prompt of 400.
    first_token_ms: f64,
    /// Resident memory of the process after all of this.
    rss_mib: u64,
    file_mib: u64,
    /// Of the bandwidth, by decoding.
    fraction_of_bandwidth: f64,
    /// Of the integer operations, by the longest prefill.
    fraction_of_int8_peak: f64,
}

#[derive(Serialize)]
struct Prefill {
    tokens: usize,
    tok_s: f64,
}

#[derive(Serialize)]
struct Speculation {
    target: String,
    draft: Option<String>,
    workload: &'static str,
    tok_s: f64,
    plain_tok_s: f64,
    /// Accepted of proposed.
    acceptance: f64,
    tokens_per_target_forward: f64,
    tokens: usize,
}

pub(super) fn run(args: &Args, invocation: &Invocation) -> anyhow::Result<()> {
    let mut config = invocation.config(&std::env::current_dir()?)?.engine;
    if let Some(threads) = args.threads {
        config.threads = threads;
    }
    let (alone, pair) = files(args, &config)?;
    let rounds = usize::from(args.rounds);

    output::note("measuring the limits of this machine");
    let threads = Engine::threads(config.threads);
    let mut limits = MachineLimits { threads, read: Vec::new(), int8: vec![kernels::int8_limit(threads)] };
    limits.read_now()?;
    let mut models = Vec::new();
    for path in &alone {
        output::note(&format!("measuring {}", path.display()));
        models.push(alone_report(path, &config, rounds, &mut limits)?);
    }
    let mut speculation = Vec::new();
    if let Some((target, draft)) = pair {
        output::note("measuring speculation");
        speculation = speculation_reports(&target, draft, &config, rounds)?;
    }
    let machine = Machine {
        cores: System::physical_core_count().ok(),
        threads,
        isa: kernels::isa(),
        read_gb_s: rounded(median(limits.read) / 1e9),
        int8_gops: rounded(median(limits.int8) / 1e9),
    };
    let report = Report { machine, models, speculation };
    if args.json { output::json(&report) } else { print(&report) }
}

/// What the machine gave at most each time that it was measured. The fractions of these are of what was measured just
/// before and after the run that they belong to: a machine that is shared gives now more, now less.
struct MachineLimits {
    threads: usize,
    read: Vec<f64>,
    int8: Vec<f64>,
}

impl MachineLimits {
    /// Measures the bandwidth; the mean of this and the last time.
    fn read_now(&mut self) -> anyhow::Result<f64> {
        let read = kernels::read_limit(self.threads).context("no memory to measure the bandwidth with")?;
        let last = self.read.last().copied().unwrap_or(read);
        self.read.push(read);
        Ok((last + read) / 2.0)
    }

    /// The same for operations on integers.
    fn int8_now(&mut self) -> f64 {
        let int8 = kernels::int8_limit(self.threads);
        let last = self.int8.last().copied().unwrap_or(int8);
        self.int8.push(int8);
        (last + int8) / 2.0
    }
}

type Pair = (PathBuf, Option<PathBuf>);

/// The files to measure alone, and the pair, if that is wanted.
fn files(args: &Args, config: &EngineConfig) -> anyhow::Result<(Vec<PathBuf>, Option<Pair>)> {
    if !args.models.is_empty() {
        let (store, manifest) = (Store::open()?, Manifest::load()?);
        let files = args.models.iter().map(|name| Ok(store.resolve(&manifest, name)?));
        return Ok((files.collect::<anyhow::Result<_>>()?, None));
    }
    let (_, choice) = choose_models(config).map_err(|message| anyhow!(message))?;
    let alone = match args.only_speculation {
        true => Vec::new(),
        false => choice.draft.iter().chain([&choice.target]).cloned().collect(),
    };
    Ok((alone, (!args.no_speculation).then_some((choice.target, choice.draft))))
}

fn load(target: &Path, draft: Option<PathBuf>, config: &EngineConfig) -> anyhow::Result<Engine> {
    let options = EngineOptions {
        target: target.to_owned(),
        draft,
        place: device::find(config.device)?,
        threads: config.threads,
        cache_bytes: config.cache_mib << 20,
        context_tokens: config.context_tokens,
    };
    Ok(Engine::load(&options, |_| ())?)
}

fn alone_report(
    path: &Path,
    config: &EngineConfig,
    rounds: usize,
    limits: &mut MachineLimits,
) -> anyhow::Result<ModelReport> {
    let mut loads = Vec::new();
    let mut firsts = Vec::new();
    for round in 0..rounds {
        let start = Instant::now();
        let engine = load(path, None, config)?;
        loads.push(start.elapsed().as_secs_f64() * 1e3);
        generate(&engine, workloads::code(engine.tokenizer(), FIRST_PROMPT, round), 1, false)?;
        firsts.push(start.elapsed().as_secs_f64() * 1e3);
    }
    let engine = load(path, None, config)?;
    // The memory of the cache and what the processor learns of a program come with its first use.
    generate(&engine, workloads::code(engine.tokenizer(), PREFILLS[1], rounds), 8, false)?;
    let EngineInfo { target, cost, .. } = engine.info().clone();
    let mut prefills = PREFILLS.map(|_| Vec::new());
    let (mut decodes, mut of_bandwidth, mut of_int8) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..rounds {
        limits.int8_now();
        for (i, (tokens, speeds)) in PREFILLS.into_iter().zip(&mut prefills).enumerate() {
            let prompt = workloads::code(engine.tokenizer(), tokens, rounds + 1 + round * 3 + i);
            let finish = generate(&engine, prompt, 1, false)?;
            let run = finish.tokens.prompt - finish.tokens.reused;
            speeds.push(run as f64 / finish.timings.prefill.as_secs_f64());
        }
        let longest = prefills[1].last().copied().unwrap_or_default();
        of_int8.push(longest * cost.operations as f64 / limits.int8_now());
        let prompt = workloads::code(engine.tokenizer(), PREFILLS[0], rounds + 3 + round * 3);
        limits.read_now()?;
        let decode = decode_speed(&generate(&engine, prompt, DECODED, false)?)?;
        of_bandwidth.push(decode * cost.bytes as f64 / limits.read_now()?);
        decodes.push(decode);
    }
    let [short, long] = prefills.map(median);
    Ok(ModelReport {
        name: target,
        prefill: vec![
            Prefill { tokens: PREFILLS[0], tok_s: rounded(short) },
            Prefill { tokens: PREFILLS[1], tok_s: rounded(long) },
        ],
        decode_tok_s: rounded(median(decodes)),
        load_ms: rounded(median(loads)),
        first_token_ms: rounded(median(firsts)),
        rss_mib: resident()? >> 20,
        file_mib: std::fs::metadata(path)?.len() >> 20,
        fraction_of_bandwidth: fraction(median(of_bandwidth)),
        fraction_of_int8_peak: fraction(median(of_int8)),
    })
}

fn speculation_reports(
    target: &Path,
    draft: Option<PathBuf>,
    config: &EngineConfig,
    rounds: usize,
) -> anyhow::Result<Vec<Speculation>> {
    let mut reports: Vec<(&str, Finish, Vec<f64>, Vec<f64>)> = Vec::new();
    let mut info = None;
    for round in 0..rounds {
        // An engine that has given an answer before finds it again: each round begins with one that has given none.
        let engine = load_pair(target, draft.clone(), config)?;
        // What proposing costs and brings here is learnt from use.
        generate(&engine, workloads::code(engine.tokenizer(), PREFILLS[0], round), DECODED, true)?;
        let prompts = workloads::generations(engine.tokenizer());
        let with = prompts.iter().map(|(_, prompt)| generate(&engine, prompt.clone(), SPECULATED, true));
        let with = with.collect::<anyhow::Result<Vec<Finish>>>()?;
        for (index, ((workload, prompt), with)) in prompts.into_iter().zip(with).enumerate() {
            let without = generate(&engine, prompt, SPECULATED, false)?;
            ensure!(with.text == without.text, "speculation changed an answer ({workload}); please report this");
            let speeds = (decode_speed(&with)?, decode_speed(&without)?);
            if round == 0 {
                reports.push((workload, with, Vec::new(), Vec::new()));
            }
            let (_, _, speculated, plain) = &mut reports[index];
            speculated.push(speeds.0);
            plain.push(speeds.1);
        }
        info = Some(engine.info().clone());
    }
    let info = info.context("nothing was measured")?;
    let report = |(workload, finish, speculated, plain): (_, Finish, _, _)| Speculation {
        target: info.target.clone(),
        draft: info.draft.clone(),
        workload,
        tok_s: rounded(median(speculated)),
        plain_tok_s: rounded(median(plain)),
        acceptance: fraction(finish.speculation.accepted as f64 / finish.speculation.proposed.max(1) as f64),
        tokens_per_target_forward: fraction(
            (finish.tokens.generated as f64 - 1.0) / finish.speculation.target_forwards.max(1) as f64,
        ),
        tokens: finish.tokens.generated,
    };
    Ok(reports.into_iter().map(report).collect())
}

/// An engine whose draft is there too, if it has one.
fn load_pair(target: &Path, draft: Option<PathBuf>, config: &EngineConfig) -> anyhow::Result<Engine> {
    let has_draft = draft.is_some();
    let engine = load(target, draft, config)?;
    let start = Instant::now();
    while has_draft && !engine.status().draft_ready {
        ensure!(
            start.elapsed() < DRAFT_PATIENCE,
            "the draft model did not load; run with HALFLINE_LOG=warn to see why"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(engine)
}

fn generate(engine: &Engine, prompt: Vec<u32>, max_tokens: usize, speculate: bool) -> anyhow::Result<Finish> {
    let mut request = Request::new(prompt, max_tokens, Priority::Completion);
    request.speculate = speculate;
    Ok(engine.generate(request).finish_blocking()?)
}

/// Tokens a second after the first one, which belongs to the prompt's time.
fn decode_speed(finish: &Finish) -> anyhow::Result<f64> {
    ensure!(finish.tokens.generated > 1, "the model said nothing that could be timed");
    Ok((finish.tokens.generated - 1) as f64 / finish.timings.decode.as_secs_f64())
}

/// Resident memory of this process, in bytes.
fn resident() -> anyhow::Result<u64> {
    let pid = Pid::from_u32(std::process::id());
    let mut system = System::new()?;
    let kind = ProcessRefreshKind::nothing().with_memory();
    system.refresh_processes_specifics(ProcessesToUpdate::Some(&[pid]), true, kind);
    Ok(system.process(pid).context("the system does not say how much memory this process has")?.memory())
}

fn print(report: &Report) -> anyhow::Result<()> {
    let Report { machine, models, speculation } = report;
    output::line(&format!(
        "{} threads, {}, {} GB/s of reading, {} Gop/s on 8-bit integers",
        machine.threads, machine.isa, machine.read_gb_s, machine.int8_gops
    ))?;
    for model in models {
        output::line(&format!("\n{}", model.name))?;
        for prefill in &model.prefill {
            output::line(&format!("  prefill of {:<4}   {:>8} tokens/s", prefill.tokens, prefill.tok_s))?;
        }
        output::line(&format!("  decode            {:>8} tokens/s", model.decode_tok_s))?;
        output::line(&format!("  load              {:>8} ms", model.load_ms))?;
        output::line(&format!("  first token       {:>8} ms, with loading", model.first_token_ms))?;
        output::line(&format!("  resident          {:>8} MiB, file {} MiB", model.rss_mib, model.file_mib))?;
        output::line(&format!(
            "  {} of the bandwidth while decoding, {} of the integer peak in prefill",
            model.fraction_of_bandwidth, model.fraction_of_int8_peak
        ))?;
    }
    for row in speculation {
        output::line(&format!(
            "\nspeculation, {}: {} tokens/s, without {}; {} of the proposals accepted, {} tokens a forward",
            row.workload, row.tok_s, row.plain_tok_s, row.acceptance, row.tokens_per_target_forward
        ))?;
    }
    Ok(())
}

/// To a tenth.
fn rounded(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

/// To a thousandth.
fn fraction(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}
