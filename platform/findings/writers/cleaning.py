"""What no format should carry: control characters, and marks that turn the direction of a reader's text."""

import unicodedata

# Controls, formats (bidirectional overrides, zero-width characters), surrogates, private use, unassigned.
DROPPED = {"Cc", "Cf", "Cs", "Co", "Cn"}
# Names are shorter by far; the rule of a table may hold a paragraph.
MOST = 2_000


def clean(text: str) -> str:
    """The text on one line, without what can't be seen, and not endless."""
    kept = "".join(char for char in " ".join(text.split()) if unicodedata.category(char) not in DROPPED)
    return kept if len(kept) <= MOST else f"{kept[: MOST - 1]}…"
