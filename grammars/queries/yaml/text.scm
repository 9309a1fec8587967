; Where text is not code; code inside a string is.

(comment) @comment
(double_quote_scalar) @string
(single_quote_scalar) @string
(block_scalar) @string
