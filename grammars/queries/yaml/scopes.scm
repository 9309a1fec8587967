; Nodes that enclose others, by what a reader would call the place.

(block_mapping) @scope.block
(block_sequence) @scope.block
