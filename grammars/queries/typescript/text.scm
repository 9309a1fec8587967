; Where text is not code; code inside a string is.

(comment) @comment
(string) @string
(template_string) @string
(template_substitution) @code
(regex) @string
