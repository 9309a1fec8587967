//! Messages of Python, and the texts that they make plain.

use super::*;

#[test]
fn python_says_what_is_missing() {
    for (before, line, message, wanted) in [
        ("if x # why\n    y()\n", 0, "expected ':'", "if x: # why\n    y()\n"),
        ("print(f(1)\nx = 2\n", 0, "'(' was never closed", "print(f(1))\nx = 2\n"),
        ("if f(1:\n    x\n", 0, "'(' was never closed", "if f(1):\n    x\n"),
        ("x = f(1))\n", 0, "unmatched ')'", "x = f(1)\n"),
        ("x = 'a\n", 0, "unterminated string literal (detected at line 1)", "x = 'a'\n"),
        ("print('a)\n", 0, "unterminated string literal (detected at line 1)", "print('a')\n"),
        (
            "if a:\n    print 'x'\n",
            1,
            "Missing parentheses in call to 'print'. Did you mean print(...)?",
            "if a:\n    print('x')\n",
        ),
        (
            "if a = 1:\n    b\n",
            0,
            "invalid syntax. Maybe you meant '==' or ':=' instead of '='?",
            "if a == 1:\n    b\n",
        ),
        ("a = 1\n  b = 2\n", 1, "unexpected indent", "a = 1\nb = 2\n"),
        (
            "def f():\nreturn 1\n",
            1,
            "expected an indented block after function definition on line 1",
            "def f():\n    return 1\n",
        ),
    ] {
        let found = syntax(before, line, message);
        assert!(found.iter().any(|(text, _)| text == wanted), "{message}: {found:?}");
    }
}

#[test]
fn names_that_python_or_its_library_knows() {
    for (before, line, message, wanted) in [
        (
            "x = math.pi\n",
            0,
            "NameError: name 'math' is not defined. Did you forget to import 'math'?",
            "import math\nx = math.pi\n",
        ),
        (
            "#!/usr/bin/python\nimport os\nxs: List = []\n",
            2,
            "NameError: name 'List' is not defined",
            "#!/usr/bin/python\nfrom typing import List\nimport os\nxs: List = []\n",
        ),
        (
            "total = 1\nprint(totl)\n",
            1,
            "NameError: name 'totl' is not defined. Did you mean: 'total'?",
            "total = 1\nprint(total)\n",
        ),
        (
            "[].appendd(1)\n",
            0,
            "AttributeError: 'list' object has no attribute 'appendd'. Did you mean: 'append'?",
            "[].append(1)\n",
        ),
    ] {
        let found = names(before, line, message);
        assert!(found.iter().any(|(text, _)| text == wanted), "{message}: {found:?}");
    }
    assert!(names("x = foo\n", 0, "NameError: name 'foo' is not defined").is_empty());
}
