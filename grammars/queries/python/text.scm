; Where text is not code; the expression in an f-string's braces is.

(comment) @comment
(string) @string
(interpolation) @code
