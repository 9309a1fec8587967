; Where text is not code; code inside a string is.

(comment) @comment
(string) @string
(raw_string) @string
(heredoc_body) @string
(command_substitution) @code
