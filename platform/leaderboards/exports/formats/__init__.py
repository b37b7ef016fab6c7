"""The formats of exports, each a writer of the same table; the same table gives the same bytes."""
