//! The client alone: streams, whole answers, retries, keys.

use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use halfline_inference::remote::{
    Chat, Fill, Key, Message, Remote, RemoteAnswer, RemoteError, RemoteOptions, RemotePatience, Retries, Speaker,
};
use halfline_tests::{Act, Scripted};

fn remote(url: String, key: Key) -> Remote {
    let ms = Duration::from_millis;
    // A machine under load answers late; only a server that never does must run into these.
    let patience = RemotePatience { connect: ms(5000), answer: ms(20_000), stall: ms(500), whole: ms(60_000) };
    let retries = Retries { most: 2, first: ms(1) };
    Remote::new(RemoteOptions { url, model: "large".to_owned(), key, patience, retries }).unwrap()
}

fn chat() -> Chat {
    let message = |role, content: &str| Message::new(role, content);
    Chat {
        messages: vec![message(Speaker::System, "Be brief."), message(Speaker::User, "Why?")],
        max_tokens: 50,
        temperature: 0.0,
        tools: Vec::new(),
        may_call: false,
        patience: None,
    }
}

/// Asks once: what came, and what was shown on the way.
fn gap(prefix: &str, suffix: &str, stop: &[&str]) -> Fill {
    let (prefix, suffix) = (prefix.to_owned(), Some(suffix.to_owned()));
    Fill { prefix, suffix, max_tokens: 9, stop: pieces(stop), patience: None }
}

fn ask(remote: &Remote) -> (Result<RemoteAnswer, RemoteError>, String) {
    let mut shown = String::new();
    let answer = remote.chat(&chat(), &AtomicBool::new(false), &mut |piece| shown.push_str(piece));
    (answer, shown)
}

fn pieces(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

#[test]
fn an_answer_streams_and_the_request_says_what_was_asked() {
    let server = Scripted::start([Act::Stream(pieces(&["Be", "cause", " 😀."]))]);
    let remote = remote(server.url(), Key::Command(pieces(&["sh", "-c", "echo key-$((100 + 23))"])));
    let (answer, shown) = ask(&remote);
    let answer = answer.unwrap();
    assert_eq!((answer.text.as_str(), shown.as_str()), ("Because 😀.", "Because 😀."));
    assert_eq!((answer.finish.as_deref(), answer.usage.completion_tokens, answer.attempts), (Some("stop"), 7, 1));
    let received = &server.received()[0];
    assert_eq!(received.path, "/v1/chat/completions");
    assert_eq!(received.authorization.as_deref(), Some("Bearer key-123"));
    assert_eq!(received.body["model"], "large");
    assert_eq!(received.body["messages"][0]["role"], "system");
    assert_eq!(received.body["stream"], true);
    assert_eq!(received.body["stream_options"]["include_usage"], true);
    assert!(!format!("{remote:?}").contains("key-123"));
}

#[test]
fn a_gap_is_filled() {
    let server = Scripted::start([Act::Stream(pieces(&["a", " + b"]))]);
    let fill = gap("let c = ", ";", &["\n"]);
    let mut shown = String::new();
    let remote = remote(server.url(), Key::None);
    let answer = remote.fill(&fill, &AtomicBool::new(false), &mut |piece| shown.push_str(piece)).unwrap();
    assert_eq!((answer.text.as_str(), shown.as_str()), ("a + b", "a + b"));
    let received = &server.received()[0];
    assert_eq!(received.path, "/v1/completions");
    assert_eq!((&received.body["prompt"], &received.body["suffix"]), (&"let c = ".into(), &";".into()));
    assert_eq!(received.authorization, None);
}

#[test]
fn where_a_stream_does_not_come_a_whole_answer_does() {
    let refused = r#"{"error":{"message":"streaming is not supported"}}"#;
    for first in [
        Act::Status(400, refused.to_owned()),
        Act::Cut(Vec::new()),
        Act::Body("text/event-stream", "data: {\"choices\": nonsense}\n\n".to_owned()),
    ] {
        let server = Scripted::start([first.clone(), Act::Whole("Because.".to_owned())]);
        let (answer, shown) = ask(&remote(server.url(), Key::None));
        let answer = answer.unwrap_or_else(|error| panic!("{first:?}: {error}"));
        assert_eq!((answer.text.as_str(), shown.as_str(), answer.attempts), ("Because.", "Because.", 2));
        let streams: Vec<_> = server.received().iter().map(|received| received.body["stream"].clone()).collect();
        assert_eq!(streams, [true, false], "{first:?}");
        assert!(server.received()[1].body["stream_options"].is_null(), "only a stream has such options");
    }
    let server = Scripted::start([Act::Whole("Because.".to_owned())]);
    assert_eq!(ask(&remote(server.url(), Key::None)).0.unwrap().attempts, 1, "who does not stream need not");
}

#[test]
fn passing_failures_are_tried_again_and_others_are_not() {
    let busy = || Act::Status(429, r#"{"error":{"message":"slow down"}}"#.to_owned());
    let server = Scripted::start([busy(), Act::Status(500, String::new()), Act::Stream(pieces(&["ok"]))]);
    assert_eq!(ask(&remote(server.url(), Key::None)).0.unwrap().attempts, 3);

    let server = Scripted::start([busy()]);
    let error = ask(&remote(server.url(), Key::None)).0.unwrap_err();
    assert_eq!(error.to_string(), "it answered with HTTP status 429: slow down");
    assert_eq!(server.received().len(), 3);

    let echo = r#"{"error":{"message":"the key key-123 is unknown"}}"#;
    let server = Scripted::start([Act::Status(401, echo.to_owned())]);
    let error = ask(&remote(server.url(), Key::Command(pieces(&["echo", "key-123"])))).0.unwrap_err();
    assert_eq!(error.to_string(), "it answered with HTTP status 401: the key [key] is unknown");
    assert_eq!(server.received().len(), 1);

    // Wherever it points, nothing follows.
    let server = Scripted::start([Act::Status(307, String::new())]);
    let error = ask(&remote(server.url(), Key::None)).0.unwrap_err();
    assert!(matches!(error, RemoteError::Status { status: 307, .. }), "{error:?}");
}

#[test]
fn what_was_shown_is_not_shown_again() {
    let server = Scripted::start([Act::Cut(pieces(&["half an an"]))]);
    let (answer, shown) = ask(&remote(server.url(), Key::None));
    assert_eq!((answer, shown.as_str()), (Err(RemoteError::Cut(10)), "half an an"));
    assert_eq!(server.received().len(), 1);
    let server = Scripted::start([Act::Stall(pieces(&["half"]))]);
    assert_eq!(ask(&remote(server.url(), Key::None)), (Err(RemoteError::Silent), "half".to_owned()));
}

#[test]
fn who_is_silent_is_not_asked_again() {
    for act in [Act::Mute, Act::Stall(Vec::new())] {
        let server = Scripted::start([act.clone()]);
        let remote = remote(server.url(), Key::None);
        let chat = Chat { patience: Some(Duration::from_millis(200)), ..chat() };
        let began = Instant::now();
        let error = remote.chat(&chat, &AtomicBool::new(false), &mut |_| {}).unwrap_err();
        assert_eq!(error, RemoteError::Silent, "{act:?}");
        // The engine's own patience is twenty seconds.
        assert!(began.elapsed() < Duration::from_secs(10), "{act:?}: {:?}", began.elapsed());
        assert_eq!(server.received().len(), 1, "{act:?}");
    }
}

#[test]
fn an_answer_without_words_is_none() {
    let nothing = [
        Act::Stream(Vec::new()),
        Act::Stream(pieces(&[" ", "\n"])),
        Act::Whole(String::new()),
        Act::Body(
            "text/event-stream",
            "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"length\"}]}\n\n".to_owned(),
        ),
    ];
    for act in nothing {
        let server = Scripted::start([act.clone()]);
        let error = ask(&remote(server.url(), Key::None)).0.unwrap_err();
        assert_eq!(error, RemoteError::Nonsense("it is empty".to_owned()), "{act:?}");
    }
    // Nothing may be what a gap wants.
    let server = Scripted::start([Act::Stream(Vec::new())]);
    let filled = remote(server.url(), Key::None).fill(&gap("a", "b", &[]), &AtomicBool::new(false), &mut |_| {});
    assert_eq!(filled.map(|answer| answer.text), Ok(String::new()));
}

#[test]
fn nonsense_is_an_error() {
    for (kind, body) in [
        ("application/json", "{\"choices\": []}"),
        ("application/json", "<html>welcome</html>"),
        ("application/json", "{\"error\":{\"message\":\"out of memory\"}}"),
        ("text/event-stream", "data: \u{1}\u{2}\n\n"),
        ("text/html", ""),
    ] {
        let server = Scripted::start([Act::Body(kind, body.to_owned())]);
        let error = ask(&remote(server.url(), Key::None)).0.unwrap_err();
        assert!(matches!(error, RemoteError::Nonsense(_)), "{kind} {body}: {error:?}");
    }
}

#[test]
fn an_engine_that_is_down_is_left_alone() {
    let address = {
        let server = Scripted::start([Act::Echo]);
        server.url()
    };
    let remote = remote(address, Key::None);
    for _ in 0..3 {
        let error = ask(&remote).0.unwrap_err();
        assert!(matches!(error, RemoteError::Unreachable(_)), "{error:?}");
    }
    let error = ask(&remote).0.unwrap_err();
    assert!(matches!(error, RemoteError::Resting { failures: 3, .. }), "{error:?}");
}

#[test]
fn addresses_are_checked_before_anything_is_sent() {
    let refusal = |url: &str| {
        let (patience, retries) = (RemotePatience::default(), Retries::default());
        let options = RemoteOptions { url: url.to_owned(), model: String::new(), key: Key::None, patience, retries };
        Remote::new(options).unwrap_err().to_string()
    };
    for (url, expected) in [
        ("ftp://x/v1", "begins with neither"),
        ("http:///v1", "names no machine"),
        ("https://me:pass@x/v1", "a name or password"),
        ("http://a b/v1", "names no machine"),
    ] {
        assert!(refusal(url).contains(expected), "{url}: {}", refusal(url));
    }
}
