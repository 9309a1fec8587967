; Beside C's.

(call_expression function: (qualified_identifier name: (identifier) @reference))
(namespace_identifier) @reference
