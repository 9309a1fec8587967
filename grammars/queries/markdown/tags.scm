; Definitions with their names, bodies (what is not the signature) and kinds.

(section (atx_heading heading_content: (_) @name)) @definition.module
(section (setext_heading heading_content: (_) @name)) @definition.module
