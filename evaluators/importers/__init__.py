"""Importers: from a source's own format to a suite folder, with the counts it is known to have."""
