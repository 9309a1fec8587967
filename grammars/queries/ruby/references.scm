; Names that are used: called, read, or named as a type.

(call method: (identifier) @reference)
(call receiver: (identifier) @reference)
(constant) @reference
