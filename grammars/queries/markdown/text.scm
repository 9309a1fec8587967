; Where text is not code; code inside a string is.

(paragraph) @string
(html_block) @comment
