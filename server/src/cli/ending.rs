//! Told to end by a signal, the program ends what it has started first: a check runs in a group of processes of its own, which
//! no terminal's Ctrl-C reaches.

/// Waits for the signals in a thread of its own.
pub(super) fn watch() {
    #[cfg(unix)]
    {
        let waiting = std::thread::Builder::new().name("halfline-signals".to_owned()).spawn(|| {
            let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
            if let Ok(signal) = runtime.block_on(told()) {
                crate::assistant::end_commands();
                // As a shell counts those that a signal has ended.
                std::process::exit(128 + signal);
            }
        });
        if let Err(error) = waiting {
            tracing::warn!("signals are not waited for: {error}");
        }
    }
}

#[cfg(unix)]
async fn told() -> std::io::Result<i32> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    Ok(tokio::select! {
        _ = interrupt.recv() => SignalKind::interrupt().as_raw_value(),
        _ = terminate.recv() => SignalKind::terminate().as_raw_value(),
    })
}
