//! The one engine of a process: chooses its models, loads them in a thread of its own, and tells whoever asks how far
//! it is.
//!
//! What the models say is none of its business; nothing here knows LSP or prompts.

use std::path::Path;
use std::sync::Arc;

use halfline_inference::device::{self, DeviceChoice, Place};
use halfline_inference::models::fit::Memory;
use halfline_inference::models::{Choice, Manifest, Store, Wanted, choose, fit};
use halfline_inference::{Engine, EngineOptions, LoadEvent};
use tokio::sync::watch;

use crate::config::{Config, EngineConfig, ModelChoice};

/// How far the engine is.
#[derive(Clone)]
pub enum EngineState {
    /// Under way.
    Loading {
        /// What is being done, for a status line.
        message: String,
        /// How much of it is done, 0 to 100, where that is known.
        percent: Option<u8>,
    },
    /// Ready for requests.
    Ready(Engine),
    /// It will not come: what was wrong, and what to do.
    Failed(String),
}

/// The engine of this process, loaded or not yet.
pub struct EngineHost {
    state: watch::Receiver<EngineState>,
}

impl EngineHost {
    /// Begins to load what `config` asks for and returns at once.
    pub fn start(config: &Config) -> Arc<EngineHost> {
        let (sender, state) =
            watch::channel(EngineState::Loading { message: "choosing models".to_owned(), percent: None });
        let engine = config.engine.clone();
        let thread = std::thread::Builder::new().name("engine-load".to_owned()).spawn({
            let sender = sender.clone();
            move || load(&engine, &sender)
        });
        if let Err(error) = thread {
            sender.send_replace(EngineState::Failed(format!("cannot start a thread to load the models: {error}")));
        }
        Arc::new(EngineHost { state })
    }

    /// The state now and every change of it. After `Ready` or `Failed` nothing changes any more.
    pub fn subscribe(&self) -> watch::Receiver<EngineState> {
        self.state.clone()
    }

    /// The engine if it is ready now.
    pub fn ready(&self) -> Option<Engine> {
        match &*self.state.borrow() {
            EngineState::Ready(engine) => Some(engine.clone()),
            EngineState::Loading { .. } | EngineState::Failed(_) => None,
        }
    }

    /// Waits for the engine; an error says what was wrong and what to do.
    pub async fn engine(&self) -> Result<Engine, String> {
        let mut state = self.subscribe();
        loop {
            if let Some(outcome) = outcome(&state.borrow_and_update()) {
                return outcome;
            }
            if state.changed().await.is_err() {
                return Err(GONE.to_owned());
            }
        }
    }
}

/// The models that `config` asks for on this machine, before anything is loaded, and where they will run.
pub fn choose_models(config: &EngineConfig) -> Result<(Place, Choice), String> {
    let store = Store::open().map_err(|error| error.to_string())?;
    let manifest = Manifest::load().map_err(|error| error.to_string())?;
    let choose_for = |place: Place| {
        let (target, draft) = (wanted(&config.target), wanted(&config.draft));
        choose(&store, &manifest, &target, &draft, cache_bytes(config), &fit::memory(&place))
            .map(|choice| (place, choice))
            .map_err(|error| error.to_string())
    };
    let place = device::find(config.device).map_err(|error| error.to_string())?;
    let (place, choice) = choose_for(place)?;
    if config.device == DeviceChoice::Auto && matches!(place, Place::Card(_)) && !choice.fit.fits {
        tracing::warn!("the processor serves instead of the card: {}", choice.fit.sentence());
        return choose_for(Place::Cpu);
    }
    Ok((place, choice))
}

/// Memory of the place where models would run.
pub fn memory(config: &EngineConfig) -> Memory {
    // Who has no card where one is asked for is told so when models are loaded.
    fit::memory(&device::find(config.device).unwrap_or_default())
}

/// Loads on this thread. `progress` gets what is being done and how much of it is done, 0 to 100.
pub fn load_blocking(config: &EngineConfig, mut progress: impl FnMut(String, Option<u8>)) -> Result<Engine, String> {
    let (place, choice) = choose_models(config)?;
    for note in &choice.notes {
        tracing::warn!("{note}");
    }
    tracing::info!(target = %choice.target.display(), draft = ?choice.draft, "loading: {}", choice.fit.sentence());
    let options = EngineOptions {
        target: choice.target,
        draft: choice.draft.filter(|_| config.speculate),
        place,
        threads: config.threads,
        cache_bytes: config.cache_mib << 20,
        context_tokens: config.context_tokens,
    };
    Engine::load(&options, |event| match event {
        LoadEvent::Opening(path) => progress(format!("opening {}", stem(&path)), None),
        LoadEvent::Preparing(path, done, all) => {
            let percent = (done * 100).checked_div(all).and_then(|percent| u8::try_from(percent).ok());
            progress(format!("preparing {}", stem(&path)), percent);
        }
        LoadEvent::Ready => {}
    })
    .map_err(|error| error.to_string())
}

const GONE: &str = "loading the models ended without a result; see the log, and report this";

fn load(config: &EngineConfig, sender: &watch::Sender<EngineState>) {
    let loaded = load_blocking(config, |message, percent| {
        sender.send_replace(EngineState::Loading { message, percent });
    });
    sender.send_replace(match loaded {
        Ok(engine) => EngineState::Ready(engine),
        Err(message) => EngineState::Failed(message),
    });
}

fn outcome(state: &EngineState) -> Option<Result<Engine, String>> {
    match state {
        EngineState::Loading { .. } => None,
        EngineState::Ready(engine) => Some(Ok(engine.clone())),
        EngineState::Failed(message) => Some(Err(message.clone())),
    }
}

fn wanted(choice: &ModelChoice) -> Wanted {
    match choice {
        ModelChoice::Auto => Wanted::Auto,
        ModelChoice::None => Wanted::None,
        ModelChoice::Named(name) => Wanted::Named(name.clone()),
    }
}

fn cache_bytes(config: &EngineConfig) -> u64 {
    (config.cache_mib as u64) << 20
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_model_that_is_not_there_fails_in_clear_words() {
        let mut config = Config::default();
        config.engine.target = ModelChoice::Named("no/such.gguf".to_owned());
        let host = EngineHost::start(&config);
        let error = host.engine().await.err().unwrap();
        assert_eq!(error, "cannot open the model no/such.gguf: there is no such file");
        assert!(host.ready().is_none());
        assert!(matches!(&*host.subscribe().borrow(), EngineState::Failed(message) if *message == error));
    }
}
