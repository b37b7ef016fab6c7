"""One report, three formats: each writer knows its own markup and escapes every text."""
