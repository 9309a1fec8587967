; Where text is not code; code inside a string is.

(comment) @comment
(string) @string
(encapsed_string) @string
(heredoc) @string
