; Nodes that enclose others, by what a reader would call the place.

(function_item) @scope.function
(closure_expression body: (block)) @scope.block
(impl_item) @scope.type
(trait_item) @scope.type
(struct_item) @scope.type
(enum_item) @scope.type
(union_item) @scope.type
(mod_item body: (declaration_list)) @scope.module
(macro_definition) @scope.function
(block) @scope.block
(match_block) @scope.block
(declaration_list) @scope.block
(field_declaration_list) @scope.block
(enum_variant_list) @scope.block
