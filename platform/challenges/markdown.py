"""Organizers' Markdown as HTML that can't hurt a reader."""

import nh3
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt

_PARSER = MarkdownIt("commonmark", {"html": False}).enable("table")


def render(text: str, *, below: int = 1) -> SafeString:
    """Markdown as cleaned HTML: no raw HTML, no scripts, no styles, links marked as somebody else's.

    `below` is the level of the heading that it stands under; its own headings begin one lower.
    """
    tokens = _PARSER.parse(text)
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(6, int(token.tag[1]) + below)}"
    html = _PARSER.renderer.render(tokens, _PARSER.options, {})
    return mark_safe(nh3.clean(html, link_rel="noopener nofollow"))  # noqa: S308 - cleaned by nh3
