; Whole imports, and the names they bring in. None here.
