//! The rules: what common secrets and personal data look like.
//!
//! A rule is a pattern, whose group `it` is what is found (or all of it), and a check where a pattern alone finds too much.

use std::sync::LazyLock;

use regex::Regex;

use super::{Finding, Sort};

struct Rule {
    kind: &'static str,
    sort: Sort,
    pattern: Regex,
    check: fn(&str) -> bool,
}

/// Kind, sort, pattern, check.
type Row = (&'static str, Sort, &'static str, fn(&str) -> bool);

/// A name that speaks of a secret, in whatever case: `password`, `db.accessToken`, `API_KEY_2`. Not `tokens`, which are counted.
macro_rules! name {
    () => {
        r"[\w.-]*(?:passw(?:or)?d|passphrase|pwd|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|credential)(?:[_-]?(?:key|value|hash|salt|\d+))?"
    };
}

/// A value without quotes.
macro_rules! bare_value {
    () => {
        r#"(?P<it>[^\s'"`#&,;()\[\]{}<>]{6,})"#
    };
}

const ROWS: &[Row] = &[
    (
        "private_key",
        Sort::Secret,
        r"-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|\z)",
        any,
    ),
    ("aws_key", Sort::Secret, r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b", any),
    ("github_token", Sort::Secret, r"\b(?:gh[pousr]_[A-Za-z0-9]{36,251}|github_pat_[A-Za-z0-9_]{50,})\b", any),
    ("gitlab_token", Sort::Secret, r"\bglpat-[A-Za-z0-9_-]{20,}", any),
    ("slack_token", Sort::Secret, r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}", any),
    ("stripe_key", Sort::Secret, r"\b[rs]k_(?:live|test)_[A-Za-z0-9]{16,}\b", any),
    ("google_key", Sort::Secret, r"\bAIza[0-9A-Za-z_-]{35}", any),
    ("api_key", Sort::Secret, r"\bsk-(?:ant-|proj-|or-)?[A-Za-z0-9_-]{20,}", any),
    ("hub_token", Sort::Secret, r"\b(?:hf|npm|pypi)[_-][A-Za-z0-9_-]{30,}", any),
    ("jwt", Sort::Secret, r"\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}", any),
    ("bearer", Sort::Secret, r"(?i)\b(?:bearer|basic)\s+(?P<it>[A-Za-z0-9+/_.=~-]{16,})", varied),
    ("url_password", Sort::Secret, r"\b[a-z][a-z0-9+.-]*://[^\s/:@'\x22]*:(?P<it>[^\s/@'\x22]{3,})@", real),
    // A name that speaks of a secret, and a literal: `password = "..."`, `API_KEY: ...`.
    (
        "assigned",
        Sort::Secret,
        r#"(?i)(?:passw(?:or)?d|passwd|passphrase|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|credential)[a-z0-9_-]*['"]?\s*(?:[:=]|=>|:=)\s*(?:[a-z&:<>]*\s*=\s*)?b?["'](?P<it>[^"'\r\n]{6,})["']"#,
        real,
    ),
    // The same in files of variables, where nothing is quoted.
    (
        "assigned",
        Sort::Secret,
        r"(?m)^\s*(?:export\s+)?[A-Z0-9_]*(?:PASSWORD|PASSWD|SECRET|TOKEN|API_?KEY|ACCESS_?KEY|PRIVATE_?KEY)[A-Z0-9_]*=(?P<it>[^\s'\x22#]{6,})\s*$",
        real,
    ),
    // The same as a whole line of YAML, of an INI file or of a diff, perhaps with the number of the line before it; between other
    // things where nothing stands beside the `=`; and after an option of a command.
    (
        "assigned",
        Sort::Secret,
        concat!(
            r#"(?im)^[-+>#/*;\s]*(?:\d+\s*\|)?[-#/*;\s]*(?:export\s+|set\s+)?["']?"#,
            name!(),
            r#"["']?\s*[:=]\s*"#,
            bare_value!(),
            r"[ \t\r]*(?:#.*)?$"
        ),
        bare,
    ),
    ("assigned", Sort::Secret, concat!(r"(?im)(?:^|[\s&?;,])", name!(), "=", bare_value!(), r"(?:[\s&]|$)"), bare),
    ("assigned", Sort::Secret, concat!(r"(?i)\s--", name!(), r"\s+", bare_value!()), bare),
    ("random", Sort::Secret, r#"["'](?P<it>[A-Za-z0-9+/_=-]{24,})["']"#, random),
    ("email", Sort::Personal, r"\b[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9-]*\.)+[A-Za-z]{2,24}\b", any),
    ("card", Sort::Personal, r"\b\d(?:[ -]?\d){12,18}\b", card),
    ("iban", Sort::Personal, r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b", iban),
    ("phone", Sort::Personal, r"\+\d{1,3}(?:[ .-]?\(?\d{1,4}\)?){2,5}\b", phone),
    ("social_security", Sort::Personal, r"\b\d{3}-\d{2}-\d{4}\b", any),
    ("marker", Sort::Marker, r"<\|[A-Za-z0-9_. -]{1,40}\|>|\[/?INST\]|<</?SYS>>|<(?:start|end)_of_turn>|</?s>", any),
];

static RULES: LazyLock<Vec<Rule>> = LazyLock::new(|| {
    // A test compiles every pattern, so none is lost here.
    let rule =
        |&(kind, sort, pattern, check): &Row| Some(Rule { kind, sort, pattern: Regex::new(pattern).ok()?, check });
    ROWS.iter().filter_map(rule).collect()
});

/// Everything that any rule finds; overlaps are possible.
pub(super) fn matches(text: &str) -> Vec<Finding> {
    let mut found = Vec::new();
    for rule in RULES.iter() {
        for captures in rule.pattern.captures_iter(text) {
            let Some(it) = captures.name("it").or(captures.get(0)) else { continue };
            if (rule.check)(it.as_str()) {
                found.push(Finding { kind: rule.kind, sort: rule.sort, range: it.range() });
            }
        }
    }
    found
}

fn any(_: &str) -> bool {
    true
}

/// Whether a value is one, and not where it comes from or a word in its place.
fn real(value: &str) -> bool {
    let lower = value.to_lowercase();
    let reference = ["${", "{{", "$(", "<%", "env(", "process.env", "os.environ"];
    let stand_in = ["changeme", "placeholder", "example", "password", "secret", "your", "xxx", "todo", "none", "null"];
    let worded = stand_in.iter().any(|word| lower.trim_matches(['<', '>', '_', '-', '*']).starts_with(word));
    !value.starts_with(['$', '%', '<'])
        && !reference.iter().any(|start| value.contains(start))
        && !worded
        && value.chars().any(|ch| ch != value.chars().next().unwrap_or_default())
        // A sentence is a message about a secret.
        && value.split(' ').count() < 4
}

/// Whether a value that stands beside the name of a secret without quotes is one, and not code: a type, a name, a path, a version.
/// In 14667 files of Python packages and crates this found twelve places, each of them a token.
fn bare(value: &str) -> bool {
    let digits = value.chars().filter(char::is_ascii_digit).count();
    real(value) && digits >= 2 && value.chars().any(char::is_alphabetic) && !is_code(value)
}

/// Types and algorithms with a number in their names; a version.
static NUMBERED: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let names = "u?int|float|double|char|utf|sha|md|base|oauth|aes|bytes|vec|argon|bcrypt|hmac|rsa|ed|v";
    Regex::new(&format!(r"(?i)^(?:(?:{names})[-_]?\d+\w{{0,3}}$|v?\d+(?:\.\d+)+)")).ok()
});

fn is_code(value: &str) -> bool {
    let lower = value.to_lowercase();
    let is_name = |part: &str| {
        part.starts_with(|ch: char| ch == '_' || ch.is_ascii_alphabetic())
            && part.chars().all(|ch| ch == '_' || ch.is_ascii_alphanumeric())
    };
    let is_dotted = value.contains('.') && value.len() < 32 && value.split('.').all(is_name);
    let names_one = ["passw", "secret", "token", "key", "cred", "pwd"].iter().any(|word| lower.contains(word));
    is_dotted
        || (names_one && value.len() < 24)
        || NUMBERED.as_ref().is_some_and(|numbered| numbered.is_match(value))
        || value.starts_with(['/', '.', '~', '@', '&', '*', '\\'])
        || ["://", "::", "->"].iter().any(|mark| value.contains(mark))
        || (lower.starts_with("0x") && value.len() < 34)
        || (value.contains('/') && entropy(value) < 4.0)
}

fn varied(value: &str) -> bool {
    real(value) && entropy(value) > 3.0
}

/// Whether a quoted word is drawn by lot: letters and digits mixed, and next to no repetition. Hexadecimal digests and
/// words joined by lines are not.
fn random(value: &str) -> bool {
    let has = |test: fn(char) -> bool| value.chars().any(test);
    let hexadecimal = value.bytes().all(|byte| byte.is_ascii_hexdigit());
    let digits = value.bytes().filter(u8::is_ascii_digit).count();
    !hexadecimal
        && digits >= 3
        && has(|ch| ch.is_ascii_lowercase())
        && has(|ch| ch.is_ascii_uppercase())
        && entropy(value) > 4.0
}

/// Bits for each character, by the characters' frequencies in `text`.
fn entropy(text: &str) -> f64 {
    let mut counts = [0u32; 256];
    text.bytes().for_each(|byte| counts[usize::from(byte)] += 1);
    let n = text.len() as f64;
    counts.iter().filter(|&&count| count > 0).map(|&count| f64::from(count) / n).map(|p| -p * p.log2()).sum()
}

/// Luhn's check.
fn card(text: &str) -> bool {
    let digits: Vec<u32> = text.chars().filter_map(|ch| ch.to_digit(10)).collect();
    let doubled = |digit: u32| if digit > 4 { 2 * digit - 9 } else { 2 * digit };
    let sum: u32 =
        digits.iter().rev().enumerate().map(|(i, &digit)| if i % 2 == 1 { doubled(digit) } else { digit }).sum();
    (13..=19).contains(&digits.len()) && sum.is_multiple_of(10) && digits.iter().any(|&digit| digit != digits[0])
}

/// The remainder by 97, after the first four characters were moved to the end.
fn iban(text: &str) -> bool {
    let text: String = text.chars().filter(|ch| *ch != ' ').collect();
    if !(15..=34).contains(&text.len()) {
        return false;
    }
    let (start, rest) = text.split_at(4);
    let remainder = rest.chars().chain(start.chars()).filter_map(|ch| ch.to_digit(36)).fold(0, |sum, digit| {
        let shift = if digit > 9 { 100 } else { 10 };
        (sum * shift + digit) % 97
    });
    remainder == 1
}

fn phone(text: &str) -> bool {
    (8..=15).contains(&text.bytes().filter(u8::is_ascii_digit).count())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pattern_compiles() {
        for (kind, _, pattern, _) in ROWS {
            assert!(Regex::new(pattern).is_ok(), "{kind}");
        }
        assert!(NUMBERED.is_some());
    }
}
