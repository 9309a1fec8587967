; Names that are used: called, read, or named as a type.

(command name: (command_name) @reference)
(variable_name) @reference
