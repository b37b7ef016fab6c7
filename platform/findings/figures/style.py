"""How figures look, and how they become the same bytes each time."""

import io
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from findings.document import Figure

# By name; the page writes its own variables of these names instead, so that figures follow light and dark.
COLOURS = {
    "ink": "#1d2428",
    "quiet": "#596369",
    "line": "#dcd9cf",
    "accent": "#1f5f5b",
    "second": "#9a5b13",
    "third": "#28537f",
    "fourth": "#7b3f6d",
    "fifth": "#5c6b1f",
}
INK, QUIET, LINE, ACCENT = (COLOURS[name] for name in ("ink", "quiet", "line", "accent"))
SERIES = tuple(COLOURS[name] for name in ("accent", "second", "third", "fourth", "fifth"))
MARKERS = ("o", "s", "^", "D", "v")
SALT = "proctor"
MOST_LETTERS = 38


class Drawn(NamedTuple):
    """A figure's two files."""

    svg: bytes
    pdf: bytes


@contextmanager
def quiet_style() -> Iterator[None]:
    """matplotlib with our settings alone, whatever the machine's are."""
    import matplotlib as mpl
    from matplotlib import font_manager

    # It tells of every table of every font.
    logging.getLogger("fontTools").setLevel(logging.WARNING)
    # The fonts that come with the library go first: which others a machine has must not matter.
    own = mpl.get_data_path()
    font_manager.fontManager.ttflist.sort(key=lambda font: not str(font.fname).startswith(own))
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(
            {
                "svg.hashsalt": SALT,
                "svg.fonttype": "path",
                "pdf.fonttype": 42,
                "text.parse_math": False,
                "font.family": "DejaVu Sans",
                "font.size": 8.5,
                "axes.edgecolor": LINE,
                "axes.labelcolor": QUIET,
                "axes.spines.top": False,
                "axes.spines.right": False,
                "axes.titlesize": 9,
                "axes.titlecolor": INK,
                "axes.titlelocation": "left",
                "xtick.color": LINE,
                "ytick.color": LINE,
                "xtick.labelcolor": QUIET,
                "ytick.labelcolor": INK,
                "text.color": INK,
                "grid.color": LINE,
                "grid.linewidth": 0.6,
                "axes.grid": True,
                "axes.axisbelow": True,
                "legend.frameon": False,
                "legend.fontsize": 8,
                "lines.linewidth": 1.4,
                "figure.constrained_layout.use": True,
                "axes.unicode_minus": True,
            }
        )
        yield


def drawn(figure: Figure) -> Drawn:
    """The figure as SVG and PDF, without a date and with fixed ids."""
    from matplotlib.backends.backend_pdf import FigureCanvasPdf
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure as Canvas

    with quiet_style():
        canvas = Canvas(figsize=figure.size)
        canvas.patch.set_alpha(0)
        figure.draw(canvas)
        for axes in canvas.axes:
            axes.patch.set_alpha(0)
        svg, pdf = io.BytesIO(), io.BytesIO()
        _on(FigureCanvasSVG, canvas).print_svg(svg, metadata={"Date": None, "Creator": None})
        no_dates = {"CreationDate": None, "ModDate": None, "Creator": None, "Producer": None}
        _on(FigureCanvasPdf, canvas).print_pdf(pdf, metadata=no_dates)
    return Drawn(svg.getvalue(), pdf.getvalue())


def _on(canvas: Any, figure: Any) -> Any:
    """The figure on a canvas; the library's canvases carry no types."""
    return canvas(figure)


def label(text: str) -> str:
    """A stranger's text as a label: one line, not too long, and only letters that the font has."""
    from findings.writers.cleaning import clean

    known = _letters()
    text = "".join(char if ord(char) in known else "□" for char in clean(text))
    return text if len(text) <= MOST_LETTERS else f"{text[: MOST_LETTERS - 1]}…"


def _letters() -> Any:
    import matplotlib as mpl
    from matplotlib.ft2font import FT2Font

    return FT2Font(str(Path(mpl.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf")).get_charmap()
