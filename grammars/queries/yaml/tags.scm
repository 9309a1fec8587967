; Definitions with their names, bodies (what is not the signature) and kinds.

(document (block_node (block_mapping (block_mapping_pair key: (flow_node) @name) @definition.field)))
