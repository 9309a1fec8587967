//! Ids of real vocabularies, as a second implementation in another language computed them from the published rules.
//!
//! For who has the models: each case is passed over, and says so, where its file has not been pulled.

use halfline_inference::gguf::Gguf;
use halfline_inference::models::Store;
use halfline_inference::tokenizer::Tokenizer;

fn check(file: &str, cases: &[(&str, &[u32])]) {
    let path = Store::open().expect("a directory for models").directory().join(file);
    if !path.exists() {
        eprintln!("passed over: {} is not there; `halfline models pull` brings it", path.display());
        return;
    }
    let gguf = Gguf::open(&path).expect("a whole file");
    let tokenizer = Tokenizer::from_gguf(&gguf).expect("a vocabulary");
    for (text, ids) in cases {
        assert_eq!(tokenizer.encode(text), *ids, "{text:?}");
        assert_eq!(tokenizer.decode(ids, false), *text);
    }
}

const PYTHON: &str = "def main():\n\tprint(\"Привет, 12345\")\r\n";
const RUST: &str = "    // 你好 🦀 don't\n\n\n    let x = naïve;";

#[test]
fn qwen2() {
    check(
        "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
        &[
            (PYTHON, &[750, 1887, 3932, 6900, 445, 53645, 26991, 8178, 11, 220, 16, 17, 18, 19, 20, 6060]),
            (RUST, &[262, 442, 220, 108386, 11162, 99, 222, 1513, 944, 1406, 262, 1077, 856, 284, 94880, 586, 26]),
        ],
    );
}

#[test]
fn smollm() {
    check(
        "SmolLM2-135M-Instruct.Q4_1.gguf",
        &[
            (
                PYTHON,
                &[
                    1604, 1085, 3734, 198, 197, 3272, 1470, 155, 249, 46879, 16464, 32547, 28, 216, 33, 34, 35, 36, 37,
                    1715, 2738,
                ],
            ),
            (
                RUST,
                &[
                    333, 13241, 216, 18645, 250, 48392, 138, 15107, 116, 218, 1326, 982, 13272, 1303, 1792, 446, 15486,
                    46494, 43,
                ],
            ),
        ],
    );
}
