//! Commands that misbehave.

use super::*;

fn shell(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script]);
    command
}

fn run_it(command: Command, time: Duration) -> Output {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(run_until(command, time)).expect("a command that runs")
}

/// The processes whose command line contains `word`.
fn running(word: &str) -> usize {
    let processes = std::fs::read_dir("/proc").expect("a list of processes").flatten();
    let lines = processes.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
    lines.filter(|line| String::from_utf8_lossy(line).contains(word)).count()
}

#[test]
fn what_was_printed_before_the_time_was_over_is_kept() {
    let output = run_it(shell("echo before; sleep 60"), Duration::from_millis(500));
    assert_eq!((output.stdout.as_str(), output.ending), ("before\n", Ending::TimedOut));
}

#[test]
fn nobody_outlives_a_command() {
    // One child in the group, one in a session of its own, one of a shell that ends before both.
    for script in [
        "sleep 100.25 & exit 3",
        "setsid sleep 100.25 & sleep 0.2; exit 3",
        "(setsid sh -c 'setsid sleep 100.25 & exit' &) ; sleep 0.2; exit 3",
    ] {
        let output = run_it(shell(script), Duration::from_secs(20));
        assert_eq!(output.ending, Ending::Exited(Some(3)), "{script}");
        assert!(output.time < Duration::from_secs(15), "waited for a grandchild: {script}");
        assert_eq!(running("100.25"), 0, "{script}");
    }
}

#[test]
fn memory_is_bounded() {
    let script = "import sys\ntry:\n    x = bytearray(1 << 50)\nexcept MemoryError:\n    print('refused')";
    let mut python = Command::new("python3");
    python.args(["-c", script]);
    assert_eq!(run_it(python, Duration::from_secs(20)).stdout, "refused\n");
}

#[test]
fn a_program_that_is_not_there() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let error = runtime.block_on(run(Command::new("no-such-program"), Duration::from_secs(1))).unwrap_err();
    assert!(error.starts_with("cannot start no-such-program: "), "{error}");
}
