//! The worker: order, preemption, cancellation, deadlines and failures.

use std::sync::atomic::AtomicUsize;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::request::{Event, Finish, Generation, Priority, Request, Sampling, StopReason};
use crate::toy::{self, Toy};
use crate::{Engine, EngineError};

/// Enough for all slots of these tests.
const ROOMY: usize = 1 << 20;

/// A toy whose forwards are written down and stop at a gate: the first token of the cache, or of the input where the
/// cache is empty, says whose forward it is.
struct Gate {
    arrived: Receiver<Vec<u32>>,
    open: Sender<()>,
}

impl Gate {
    fn toy(toy: Toy) -> (Toy, Gate) {
        let (arriving, arrived) = channel();
        let (open, opened) = channel();
        let toy = toy.with_hook(move |tokens, _| {
            // Once the test has let go of its end, the gate stands open.
            if arriving.send(tokens.to_vec()).is_ok() {
                let _ = opened.recv();
            }
            Ok(())
        });
        (toy, Gate { arrived, open })
    }

    /// Waits for the next forward to start, and returns its tokens.
    fn wait(&self) -> Vec<u32> {
        self.arrived.recv_timeout(Duration::from_secs(30)).expect("a forward should have started")
    }

    /// Lets the forward that waits run.
    fn pass(&self) {
        self.open.send(()).unwrap();
    }
}

fn alone(prompt: &[u32], max_tokens: usize, priority: Priority) -> Request {
    Request { speculate: false, ..toy::request(prompt, max_tokens, priority) }
}

/// The last event, after checking that it is the last and that the texts before it are the whole text.
fn last(mut generation: Generation) -> Result<Finish, EngineError> {
    let mut streamed = String::new();
    let mut end = None;
    while let Some(event) = generation.next_blocking() {
        assert!(end.is_none(), "{event:?} after the end");
        match event {
            Event::Text(text) => {
                assert!(!text.is_empty());
                streamed.push_str(&text);
            }
            Event::Done(finish) => {
                assert_eq!(finish.text, streamed);
                end = Some(Ok(finish));
            }
            Event::Failed(error) => end = Some(Err(error)),
        }
    }
    end.expect("a stream must end with Done or Failed")
}

fn endless(order: usize) -> Toy {
    Toy { end_weight: -100.0, ..Toy::new(60, order) }
}

#[test]
fn a_completion_preempts_a_chat_between_tokens_and_the_chat_goes_on() {
    let toy = endless(500);
    let (chat, completion) = (alone(&[1; 10], 20, Priority::Chat), alone(&[2; 10], 5, Priority::Completion));
    let expected = [toy.naive_answer(&chat), toy.naive_answer(&completion)].map(|tokens| toy::text(&tokens));
    let forwards = Arc::clone(&toy.forwards);
    let (toy, gate) = Gate::toy(toy);
    let engine = toy::engine(toy, None, ROOMY);

    let chat = engine.generate(chat);
    for _ in 0..4 {
        gate.wait();
        gate.pass();
    }
    gate.wait();
    let completion = engine.generate(completion);
    gate.pass();
    assert_eq!(gate.wait(), [2; 10], "the completion's prompt comes right after the token under way");
    drop(gate.open);
    let order = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for (name, generation, expected) in [("chat", chat, &expected[0]), ("completion", completion, &expected[1])] {
            let order = &order;
            scope.spawn(move || {
                let finish = last(generation).unwrap();
                order.lock().unwrap().push((finish.timings, name));
                assert_eq!(&finish.text, expected, "{name}");
                assert_eq!(finish.reason, StopReason::Length);
            });
        }
    });
    // One forward for each prompt and one for each token but the first: nothing was computed twice.
    assert_eq!(forwards.load(std::sync::atomic::Ordering::SeqCst), 20 + 5);
}

#[test]
fn requests_of_equal_priority_run_in_the_order_of_arrival() {
    let (toy, gate) = Gate::toy(endless(500));
    let engine = toy::engine(toy, None, ROOMY);
    let generations: Vec<_> = (1..=3).map(|name| engine.generate(alone(&[name; 5], 3, Priority::Chat))).collect();
    let mut prompts = Vec::new();
    for _ in 0..9 {
        let tokens = gate.wait();
        if tokens.len() == 5 {
            prompts.push(tokens[0]);
        }
        gate.pass();
    }
    assert_eq!(prompts, [1, 2, 3]);
    assert!(generations.into_iter().all(|generation| last(generation).is_ok()));
}

#[test]
fn a_long_prompt_is_preempted_between_chunks() {
    let (toy, gate) = Gate::toy(endless(500));
    let engine = toy::engine(toy, None, ROOMY);
    let idle = engine.generate(alone(&[1; 400], 0, Priority::Idle));
    let first = gate.wait();
    assert!(first.len() < 200, "{}", first.len());
    let completion = engine.generate(alone(&[2; 5], 1, Priority::Completion));
    gate.pass();
    assert_eq!(gate.wait(), [2; 5]);
    drop(gate);
    assert_eq!(last(completion).unwrap().tokens.generated, 1);
    let idle = last(idle).unwrap();
    assert_eq!((idle.tokens.generated, idle.text.as_str(), idle.confidence), (0, "", 1.0));
    let again = last(engine.generate(alone(&[1; 400], 1, Priority::Completion))).unwrap();
    assert_eq!(again.tokens.reused, 399);
}

#[test]
fn cancelling_takes_effect_within_one_forward() {
    for prompt in [5, 400] {
        let (toy, gate) = Gate::toy(endless(500));
        let forwards = Arc::clone(&toy.forwards);
        let engine = toy::engine(toy, None, ROOMY);
        let cancelled = engine.generate(alone(&vec![1; prompt], 50, Priority::Chat));
        gate.wait();
        gate.pass();
        gate.wait();
        cancelled.cancel();
        drop(gate);
        let finish = last(cancelled).unwrap();
        assert_eq!(finish.reason, StopReason::Cancelled);
        assert_eq!(forwards.load(std::sync::atomic::Ordering::SeqCst), 2);
        // The next request is served, and finds what was computed.
        let next = last(engine.generate(alone(&vec![1; prompt], 1, Priority::Chat))).unwrap();
        assert!(next.tokens.reused >= 4, "{:?}", next.tokens);
    }
}

#[test]
fn dropping_a_generation_cancels_it_running_or_waiting() {
    let (toy, gate) = Gate::toy(endless(500));
    let forwards = Arc::clone(&toy.forwards);
    let engine = toy::engine(toy, None, ROOMY);
    let running = engine.generate(alone(&[1; 5], 50, Priority::Chat));
    let waiting = engine.generate(alone(&[2; 5], 50, Priority::Chat));
    let next = engine.generate(alone(&[3; 5], 1, Priority::Chat));
    gate.wait();
    drop((running, waiting));
    drop(gate);
    assert_eq!(last(next).unwrap().tokens.generated, 1);
    assert_eq!(forwards.load(std::sync::atomic::Ordering::SeqCst), 2);
}

#[test]
fn a_deadline_ends_a_request_with_what_there_is() {
    let (toy, gate) = Gate::toy(endless(500));
    let engine = toy::engine(toy, None, ROOMY);
    let mut past = alone(&[1; 5], 50, Priority::Chat);
    past.deadline = Some(Instant::now());
    let finish = last(engine.generate(past.clone())).unwrap();
    assert_eq!((finish.reason, finish.tokens.generated), (StopReason::Deadline, 0));

    let deadline = Instant::now() + Duration::from_millis(50);
    let running = engine.generate(Request { deadline: Some(deadline), ..past.clone() });
    let waiting = engine.generate(Request { deadline: Some(deadline), ..past });
    for _ in 0..3 {
        gate.wait();
        gate.pass();
    }
    gate.wait();
    while Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(1));
    }
    drop(gate);
    let finish = last(running).unwrap();
    assert_eq!(finish.reason, StopReason::Deadline);
    assert_eq!((finish.tokens.generated, finish.text.len()), (4, 4));
    assert_eq!(last(waiting).unwrap().reason, StopReason::Deadline);
}

#[test]
fn a_panic_or_an_error_fails_one_request_and_no_other() {
    const BAD: u32 = 55;
    const WORSE: u32 = 56;
    let toy = Toy::new(60, 500).with_hook(|tokens, _| {
        assert!(!tokens.contains(&WORSE), "a bug in a kernel");
        if tokens.contains(&BAD) { Err(EngineError::Compute("no memory".into())) } else { Ok(()) }
    });
    let good = alone(&[1; 10], 5, Priority::Chat);
    let expected = toy::text(&toy.naive_answer(&good));
    assert!(!expected.contains([char::from(BAD as u8), char::from(WORSE as u8)]));
    let engine = toy::engine(toy, None, ROOMY);
    for _ in 0..3 {
        let error = last(engine.generate(alone(&[1, 1, WORSE], 5, Priority::Chat))).unwrap_err();
        assert!(matches!(&error, EngineError::Compute(text) if text.contains("a bug in a kernel")), "{error}");
        let error = last(engine.generate(alone(&[1, 1, BAD], 5, Priority::Chat))).unwrap_err();
        assert!(matches!(&error, EngineError::Compute(text) if text == "no memory"), "{error}");
        assert_eq!(last(engine.generate(good.clone())).unwrap().text, expected);
    }
}

#[test]
fn what_cannot_run_is_refused_at_once() {
    let engine = toy::engine(Toy::new(60, 2), None, ROOMY);
    let with = |change: &dyn Fn(&mut Request)| {
        let mut request = toy::request(&[1, 2, 3], 5, Priority::Chat);
        change(&mut request);
        last(engine.generate(request)).unwrap_err().to_string()
    };
    let sampling = |sampling: Sampling| with(&move |request| request.sampling = sampling.clone());
    expect_test::expect![[r#"
        the request cannot run: the prompt is empty
        the request cannot run: token 1 of the prompt is 60, and the vocabulary ends before 60
        the prompt has 513 tokens, and the context holds 512; shorten the prompt or raise `engine.context_tokens`
        the request cannot run: 3 tokens of 3 cannot be scored; one must stand before them, and nothing be generated after
        the request cannot run: 1 tokens of 3 cannot be scored; one must stand before them, and nothing be generated after
        the request cannot run: the temperature is -1; it must be 0 or more
        the request cannot run: the temperature is NaN; it must be 0 or more
        the request cannot run: top_p is 0; it must be above 0 and at most 1
        the request cannot run: the repetition penalty is 0; it must be above 0
    "#]]
    .assert_eq(
        &[
            with(&|request| request.prompt.clear()),
            with(&|request| request.prompt = vec![1, 60]),
            with(&|request| request.prompt = vec![1; 513]),
            with(&|request| (request.scored, request.max_tokens) = (3, 0)),
            with(&|request| request.scored = 1),
            sampling(Sampling { temperature: -1.0, ..Sampling::default() }),
            sampling(Sampling { temperature: f32::NAN, ..Sampling::default() }),
            sampling(Sampling { top_p: 0.0, ..Sampling::default() }),
            sampling(Sampling { repetition_penalty: 0.0, ..Sampling::default() }),
        ]
        .map(|line| line + "\n")
        .concat(),
    );
}

#[test]
fn a_full_context_ends_an_answer() {
    let engine = toy::engine(endless(500), None, ROOMY);
    for (prompt, generated) in [(500, 12), (511, 1), (512, 0)] {
        let finish = last(engine.generate(toy::request(&vec![1; prompt], 50, Priority::Chat))).unwrap();
        assert_eq!((finish.reason, finish.tokens.generated), (StopReason::Length, generated), "{prompt}");
    }
}

#[test]
fn stop_strings_and_tokens_end_an_answer_before_them() {
    let toy = endless(500);
    let request = toy::request(&[7; 10], 30, Priority::Chat);
    let whole = toy::text(&toy.naive_answer(&request));
    let engine = toy::engine(toy, None, ROOMY);
    let stop = whole[9..11].to_owned();
    let end = whole.find(&stop).unwrap();
    let by_string = Request { stop_strings: vec!["no such text".into(), stop.clone()], ..request.clone() };
    let finish = last(engine.generate(by_string)).unwrap();
    assert_eq!((finish.text.as_str(), finish.reason), (&whole[..end], StopReason::StopString(stop.clone())));
    let first = whole.find(&stop[..1]).unwrap();
    let by_token = Request { stop_tokens: vec![u32::from(stop.as_bytes()[0])], ..request.clone() };
    let finish = last(engine.generate(by_token)).unwrap();
    assert_eq!((finish.text.as_str(), finish.reason), (&whole[..first], StopReason::EndOfText));
    assert_eq!(finish.tokens.generated, first);
    let held = Request { stop_strings: vec![format!("{}!", &whole[29..])], ..request };
    assert_eq!(last(engine.generate(held)).unwrap().text, whole, "what was held back is shown at the end");
}

#[test]
fn confidence_is_the_geometric_mean_of_the_probabilities() {
    let toy = endless(500);
    let request = toy::request(&[3, 4, 5], 8, Priority::Chat);
    let mut tokens = request.prompt.clone();
    let mut log_probability = 0.0;
    for token in toy.naive_answer(&request) {
        let row = toy.logits(&tokens);
        let sum: f64 = row.iter().map(|&logit| f64::from(logit).exp()).sum();
        log_probability += (f64::from(row[token as usize]).exp() / sum).ln();
        tokens.push(token);
    }
    let engine = toy::engine(toy, None, ROOMY);
    let confidence = f64::from(last(engine.generate(request)).unwrap().confidence);
    assert!((confidence - (log_probability / 8.0).exp()).abs() < 1e-5, "{confidence}");
}

#[test]
fn dropping_the_engine_ends_its_requests_and_its_thread() {
    let (toy, gate) = Gate::toy(endless(500));
    let forwards = Arc::clone(&toy.forwards);
    let engine = toy::engine(toy, None, ROOMY);
    let running = engine.generate(alone(&[1; 5], 500, Priority::Chat));
    let waiting = engine.generate(alone(&[2; 5], 500, Priority::Chat));
    gate.wait();
    gate.pass();
    gate.wait();
    let dropping = std::thread::spawn(move || drop(engine));
    // The engine's end is announced before it is waited for; the gate opens only then, or any time later.
    std::thread::sleep(Duration::from_millis(20));
    drop(gate);
    dropping.join().unwrap();
    assert_eq!(last(running).unwrap().reason, StopReason::Cancelled);
    assert_eq!(last(waiting).unwrap().reason, StopReason::Cancelled);
    assert_eq!(Arc::strong_count(&forwards), 1, "the model is gone with its thread");
}

#[test]
fn reuse_says_what_a_fresh_prefill_says() {
    let mut random = StdRng::seed_from_u64(6);
    let (mut reused, mut prompts, mut deepest) = (0, 0, 0);
    for round in 0..12 {
        // Order 500: every token of the prompt matters, so a cache that is off by anything is found out.
        let toy = Toy { end_weight: -2.0, ..Toy::new(50, 500) };
        let naive = Toy { end_weight: -2.0, ..Toy::new(50, 500) };
        let draft = (round % 3 > 0).then(|| toy.draft(0.8));
        // Tight enough that slots are evicted in half of the rounds.
        let cache_bytes = if round % 2 == 0 { 12_000 } else { 60_000 };
        let engine = toy::engine(toy, draft, cache_bytes);
        let mut documents: Vec<Vec<u32>> =
            (0..4).map(|_| (0..150).map(|_| random.random_range(1..50)).collect()).collect();
        for _ in 0..60 {
            let which = random.random_range(0..documents.len());
            let other = documents[random.random_range(0..documents.len())].clone();
            let document = &mut documents[which];
            match random.random_range(0..6) {
                0 => document.truncate(random.random_range(1..=document.len())),
                1 => {
                    let at = random.random_range(0..document.len());
                    document[at] = random.random_range(1..50);
                }
                2 => *document = other,
                _ => document.extend((0..random.random_range(1..9)).map(|_| random.random_range(1..50))),
            }
            document.truncate(400);
            let most = random.random_range(0..20);
            let priority = [Priority::Idle, Priority::Chat, Priority::Completion][random.random_range(0..3)];
            let mut request = toy::request(document, most, priority);
            request.slot = random.random_bool(0.7).then_some(which as u64);
            request.speculate = random.random_bool(0.8);
            let expected = naive.naive_answer(&request);
            let generation = engine.generate(request);
            if random.random_bool(0.1) {
                drop(generation);
                continue;
            }
            let finish = last(generation).unwrap();
            assert_eq!(finish.text, toy::text(&expected));
            assert!(engine.status().cache_bytes <= cache_bytes, "{:?}", engine.status());
            reused += finish.tokens.reused;
            prompts += finish.tokens.prompt;
            deepest = deepest.max(engine.status().slots);
            // As an editor does that accepts: the answer becomes part of the document.
            if random.random_bool(0.5) {
                document.extend(expected);
                document.truncate(400);
            }
        }
    }
    assert!(reused * 2 > prompts, "{reused} of {prompts}");
    assert!(deepest > 3, "{deepest}");
}

#[test]
fn an_accepted_answer_is_an_append() {
    let toy = endless(500);
    let naive = endless(500);
    let engine = toy::engine(toy, None, ROOMY);
    let mut document = vec![9; 50];
    for round in 0..5 {
        let request = Request { slot: Some(1), ..toy::request(&document, 10, Priority::Completion) };
        let answer = naive.naive_answer(&request);
        let finish = last(engine.generate(request)).unwrap();
        // The last token of the answer was chosen but never run.
        assert_eq!(finish.tokens.reused, if round == 0 { 0 } else { document.len() - 2 });
        document.extend(answer);
        document.push(5);
    }
}

#[test]
fn filling_the_cache_leaves_what_lies_beyond() {
    let engine = toy::engine(endless(500), None, ROOMY);
    let keyed = |prompt: usize, most| Request { slot: Some(1), ..alone(&vec![4; prompt], most, Priority::Idle) };
    last(engine.generate(keyed(100, 0))).unwrap();
    let nothing_to_do = last(engine.generate(keyed(60, 0))).unwrap();
    assert_eq!(nothing_to_do.tokens.reused, 60);
    assert_eq!(last(engine.generate(keyed(100, 1))).unwrap().tokens.reused, 99);
}

#[test]
fn a_draft_that_comes_late_is_used() {
    let target = endless(2);
    let draft = target.draft(1.0);
    let drafted = Arc::clone(&draft.forwards);
    // Time that the policy sees: the target takes much longer than the draft.
    let target = target.with_hook(|_, _| {
        std::thread::sleep(Duration::from_millis(1));
        Ok(())
    });
    let models = super::Models { target, draft: None };
    let info = toy::engine(endless(2), None, ROOMY).info().clone();
    let (engine, sender) = Engine::start(models, toy::tokenizer(), info, ROOMY).unwrap();
    let request = toy::request(&[1, 2, 3], 100, Priority::Chat);
    let before = last(engine.generate(request.clone())).unwrap();
    assert!(!engine.status().draft_ready);
    sender.send(super::Message::Draft(draft)).unwrap();
    let after = last(engine.generate(Request { prompt: vec![3, 2, 1], ..request.clone() })).unwrap();
    assert!(engine.status().draft_ready);
    assert_eq!(before.speculation.from_draft, 0);
    assert!(after.tokens.generated == 100 && drafted.load(std::sync::atomic::Ordering::SeqCst) > 0);
    assert_eq!(last(engine.generate(request)).unwrap().text, before.text);
}

/// Requests from several threads at once, some cancelled, some dropped: each stream has one end, and what is not cut
/// short is right.
#[test]
fn a_crowd_is_served() {
    let toy = Toy { end_weight: -2.0, ..Toy::new(50, 500) };
    let draft = toy.draft(0.7);
    let engine = toy::engine(toy, Some(draft), 20_000);
    let complete = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (engine, complete) = (engine.clone(), &complete);
            scope.spawn(move || {
                let mut random = StdRng::seed_from_u64(thread);
                let naive = Toy { end_weight: -2.0, ..Toy::new(50, 500) };
                for _ in 0..60 {
                    let len = random.random_range(1..150);
                    let prompt: Vec<u32> = (0..len).map(|_| random.random_range(1..50)).collect();
                    let priority = [Priority::Idle, Priority::Chat, Priority::Completion][random.random_range(0..3)];
                    let mut request = toy::request(&prompt, random.random_range(0..40), priority);
                    request.slot = random.random_bool(0.5).then(|| random.random_range(0..3));
                    let expected = toy::text(&naive.naive_answer(&request));
                    let generation = engine.generate(request);
                    match random.random_range(0..5) {
                        0 => drop(generation),
                        1 => {
                            generation.cancel();
                            let finish = last(generation).unwrap();
                            assert!(expected.starts_with(&finish.text));
                        }
                        _ => {
                            assert_eq!(last(generation).unwrap().text, expected);
                            complete.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                        }
                    }
                }
            });
        }
    });
    assert!(complete.into_inner() > 100);
    assert_eq!(engine.status().waiting, 0);
}

#[test]
fn an_editing_session_is_answered_as_if_nothing_were_moved() {
    let mut random = StdRng::seed_from_u64(21);
    for session in 0..12 {
        let target = Toy { end_weight: -1.0, ..Toy::new(60, [2, 4, 500][session % 3]) };
        let draft = (session % 2 == 0).then(|| target.draft(0.9));
        let expected: Box<dyn Fn(&Request) -> String> = {
            let same = Toy { end_weight: -1.0, ..Toy::new(60, [2, 4, 500][session % 3]) };
            Box::new(move |request| toy::text(&same.naive_answer(request)))
        };
        let engine = toy::engine(target, draft, ROOMY);
        let mut tokens = |count: usize| -> Vec<u32> { (0..count).map(|_| random.random_range(1..60)).collect() };
        let (mut head, tail) = (tokens(60), tokens(30));
        let mut reused = 0;
        for step in 0..25 {
            head.extend(tokens(3));
            let prompt = [&head[..], &[50], &tail, &[51]].concat();
            let mut request = toy::request(&prompt, 12, Priority::Completion);
            request.slot = Some(7);
            request.movable = Some(head.len() + 1..prompt.len() - 1);
            let generation = engine.generate(request.clone());
            if step % 4 == 1 {
                generation.cancel();
            }
            let finish = last(generation).unwrap();
            if finish.reason != StopReason::Cancelled {
                assert_eq!(finish.text, expected(&request), "session {session}, step {step}");
                reused += finish.tokens.reused;
            }
        }
        assert!(reused > 19 * 80, "session {session}: {reused}");
    }
}
