; Where text is not code; code inside a string is.

(comment) @comment
(string) @string
(interpolation) @code
(regex) @string
(simple_symbol) @string
