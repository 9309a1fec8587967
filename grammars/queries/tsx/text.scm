; Beside TypeScript's.

(jsx_text) @string
