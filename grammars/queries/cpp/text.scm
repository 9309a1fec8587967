; Beside C's.

(raw_string_literal) @string
