; Names that are used: called, read, or named as a type.

(call_expression function: (identifier) @reference)
(call_expression function: (field_expression field: (field_identifier) @reference))
(field_expression argument: (identifier) @reference)
(type_identifier) @reference
(call_expression function: (qualified_identifier name: (identifier) @reference))
(namespace_identifier) @reference
