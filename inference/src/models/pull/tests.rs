//! Pulls from a hub that behaves, and from hubs that do not.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use expect_test::{Expect, expect};

use super::*;
use crate::models::manifest::{Hub, Licence, Role};

/// What the server does with one connection. After the last, it does that again.
#[derive(Clone, Copy)]
enum Act {
    /// Serves the file, from where it is asked.
    Serve,
    /// The same, and hangs up after so many bytes of the body.
    Cut(usize),
    /// Ignores ranges.
    Whole,
    /// Serves other bytes of the right length.
    Wrong,
    /// Serves a file that is too short, and says so.
    Short,
    /// Answers with this status.
    Status(u16),
    /// Accepts, and says nothing.
    Silent,
    /// Sends the head and some bytes, and then nothing more.
    Stall,
}

struct Server {
    base: String,
    /// The `Range` of each request.
    asked: Arc<Mutex<Vec<String>>>,
}

fn content() -> Vec<u8> {
    (0..300_000u32).map(|index| (index.wrapping_mul(2_654_435_761) >> 13) as u8).collect()
}

fn serve(acts: &[Act]) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let asked = Arc::new(Mutex::new(Vec::new()));
    let mut acts: VecDeque<Act> = acts.iter().copied().collect();
    let log = Arc::clone(&asked);
    std::thread::spawn(move || {
        let mut silent = Vec::new();
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let act = if acts.len() > 1 { acts.pop_front().unwrap() } else { acts[0] };
            let mut range = String::from("-");
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            loop {
                let mut line = String::new();
                if reader.read_line(&mut line).unwrap_or(0) == 0 || line.trim().is_empty() {
                    break;
                }
                if let Some(value) = line.to_lowercase().strip_prefix("range:") {
                    range = value.trim().to_owned();
                }
            }
            log.lock().unwrap().push(range.clone());
            let file = content();
            let start: usize = match act {
                Act::Whole => 0,
                _ => range.strip_prefix("bytes=").and_then(|r| r.strip_suffix('-')).map_or(0, |r| r.parse().unwrap()),
            };
            let mut body = file[start..].to_vec();
            match act {
                Act::Wrong => body.iter_mut().for_each(|byte| *byte ^= 1),
                Act::Short => body.truncate(1000),
                _ => {}
            }
            let status = match act {
                Act::Status(status) => status,
                _ if start > 0 => 206,
                _ => 200,
            };
            let head = format!(
                "HTTP/1.1 {status} X\r\nContent-Length: {}\r\nContent-Range: bytes {start}-{}/{}\r\nConnection: close\r\n\r\n",
                body.len(),
                file.len() - 1,
                file.len()
            );
            match act {
                Act::Cut(bytes) => body.truncate(bytes),
                Act::Stall => body.truncate(5000),
                Act::Silent => {
                    silent.push(stream);
                    continue;
                }
                _ => {}
            }
            // The client may have hung up.
            let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body));
            if matches!(act, Act::Stall) {
                silent.push(stream);
            }
        }
    });
    Server { base, asked }
}

fn model() -> Model {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("x"), content()).unwrap();
    Model {
        name: "test".to_owned(),
        file: "Test.gguf".to_owned(),
        bytes: content().len() as u64,
        sha256: hash(&dir.path().join("x"), |_| {}).unwrap(),
        role: Role::Small,
        family: "llama".to_owned(),
        vocabulary: "test".to_owned(),
        template: "chatml".to_owned(),
        fill_in_the_middle: "none".to_owned(),
        licence: Licence { name: "MIT".to_owned(), url: "here".to_owned() },
        hub: Some(Hub { repo: "a/b".to_owned(), file: "Test.gguf".to_owned(), revision: "main".to_owned() }),
        packages: None,
        needs: Vec::new(),
    }
}

fn options(base: &str) -> PullOptions {
    let short = Duration::from_millis(400);
    PullOptions { hub: base.to_owned(), patience: Patience { connect: short, answer: short, stall: short } }
}

/// Pulls into a directory where `before` lies as the part, and prints outcome, requests and what lies there after.
fn check(before: Option<&[u8]>, acts: &[Act], expected: Expect) {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::at(dir.path());
    if let Some(before) = before {
        std::fs::write(store.part(&model()), before).unwrap();
    }
    let server = serve(acts);
    let mut passed_over = String::new();
    let outcome = pull(&store, &model(), &options(&server.base), &mut |event| {
        if let PullEvent::PassedOver { source, reason } = event {
            passed_over += &format!("passed over: {source}: {reason}\n");
        }
    });
    let mut shown = passed_over;
    match outcome {
        Ok(path) => {
            assert_eq!(std::fs::read(&path).unwrap(), content());
            assert_eq!(store.entry(&model()).state, crate::models::State::Verified);
            shown += "right\n";
        }
        Err(error) => {
            assert!(!store.path(&model()).exists(), "nothing wrong may get the name");
            shown += &format!("error: {error}\n");
        }
    }
    shown += &format!("asked: {}\n", server.asked.lock().unwrap().join(" "));
    let mut files: Vec<String> = std::fs::read_dir(dir.path())
        .unwrap()
        .flatten()
        .map(|entry| format!("{} {}", entry.file_name().to_string_lossy(), entry.metadata().unwrap().len()))
        .filter(|file| !file.starts_with('.'))
        .collect();
    files.sort();
    shown += &format!("left: {}\n", files.join(", "));
    expected.assert_eq(&shown.replace(&server.base, "HUB").replace(&dir.path().display().to_string(), "DIR"));
}

#[test]
fn whole_file() {
    check(
        None,
        &[Act::Serve],
        expect![[r#"
        right
        asked: -
        left: Test.gguf 300000
    "#]],
    );
}

#[test]
fn resumes_after_a_cut_by_itself_and_from_an_earlier_pull() {
    check(
        None,
        &[Act::Cut(100_000), Act::Cut(50_000), Act::Serve],
        expect![[r#"
        right
        asked: - bytes=100000- bytes=150000-
        left: Test.gguf 300000
    "#]],
    );
    check(
        Some(&content()[..123_456]),
        &[Act::Serve],
        expect![[r#"
        right
        asked: bytes=123456-
        left: Test.gguf 300000
    "#]],
    );
    check(
        Some(&content()),
        &[Act::Status(500)],
        expect![[r#"
        right
        asked: 
        left: Test.gguf 300000
    "#]],
    );
}

#[test]
fn a_server_without_ranges_starts_over() {
    check(
        Some(&content()[..123_456]),
        &[Act::Whole],
        expect![[r#"
        right
        asked: bytes=123456-
        left: Test.gguf 300000
    "#]],
    );
}

#[test]
fn a_damaged_part_is_thrown_away_once() {
    check(
        Some(&[7; 1000]),
        &[Act::Serve],
        expect![[r#"
        passed over: what an earlier pull left: its SHA-256 is wrong; starting again from the first byte
        right
        asked: bytes=1000- -
        left: Test.gguf 300000
    "#]],
    );
    check(
        Some(&[7; 400_000]),
        &[Act::Serve],
        expect![[r#"
        right
        asked: -
        left: Test.gguf 300000
    "#]],
    );
}

#[test]
fn wrong_bytes_never_get_the_name() {
    check(
        None,
        &[Act::Wrong],
        expect![[r#"
            passed over: HUB/a/b/resolve/main/Test.gguf: it brought a file whose SHA-256 is not 10e5ea249ba15cf9da0925b29f6caca069e088f63eec3521e5560c1a0394058a
            error: no source could bring `test`: HUB/a/b/resolve/main/Test.gguf: it brought a file whose SHA-256 is not 10e5ea249ba15cf9da0925b29f6caca069e088f63eec3521e5560c1a0394058a; run the command again later, it goes on where it stopped, or take in a file from elsewhere with `halfline models import FILE`
            asked: -
            left: 
        "#]],
    );
    check(
        None,
        &[Act::Short],
        expect![[r#"
            passed over: HUB/a/b/resolve/main/Test.gguf: its file has 1000 bytes, and 300000 are right
            error: no source could bring `test`: HUB/a/b/resolve/main/Test.gguf: its file has 1000 bytes, and 300000 are right; run the command again later, it goes on where it stopped, or take in a file from elsewhere with `halfline models import FILE`
            asked: -
            left: 
        "#]],
    );
}

#[test]
fn refusals_and_silence_are_passed_over() {
    check(
        None,
        &[Act::Status(404)],
        expect![[r#"
            passed over: HUB/a/b/resolve/main/Test.gguf: it answered with HTTP status 404
            error: no source could bring `test`: HUB/a/b/resolve/main/Test.gguf: it answered with HTTP status 404; run the command again later, it goes on where it stopped, or take in a file from elsewhere with `halfline models import FILE`
            asked: -
            left: 
        "#]],
    );
    check(
        None,
        &[Act::Silent],
        expect![[r#"
            passed over: HUB/a/b/resolve/main/Test.gguf: it did not answer in time
            error: no source could bring `test`: HUB/a/b/resolve/main/Test.gguf: it did not answer in time; run the command again later, it goes on where it stopped, or take in a file from elsewhere with `halfline models import FILE`
            asked: -
            left: 
        "#]],
    );
    check(
        None,
        &[Act::Stall],
        expect![[r#"
            passed over: HUB/a/b/resolve/main/Test.gguf: it did not answer in time after 20000 of 300000 bytes
            error: no source could bring `test`: HUB/a/b/resolve/main/Test.gguf: it did not answer in time after 20000 of 300000 bytes; run the command again later, it goes on where it stopped, or take in a file from elsewhere with `halfline models import FILE`
            asked: - bytes=5000- bytes=10000- bytes=15000-
            left: Test.gguf.part 20000
        "#]],
    );
}

#[test]
fn nobody_listens() {
    let dir = tempfile::tempdir().unwrap();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = pull(&Store::at(dir.path()), &model(), &options(&format!("http://{port}")), &mut |_| {}).unwrap_err();
    assert!(error.to_string().contains("the connection failed: Connection refused"), "{error}");
    let error =
        pull(&Store::at(dir.path()), &model(), &options("http://no-such-host.invalid"), &mut |_| {}).unwrap_err();
    assert!(error.to_string().contains("no source could bring `test`"), "{error}");
}

#[test]
fn two_pulls_at_once_bring_one_file() {
    let dir = tempfile::tempdir().unwrap();
    let server = serve(&[Act::Serve]);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| pull(&Store::at(dir.path()), &model(), &options(&server.base), &mut |_| {}).unwrap());
        }
    });
    assert_eq!(server.asked.lock().unwrap().len(), 1, "the others found it done");
}

#[test]
fn a_short_file_under_the_final_name_is_completed() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::at(dir.path());
    std::fs::write(store.path(&model()), &content()[..1000]).unwrap();
    let server = serve(&[Act::Serve]);
    let path = pull(&store, &model(), &options(&server.base), &mut |_| {}).unwrap();
    assert_eq!(std::fs::read(path).unwrap(), content());
    assert_eq!(*server.asked.lock().unwrap(), ["bytes=1000-"]);
}

#[test]
fn too_little_room_is_said_with_both_numbers() {
    let error = enough_room(Path::new("DIR"), 5 << 20, (3 << 20) + 1).unwrap_err();
    expect!["not enough room in DIR: the model needs 5 MiB more, and 3 MiB are free; free some space, or set HALFLINE_MODELS to a directory on another disk"].assert_eq(&error.to_string());
    assert!(enough_room(Path::new("DIR"), 5, 5).is_ok());
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_said_in_clear_words() {
    let file = OpenOptions::new().append(true).open("/dev/full").unwrap();
    let mut part = Part { file, path: PathBuf::from("/dev/full"), have: 0 };
    expect!["cannot write to /dev/full: the disk is full; free some space, or set HALFLINE_MODELS to a directory on another disk"].assert_eq(&part.append(b"x").unwrap_err().to_string());
}
