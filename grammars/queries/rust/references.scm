; Names that are used: called, read, or named as a type.

(call_expression function: (identifier) @reference)
(call_expression function: (scoped_identifier name: (identifier) @reference))
(call_expression function: (generic_function function: (identifier) @reference))
(call_expression function: (generic_function function: (scoped_identifier name: (identifier) @reference)))
(scoped_identifier path: (identifier) @reference)
(field_expression field: (field_identifier) @reference)
(macro_invocation macro: (identifier) @reference)
(type_identifier) @reference
((identifier) @reference (#match? @reference "^[A-Z]"))
