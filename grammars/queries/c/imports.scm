; Whole imports, and the names they bring in.

(preproc_include) @import
