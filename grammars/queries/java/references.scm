; Names that are used: called, read, or named as a type.

(method_invocation name: (identifier) @reference)
(method_invocation object: (identifier) @reference)
(field_access field: (identifier) @reference)
(type_identifier) @reference
