; Where text is not code; code inside a string is.

(line_comment) @comment
(block_comment) @comment
(string_literal) @string
(character_literal) @string
