//! A place for one run of the binary to live in, so that no test sees the settings or models of the person who runs it.

use std::path::{Path, PathBuf};
use std::process::Command;

use halfline_inference::models::store;
use halfline_inference::testing::{TinySpec, write_tiny_model};
use serde_json::json;

/// A directory with settings, models and a workspace. Removed when dropped.
#[derive(Debug)]
pub struct Home {
    directory: tempfile::TempDir,
}

impl Home {
    /// An empty one.
    pub fn new() -> Home {
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        let home = Home { directory };
        for path in [home.models(), home.workspace()] {
            std::fs::create_dir(path).expect("a directory can be made in a new one");
        }
        home
    }

    /// One with this model, which the settings choose.
    pub fn with_model(spec: &TinySpec) -> Home {
        let home = Home::new();
        let path = home.models().join("tiny.gguf");
        write_tiny_model(&path, spec).expect("a tiny model can be made");
        home.settings(&format!("[engine]\ntarget = {:?}\ndraft = \"none\"\nthreads = 1\n", path.display().to_string()));
        home
    }

    /// Where models are looked for.
    pub fn models(&self) -> PathBuf {
        self.directory.path().join("models")
    }

    /// The workspace's root.
    pub fn workspace(&self) -> PathBuf {
        self.directory.path().join("workspace")
    }

    /// Writes the user's settings.
    pub fn settings(&self, toml: &str) {
        std::fs::write(self.config(), toml).expect("the settings can be written");
    }

    /// Adds to the user's settings.
    pub fn add_settings(&self, toml: &str) {
        let settings = std::fs::read_to_string(self.config()).unwrap_or_default();
        self.settings(&(settings + toml));
    }

    /// Writes a file of the workspace and returns its path.
    pub fn write(&self, path: impl AsRef<Path>, text: &str) -> PathBuf {
        let path = self.workspace().join(path);
        std::fs::create_dir_all(path.parent().expect("a file lies in a directory")).expect("a directory can be made");
        std::fs::write(&path, text).expect("a file of the workspace can be written");
        path
    }

    /// Writes down that the user has allowed `command` in the workspace.
    pub fn allow(&self, command: &str) {
        let root = self.workspace().canonicalize().expect("the workspace is there");
        let directory = self.directory.path().join(".local/share/halfline");
        std::fs::create_dir_all(&directory).expect("a directory can be made");
        let allowed = json!({ root.display().to_string(): [command] }).to_string();
        std::fs::write(directory.join("allowed-commands.json"), allowed).expect("a file can be written");
    }

    /// Writes a model for the search by meaning that knows a few words, and a manifest with it, whose path this is.
    pub fn write_embedder(&self) -> PathBuf {
        let vocabulary = ["<unk>", "connect", "Client", "link", "socket", "main"];
        let numbers = [[0f32, 0.0], [1.0, 0.0], [0.8, 0.1], [1.0, 0.1], [0.9, 0.1], [0.0, 1.0]];
        let data: Vec<u8> = numbers.concat().iter().flat_map(|number| number.to_le_bytes()).collect();
        let header =
            json!({"embedding.weight": {"dtype": "F32", "shape": [6, 2], "data_offsets": [0, data.len()]}}).to_string();
        let weights = [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &data].concat();
        let ids: serde_json::Map<_, _> =
            vocabulary.into_iter().zip(0..).map(|(word, id)| (word.to_owned(), json!(id))).collect();
        let tokenizer =
            json!({"version": "1.0", "truncation": null, "padding": null, "added_tokens": [], "normalizer": null,
            "pre_tokenizer": {"type": "Whitespace"}, "post_processor": null, "decoder": null,
            "model": {"type": "WordLevel", "unk_token": "<unk>", "vocab": ids}})
            .to_string();
        let entry = |name: &str, file: &str, role: &str, content: &[u8]| {
            std::fs::write(self.models().join(file), content).expect("a model can be written");
            let sha256 = store::hash(&self.models().join(file), |_| {}).expect("what was written can be read");
            format!(
                "[[model]]\nname = \"{name}\"\nfile = \"{file}\"\nbytes = {}\nsha256 = \"{sha256}\"\nrole = \"{role}\"\nfamily = \"static\"\n\
                 vocabulary = \"v\"\ntemplate = \"none\"\nfill_in_the_middle = \"none\"\nlicence = {{ name = \"MIT\", url = \"here\" }}\n",
                content.len()
            )
        };
        let model = entry("words", "words.safetensors", "embed", &weights);
        let tokens = entry("words-tokenizer", "words.json", "tokenizer", tokenizer.as_bytes());
        let path = self.manifest();
        std::fs::write(&path, format!("hub = \"http://127.0.0.1:1\"\n{model}needs = [\"words-tokenizer\"]\n{tokens}"))
            .expect("a manifest can be written");
        path
    }

    /// A command that runs the binary in this place.
    pub fn command(&self) -> Command {
        let mut command = Command::new(crate::binary());
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("HALFLINE_")) {
            command.env_remove(name);
        }
        command
            .current_dir(self.workspace())
            .env("HOME", self.directory.path())
            .env_remove("XDG_STATE_HOME")
            .env_remove("XDG_DATA_HOME")
            .env("HALFLINE_CONFIG", self.config())
            .env("HALFLINE_MODELS", self.models());
        let manifest = self.manifest();
        if manifest.exists() {
            command.env("HALFLINE_MANIFEST", manifest);
        }
        command
    }

    fn manifest(&self) -> PathBuf {
        self.models().join("models.toml")
    }

    fn config(&self) -> PathBuf {
        self.directory.path().join("config.toml")
    }
}

impl Default for Home {
    fn default() -> Self {
        Home::new()
    }
}
