"""The pages about codes: docs/errors/<CODE>.md, one for each, read once and shown under /help/."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from django.conf import settings
from django.urls import reverse
from django.utils.safestring import SafeString

from challenges import markdown

FOLDER = Path(settings.ROOT) / "docs" / "errors"
# Where a fault is found, in the order in which a participant comes past; the first that a page names is its group.
STAGES = {
    "team": "Teams and taking part",
    "upload": "Uploading a file",
    "hand-in": "Handing in",
    "document": "Documents: submission.yaml, suite.yaml, challenge.yaml",
    "check": "The check of what was handed in",
    "run": "The run",
    "rehearsal": "The rehearsal",
    "collect": "Collecting the answers",
    "score": "Scoring",
    "suite": "Suites",
    "challenge": "Challenges",
    "command": "Commands",
}
SECTIONS = ("What happened", "What to do", "Example")
_HEAD = re.compile(
    r"# (?P<code>[EW]-[A-Z0-9-]+): (?P<sentence>[^\n]+)\n\n"
    r"- Stage: (?P<stages>[^\n]+)\n- Whose fault: (?P<fault>[^\n]+)\n"
    r"- Charged: (?P<charged>[^\n]+)\n- On hidden data: (?P<hidden>[^\n]+)\n\n"
)
_LINK = re.compile(r"\]\(([EW]-[A-Z0-9-]+)\.md\)")
# A link to a page that only the documentation has: its words stay.
_ELSEWHERE = re.compile(r"\[([^\]\n]+)\]\([^)\s]+\.md(?:#[^)\s]*)?\)")


@dataclass(frozen=True)
class Page:
    """A code's page: the facts of its first lines, and its sections as Markdown."""

    code: str
    sentence: str
    stages: tuple[str, ...]
    fault: str
    charged: str
    hidden: str
    text: str

    @property
    def stage(self) -> str:
        """Its stages in words, as they stand in the page."""
        return ", ".join(self.stages)


def parse(text: str) -> Page:
    """Read a page; raises ValueError where its first lines are not as they must be."""
    head = _HEAD.match(text)
    if head is None:
        raise ValueError(f"The page does not begin with its code and facts: {text[:60]!r}")
    facts = head.groupdict()
    return Page(
        code=facts["code"],
        sentence=facts["sentence"],
        stages=tuple(facts["stages"].split(", ")),
        fault=facts["fault"],
        charged=facts["charged"],
        hidden=facts["hidden"],
        text=text[head.end() :],
    )


@cache
def pages() -> Mapping[str, Page]:
    """Every page by its code; they change with the program only, so they are read once."""
    found = [parse(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.md"))]
    return {page.code: page for page in found}


def by_stage() -> list[tuple[str, list[Page]]]:
    """The stages' titles, each with the pages that it is the first stage of."""
    groups = [(title, [page for page in pages().values() if page.stages[0] == name]) for name, title in STAGES.items()]
    return [(title, group) for title, group in groups if group]


def body(page: Page) -> SafeString:
    """The page's sections as cleaned HTML, with links among pages led to where they are served."""
    text = _LINK.sub(lambda link: f"]({reverse('help_code', args=[link[1]])})", page.text)
    return markdown.render(_ELSEWHERE.sub(r"\1", text), below=0)


def reference_rows(title_of_stage: str) -> list[str]:
    """The rows of docs/reference/errors.md for one group."""
    rows = []
    for page in dict(by_stage()).get(title_of_stage, []):
        link = f"[`{page.code}`](../errors/{page.code}.md)"
        rows.append(f"| {link} | {page.sentence} | {page.stage} | {page.fault} | {page.charged} |")
    return rows
