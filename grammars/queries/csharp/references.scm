; Names that are used: called, read, or named as a type.

(invocation_expression function: (identifier) @reference)
(invocation_expression function: (member_access_expression name: (identifier) @reference))
(member_access_expression expression: (identifier) @reference)
(object_creation_expression type: (identifier) @reference)
