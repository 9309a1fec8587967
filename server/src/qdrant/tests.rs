//! What is said to a server, word for word, and what is made of what it says.

use expect_test::{Expect, expect};
use serde_json::json;

use super::*;

fn wire() -> Wire {
    Wire {
        collection: wire::collection("team", "word/model", 2),
        repository: "example.org/team/project".to_owned(),
        owner: "me".to_owned(),
        model: "word/model".to_owned(),
        dimension: 2,
    }
}

fn record<'a>(path: &'a str, symbol: Option<&'a str>) -> ChunkRecord<'a> {
    let id = ChunkId { file: 7, lines: (0, 9), content: u64::MAX };
    ChunkRecord { id, path, language: Some("rust"), symbol, text: "let text = 1;" }
}

fn check(errand: Errand<'_>, expected: Expect) {
    expected.assert_eq(&format!("{:?} {}\n{:#}", errand.method, errand.path, errand.body));
}

#[test]
fn a_point_says_where_a_chunk_is_and_not_what_it_says() {
    let chunk = record("src/net/http.rs", Some("connect"));
    let errand = wire().upsert(&[(chunk, &[0.1, -1.0])]);
    assert_eq!(errand.files, ["src/net/http.rs"]);
    assert!(!errand.body.to_string().contains("let text"));
    check(
        errand,
        expect![[r#"
        Put collections/team-word-model-2/points?wait=true
        {
          "points": [
            {
              "id": "89b8ff97-ce4b-84f7-a1f4-09b2d174e772",
              "payload": {
                "content": "ffffffffffffffff",
                "folders": [
                  "src",
                  "src/net"
                ],
                "language": "rust",
                "lines": [
                  1,
                  10
                ],
                "model": "word/model",
                "owner": "me",
                "path": "src/net/http.rs",
                "repository": "example.org/team/project",
                "symbol": "connect"
              },
              "vector": [
                0.1,
                -1.0
              ]
            }
          ]
        }"#]],
    );
}

#[test]
fn an_id_follows_from_whose_code_it_is_its_place_and_its_text() {
    let (wire, chunk) = (wire(), record("a.rs", None).id);
    let other = Wire { repository: "example.org/team/other".to_owned(), ..super::tests::wire() };
    let mut ids = vec![
        wire.point_id(&chunk),
        other.point_id(&chunk),
        wire.point_id(&ChunkId { file: 8, ..chunk }),
        wire.point_id(&ChunkId { lines: (0, 8), ..chunk }),
        wire.point_id(&ChunkId { content: 1, ..chunk }),
    ];
    expect!["89b8ff97-ce4b-84f7-a1f4-09b2d174e772"].assert_eq(&ids[0]);
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 5);
}

#[test]
fn searches_and_deletions_are_narrowed() {
    let asked = Asked { text: "q", vector: &[1.0, 0.0], limit: 5, language: Some("rust"), folder: Some("src/net") };
    check(
        wire().query(&asked),
        expect![[r#"
        Post collections/team-word-model-2/points/query
        {
          "filter": {
            "must": [
              {
                "key": "repository",
                "match": {
                  "value": "example.org/team/project"
                }
              },
              {
                "key": "language",
                "match": {
                  "value": "rust"
                }
              },
              {
                "key": "folders",
                "match": {
                  "value": "src/net"
                }
              }
            ]
          },
          "limit": 5,
          "query": [
            1.0,
            0.0
          ],
          "with_payload": [
            "content"
          ]
        }"#]],
    );
    check(
        wire().delete(&[record("a.rs", None).id]),
        expect![[r#"
        Post collections/team-word-model-2/points/delete?wait=true
        {
          "filter": {
            "must": [
              {
                "has_id": [
                  "89b8ff97-ce4b-84f7-a1f4-09b2d174e772"
                ]
              },
              {
                "key": "owner",
                "match": {
                  "value": "me"
                }
              }
            ],
            "must_not": [
              {
                "key": "shared",
                "match": {
                  "value": true
                }
              }
            ]
          }
        }"#]],
    );
    check(
        wire().count(),
        expect![[r#"
        Post collections/team-word-model-2/points/count
        {
          "exact": true,
          "filter": {
            "must": [
              {
                "key": "repository",
                "match": {
                  "value": "example.org/team/project"
                }
              }
            ]
          }
        }"#]],
    );
}

#[test]
fn an_answer_that_makes_no_sense_is_said_to() {
    let near = |answer| wire::read_nearest(&answer);
    let point = |content: &str| json!({"id": "x", "score": 1.5, "payload": {"content": content}});
    assert_eq!(near(json!({"result": {"points": [point("00ff")]}})).unwrap().get(&255), Some(&1.0));
    for answer in [
        json!([]),
        json!({"result": null}),
        json!({"result": {"points": {}}}),
        json!({"result": {"points": [point("no hash")]}}),
        json!({"result": {"points": [{"score": 1, "payload": null}]}}),
        json!({"result": {"points": [{"score": "high", "payload": {"content": "1"}}]}}),
    ] {
        assert!(near(answer.clone()).unwrap_err().contains("makes no sense"), "{answer}");
    }
    assert!(wire::read_count(&json!({"result": {"count": -1}})).is_err());
    assert!(wire::read_known(&json!({"result": [{"id": 7}]})).is_err());
    let known =
        wire::read_known(&json!({"result": [{"id": "a", "payload": {"owner": "you", "shared": true}}, {"id": "b"}]}));
    let owners: Vec<_> = known.unwrap().into_values().map(|known| (known.owner, known.is_shared)).collect();
    assert_eq!(owners, [("you".to_owned(), true), (String::new(), false)]);
}

#[test]
fn a_collection_of_another_model_is_not_used() {
    let there = |vectors: Value| wire().check(&json!({"result": {"config": {"params": {"vectors": vectors}}}}));
    assert_eq!(there(json!({"size": 2, "distance": "Cosine"})), Ok(()));
    for (vectors, expected) in [
        (json!({"size": 3, "distance": "Cosine"}), "has vectors of 3 numbers compared by Cosine"),
        (json!({"size": 2, "distance": "Dot"}), "has vectors of 2 numbers compared by Dot"),
        (json!({"named": {"size": 2}}), "has vectors of ? numbers compared by ?"),
    ] {
        let error = there(vectors).unwrap_err();
        assert!(error.contains(expected) && error.contains("`search.qdrant.collection`"), "{error}");
    }
}
