//! What is found and what is not, and that everything comes back.

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::*;

const ALL: &[Sort] = &[Sort::Secret, Sort::Personal, Sort::Marker];

/// Marks what is found: `{kind:content}`.
fn check(text: &str, expected: Expect) {
    let (mut marked, mut done) = (String::new(), 0);
    for Finding { kind, range, .. } in find(text, ALL) {
        marked += &format!("{}{{{kind}:{}}}", &text[done..range.start], &text[range.clone()]);
        done = range.end;
    }
    expected.assert_eq(&(marked + &text[done..]));
}

#[test]
fn secrets_of_known_forms() {
    // Put together here, so that no scanner of this repository takes them for real.
    let join = |parts: [&str; 2]| parts.concat();
    check(&join(["key AKIA", "IOSFODNN7EXAMPLE."]), expect!["key {aws_key:AKIAIOSFODNN7EXAMPLE}."]);
    check(
        &join(["ghp_", "abcdefghijklmnopqrstuvwxyz0123456789"]),
        expect!["{github_token:ghp_abcdefghijklmnopqrstuvwxyz0123456789}"],
    );
    check(&join(["sk_live_", "abcdefghijklmnop1234"]), expect!["{stripe_key:sk_live_abcdefghijklmnop1234}"]);
    check(
        "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\nfn",
        expect![[r#"
            {private_key:-----BEGIN RSA PRIVATE KEY-----
            MIIE
            -----END RSA PRIVATE KEY-----}
            fn"#]],
    );
    check(
        "-----BEGIN PRIVATE KEY-----\nMIIE cut off",
        expect![[r#"
        {private_key:-----BEGIN PRIVATE KEY-----
        MIIE cut off}"#]],
    );
    check("Authorization: Bearer a8f5f167f44f4964e6c9", expect!["Authorization: Bearer {bearer:a8f5f167f44f4964e6c9}"]);
    check("postgres://app:hunter22@db/x", expect!["postgres://app:{url_password:hunter22}@db/x"]);
    check(
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dBjftJeZ4CVP",
        expect!["{jwt:eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dBjftJeZ4CVP}"],
    );
}

#[test]
fn secrets_by_the_name_they_are_given() {
    check(r#"let password = "hunter22";"#, expect![[r#"let password = "{assigned:hunter22}";"#]]);
    check(r#"const API_KEY: &str = "q7w8e9r0";"#, expect![[r#"const API_KEY: &str = "{assigned:q7w8e9r0}";"#]]);
    check(r#"{"client_secret": "q7w8e9r0"}"#, expect![[r#"{"client_secret": "{assigned:q7w8e9r0}"}"#]]);
    check(
        "export DB_PASSWORD=hunter22\nPORT=80",
        expect![[r#"
        export DB_PASSWORD={assigned:hunter22}
        PORT=80"#]],
    );
    check(
        "x = 'dGhpcyBpcyBhIHZlcnkgc2VjcmV0IGtleTEyMzQ1'",
        expect!["x = '{random:dGhpcyBpcyBhIHZlcnkgc2VjcmV0IGtleTEyMzQ1}'"],
    );
}

#[test]
fn secrets_without_quotes_beside_the_name_of_one() {
    check(
        "db:\n  password: hunter22\n  port: 5432\n",
        expect![[r#"
            db:
              password: {assigned:hunter22}
              port: 5432
        "#]],
    );
    check(
        "[smtp]\r\nsmtp_passwd = s3cr3t99!   # of the relay\r\n",
        expect!["[smtp]\r\nsmtp_passwd = {assigned:s3cr3t99!}   # of the relay\r\n"],
    );
    check("api_key=9f86d081884c7d659a2feaa0c55ad015", expect!["api_key={assigned:9f86d081884c7d659a2feaa0c55ad015}"]);
    check("  12 | accessToken: q7w8e9r0", expect!["  12 | accessToken: {assigned:q7w8e9r0}"]);
    check("+    4 | export GITLAB_TOKEN=q7w8e9r0", expect!["+    4 | export GITLAB_TOKEN={assigned:q7w8e9r0}"]);
    check("# old-password: q7w8e9r0", expect!["# old-password: {assigned:q7w8e9r0}"]);
    check("login user=ada password=q7w8e9r0 ok", expect!["login user=ada password={assigned:q7w8e9r0} ok"]);
    check("GET /a?token=q7w8e9r0&x=1", expect!["GET /a?token={assigned:q7w8e9r0}&x=1"]);
    check("tool --db-password q7w8e9r0 run", expect!["tool --db-password {assigned:q7w8e9r0} run"]);
}

#[test]
fn code_beside_the_name_of_a_secret_is_none() {
    for text in [
        "    password: str",
        "    token: Optional[str] = None",
        "    secret: bytes32",
        "token = get_token()",
        "token = tokens[12]",
        "password = config.database1.password2",
        "password = self.value12.text34",
        "api_key = API_KEY_01",
        "token = old_token_22",
        "let token: u64 = 12;",
        "password: String,",
        "tokens: 128000",
        "max_tokens = 128k000",
        "tokenizer: qwen25coder",
        "token_count: 12ab34",
        "secret: sha256",
        "secretName: app-db-01",
        "secret: app-secret-01",
        "pwd: /home/ada12/work34",
        "token: https://id22.example.org/a11",
        "password = ${DB_PASSWORD_22}",
        "password: changeme22",
        "token: v1.22.333",
        "the password: at least 12 characters",
        "if token == other22token33 {",
        "connect(token=value12, other=1)",
        "cargo run --token-file a11b22c33",
    ] {
        assert_eq!(find(text, ALL), [], "{text}");
    }
}

#[test]
fn what_only_looks_like_one() {
    for text in [
        r#"password = "${DB_PASSWORD}""#,
        r#"token = os.environ["TOKEN"]"#,
        r#"api_key = "your-api-key-here""#,
        r#"let token = parser.next_token();"#,
        r#"error("the password is too short for this")"#,
        r#"sha256 = "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046""#,
        r#"mod = "halfline_inference_transformer_forward""#,
        "let x: u64 = 4111111111111112;",
        "2026-11-22 123-456",
        "fn a<T>(x: &[T; 16]) -> u8 { x[0] }",
        "v@1.2.3 and a @ b",
    ] {
        assert_eq!(find(text, ALL), [], "{text}");
    }
}

#[test]
fn personal_data_and_markers() {
    check("ask ada@example.org or +49 30 901820.", expect!["ask {email:ada@example.org} or {phone:+49 30 901820}."]);
    check("4111 1111 1111 1111, 078-05-1120", expect!["{card:4111 1111 1111 1111}, {social_security:078-05-1120}"]);
    check("DE89 3704 0044 0532 0130 00", expect!["{iban:DE89 3704 0044 0532 0130 00}"]);
    check(
        "a<|im_end|>\n<|im_start|>system",
        expect![[r#"
        a{marker:<|im_end|>}
        {marker:<|im_start|>}system"#]],
    );
}

#[test]
fn the_same_content_has_the_same_placeholder_and_no_other_text_has_it() {
    let text = "ada@example.org bob@example.org ada@example.org";
    let mut placeholders = Placeholders::new(text);
    let first = redact(text, &[Sort::Personal], &mut placeholders);
    let words: Vec<&str> = first.text.split(' ').collect();
    assert!(words[0] == words[2] && words[0] != words[1], "{words:?}");
    assert!(words[0].starts_with("__EMAIL_") && words[0].ends_with("__"), "{words:?}");
    assert_eq!(first.counts["email"], 3);

    let other = format!("{} ada@example.org", words[0]);
    let mut placeholders = Placeholders::new(&other);
    let second = redact(&other, &[Sort::Personal], &mut placeholders);
    assert_ne!(second.text, format!("{0} {0}", words[0]), "what stands in the text already keeps its meaning");
    assert_eq!(placeholders.restore(&second.text), other);
    let nested = "password = 'ada@example.org!'";
    assert_eq!(find(nested, &[Sort::Secret]).len(), 1, "no other sort hides a secret");
    assert_eq!(find(nested, ALL).len(), 1, "what overlaps is replaced whole");
    assert_eq!(redact(text, &[Sort::Secret], &mut placeholders).text, text, "only what is asked for");
}

#[test]
fn a_log_has_no_secrets() {
    let text = "let password = \"hunter22\"; // ada@example.org\nlet x = 1;";
    let logged = for_log(text).to_string();
    assert!(logged.contains("let password = \"__ASSIGNED_") && logged.ends_with("\nlet x = 1;"), "{logged}");
    assert!(!logged.contains("hunter22") && !logged.contains("ada@"), "{logged}");
}

proptest! {
    /// Whatever a text is made of and however an answer is cut: what was replaced is gone, and comes back whole.
    #[test]
    fn everything_comes_back(
        parts in prop::collection::vec(prop_oneof![
            "[ -~äß€😀\n]{0,20}",
            "[a-z]{1,8}@[a-z]{2,8}\\.(org|de)",
            Just("AKIA2345ABCD6789WXYZ".to_owned()),
            "password = \"[b-df-w]{3}[0-9]{4}\"",
            Just("__EMAIL_00000000__".to_owned()),
            Just("__".to_owned()),
            Just("<|im_end|>".to_owned()),
        ], 0..12),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..10),
    ) {
        let text = parts.join(" ");
        let mut placeholders = Placeholders::new(&text);
        let redacted = redact(&text, ALL, &mut placeholders).text;
        prop_assert_eq!(placeholders.restore(&redacted), text.clone());
        for finding in find(&text, ALL) {
            prop_assert!(!redacted.contains(&text[finding.range.clone()]), "{:?} is still in {}", finding, redacted);
        }
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(redacted.len() + 1)).collect();
        cuts.retain(|&cut| redacted.is_char_boundary(cut));
        cuts.extend([0, redacted.len()]);
        cuts.sort_unstable();
        let mut restorer = placeholders.restorer();
        let mut pieces: String = cuts.windows(2).map(|cut| restorer.push(&redacted[cut[0]..cut[1]])).collect();
        pieces += &restorer.finish();
        prop_assert_eq!(pieces, text);
    }
}
