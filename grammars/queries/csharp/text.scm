; Where text is not code; code inside a string is.

(comment) @comment
(string_literal) @string
(verbatim_string_literal) @string
(raw_string_literal) @string
(interpolated_string_expression) @string
(interpolation) @code
(character_literal) @string
