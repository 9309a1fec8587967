; Names that are used: called, read, or named as a type. None here.
