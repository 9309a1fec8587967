; Names that are used: called, read, or named as a type.

(call_expression function: (identifier) @reference)
(call_expression function: (member_expression property: (property_identifier) @reference))
(new_expression constructor: (identifier) @reference)
(member_expression object: (identifier) @reference)
