; Whole imports, and the names they bring in.

(using_directive) @import

(using_directive (identifier) @imported)
