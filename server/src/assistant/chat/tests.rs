//! Conversations on disk.

use super::*;

fn store() -> (tempfile::TempDir, Store) {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::in_directory(directory.path().join("chats"));
    (directory, store)
}

fn turn(question: &str) -> Turn {
    Turn {
        question: question.to_owned(),
        user: format!("CODE {question}"),
        extras: Vec::new(),
        answer: "Because.".to_owned(),
        places: Vec::new(),
        files: Vec::new(),
        model: "m".to_owned(),
        route: "r".to_owned(),
        time_ms: now_ms(),
        standing: Standing::Whole,
    }
}

#[test]
fn what_was_said_is_there_again() {
    let (_directory, store) = store();
    assert_eq!(store.list().unwrap(), Listing::default());
    let chat = store.create().unwrap();
    let first = store.append(&chat, turn("Why?")).unwrap();
    assert_eq!(store.load(&chat.id).unwrap(), first);
    assert_eq!((first.title.as_str(), first.turns.len()), ("Why?", 1));

    // Someone else has gone on meanwhile; nothing is lost, and what was shortened stays so.
    let mut mine = first.clone();
    mine.turns[0].standing = Standing::Shortened;
    store.append(&first, turn("And then?")).unwrap();
    let both = store.append(&mine, turn("So what?")).unwrap();
    let questions: Vec<&str> = both.turns.iter().map(|turn| turn.question.as_str()).collect();
    assert_eq!(questions, ["Why?", "And then?", "So what?"]);
    assert_eq!(both.turns[0].standing, Standing::Shortened);

    let other = store.create().unwrap();
    assert_ne!(other.id, chat.id);
    assert_eq!(store.list().unwrap().chats.len(), 2);
    store.delete(&chat.id).unwrap();
    assert!(matches!(store.load(&chat.id), Err(ChatError::Unknown(_))));
    assert!(matches!(store.delete(&chat.id), Err(ChatError::Unknown(_))));
    assert_eq!(store.list().unwrap().chats.len(), 1);
}

#[test]
fn a_damaged_file_is_set_aside_and_reported() {
    let (directory, store) = store();
    let chat = store.append(&store.create().unwrap(), turn("Why?")).unwrap();
    let path = directory.path().join(format!("chats/{}.json", chat.id));
    let whole = std::fs::read(&path).unwrap();
    for damaged in [&whole[..whole.len() / 2], b"", b"\xff\x00", b"{\"version\":1}"] {
        std::fs::write(&path, damaged).unwrap();
        let error = store.load(&chat.id).unwrap_err();
        assert!(matches!(error, ChatError::Damaged(_)), "{error}");
        assert!(!path.exists() && path.with_extension("damaged").exists());
        let listing = store.list().unwrap();
        assert_eq!((listing.chats.len(), listing.damaged.len()), (0, 1));
        // The conversation goes on all the same.
        assert_eq!(store.append(&chat, turn("And?")).unwrap().turns.len(), 2);
    }
    std::fs::write(&path, b"{\"version\":7}").unwrap();
    assert!(matches!(store.load(&chat.id), Err(ChatError::Newer { version: 7, .. })));
    assert!(path.exists(), "what a newer version wrote is not touched");
}

#[test]
fn a_name_is_no_path() {
    let (directory, store) = store();
    std::fs::write(directory.path().join("outside.json"), "{}").unwrap();
    for id in ["../outside", "", ".", "a/b", "a\\b", "a.json"] {
        assert!(matches!(store.load(id), Err(ChatError::Unknown(_))), "{id}");
        assert!(matches!(store.delete(id), Err(ChatError::Unknown(_))), "{id}");
    }
    assert!(directory.path().join("outside.json").exists());
}

#[test]
fn secrets_are_not_written_down() {
    let (directory, store) = store();
    let mut said = turn("Is `password = \"hunter22-and-more\"` safe?");
    said.answer = "No: password = \"hunter22-and-more\" is not.".to_owned();
    let chat = store.append(&store.create().unwrap(), said).unwrap();
    let text = std::fs::read_to_string(directory.path().join(format!("chats/{}.json", chat.id))).unwrap();
    assert!(!text.contains("hunter22"), "{text}");
}

#[test]
fn titles_are_one_short_line() {
    assert_eq!(title_of("Why\n does  it fail?"), "Why does it fail?");
    let long = title_of(&"word ".repeat(40));
    assert!(long.chars().count() <= TITLE_CHARS && long.ends_with('…'), "{long}");
}
