; Nodes that enclose others, by what a reader would call the place.

(function_definition) @scope.function
(compound_statement) @scope.block
(do_group) @scope.block
(subshell) @scope.block
