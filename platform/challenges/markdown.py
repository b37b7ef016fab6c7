"""Organizers' Markdown as HTML that can't hurt a reader."""

import nh3
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt

_PARSER = MarkdownIt("commonmark", {"html": False}).enable("table")


def render(text: str) -> SafeString:
    """Markdown as cleaned HTML: no raw HTML, no scripts, no styles, links marked as somebody else's."""
    return mark_safe(nh3.clean(_PARSER.render(text), link_rel="noopener nofollow"))  # noqa: S308 - cleaned by nh3
