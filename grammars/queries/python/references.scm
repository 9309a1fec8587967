; Names that are used: called, read, or named as a type.

(call function: (identifier) @reference)
(attribute attribute: (identifier) @reference)
(attribute object: (identifier) @reference)
(type (identifier) @reference)
(decorator (identifier) @reference)
(class_definition superclasses: (argument_list (identifier) @reference))
((identifier) @reference (#match? @reference "^[A-Z]"))
