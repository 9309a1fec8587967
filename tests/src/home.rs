//! A place for one run of the binary to live in, so that no test sees the settings or models of the person who runs it.

use std::path::{Path, PathBuf};
use std::process::Command;

use halfline_inference::testing::{TinySpec, write_tiny_model};

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
            .env("HALFLINE_CONFIG", self.config())
            .env("HALFLINE_MODELS", self.models());
        command
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
