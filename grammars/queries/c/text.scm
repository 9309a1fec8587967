; Where text is not code; code inside a string is.

(comment) @comment
(string_literal) @string
(char_literal) @string
(system_lib_string) @string
