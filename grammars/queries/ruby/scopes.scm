; Nodes that enclose others, by what a reader would call the place.

(method) @scope.function
(singleton_method) @scope.function
(class) @scope.type
(module) @scope.module
(block) @scope.block
(do_block) @scope.block
(body_statement) @scope.block
