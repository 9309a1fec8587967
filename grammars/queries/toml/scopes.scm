; Nodes that enclose others, by what a reader would call the place.

(table) @scope.block
(inline_table) @scope.block
(array) @scope.block
