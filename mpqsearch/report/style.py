# SPDX-License-Identifier: Apache-2.0
"""How figures look: colours that colour-blind people tell apart, a shape for each, words."""

from dataclasses import dataclass

import plotly.graph_objects as go

BLUE, ORANGE, GREEN, VERMILLION = "#0072B2", "#E69F00", "#009E73", "#D55E00"
SKY, PURPLE, BLACK, GREY = "#56B4E9", "#CC79A7", "#000000", "#8A8F98"
SERIES = (BLUE, ORANGE, GREEN, PURPLE, SKY, VERMILLION)
"""Colours of things side by side. **Source:** Okabe, Ito, "Color Universal Design", 2008."""

PATTERNS = ("", "/", "x", ".", "\\", "-", "|", "+")
"""Fillings of bars side by side, so that no colour is needed to tell them apart."""


def bar(number: int, colour: str | None = None) -> dict[str, object]:
    """How the bars of one of several series are filled."""
    return {
        "color": colour or SERIES[number % len(SERIES)],
        "line": {"width": 0.5, "color": "white"},
        "pattern": {
            "shape": PATTERNS[number % len(PATTERNS)],
            "fillmode": "overlay",
            "fgcolor": "rgba(255,255,255,0.75)",
            "size": 7,
            "solidity": 0.25,
        },
    }


WIDTH_SHADES = {1: "#f2f5f9", 2: "#c6dbef", 4: "#6baed6", 8: "#08519c"}
"""Shades of a weight width: more bits, darker."""

INK, RULE, FONT = "#1d2530", "#e3e6ea", "system-ui, 'Segoe UI', 'DejaVu Sans', sans-serif"

HEIGHT = 380
IMAGE_WIDTH, IMAGE_SCALE = 860, 2
"""Pixels of an image; a PNG has twice as many."""

IMAGE_TALLER = 1.2
"""An image stands alone, and is wider than a figure of the page."""


@dataclass(frozen=True)
class Mark:
    """How one kind of candidate is drawn.

    Attributes:
        name: What it is called.
        symbol: Plotly's name of the shape.
        colour: Of the shape.
        size: Pixels.
        svg: The same for the page's own legend, around 0, 0.
    """

    name: str
    symbol: str
    colour: str
    size: int
    svg: str = ""

    @property
    def marker(self) -> dict[str, object]:
        """The mark as Plotly's marker."""
        return {
            "symbol": self.symbol,
            "color": self.colour,
            "size": self.size,
            "line": {"width": 1.5, "color": self.colour},
        }


DOMINATED = Mark(
    "dominated", "circle-open", GREY, 6, '<circle r="3" fill="none" stroke="#8A8F98"/>'
)
PRUNED = Mark(
    "stopped early, where it was then",
    "triangle-down-open",
    ORANGE,
    8,
    '<path d="M-4-3h8l-4 7z" fill="none" stroke="#E69F00" stroke-width="1.5"/>',
)
INFEASIBLE = Mark(
    "does not fit, never trained",
    "x-thin",
    VERMILLION,
    7,
    '<path d="M-3-3l6 6m0-6l-6 6" stroke="#D55E00" stroke-width="1.5"/>',
)
FRONT = Mark("front", "circle", BLUE, 9, '<circle r="5" fill="#0072B2"/>')
CONTENDER = Mark(
    "may be on the front, by chance",
    "circle-open",
    SKY,
    8,
    '<circle r="4" fill="none" stroke="#56B4E9" stroke-width="2"/>',
)
REFERENCE = Mark(
    "uniform reference", "square", BLACK, 9, '<rect x="-4" y="-4" width="8" height="8"/>'
)
BOARD = Mark("measured", "diamond", GREEN, 10)
SELECTED = Mark("selected", "circle-open", PURPLE, 18)


@dataclass(frozen=True)
class Figure:
    """One figure: drawn once, shown in the page and written as images.

    Attributes:
        name: Of its image files, and of its place in the page.
        title: A few words.
        reading: What is to be seen in it, in a sentence made from the data.
        plot: Plotly's figure.
    """

    name: str
    title: str
    reading: str
    plot: go.Figure

    @property
    def height(self) -> int:
        """Pixels it is high."""
        return int(self.plot.layout.height)


def axis(title: str, **settings: object) -> dict[str, object]:
    """An axis with a title and quiet lines."""
    return {
        "title": {"text": title, "standoff": 8},
        "gridcolor": RULE,
        "zeroline": False,
        "linecolor": INK,
        "ticks": "outside",
        "tickcolor": INK,
        "automargin": True,
        **settings,
    }


def styled(plot: go.Figure, **layout: object) -> go.Figure:
    """The figure in the report's style."""
    plot.update_layout(
        template="none",
        font={"family": FONT, "size": 13, "color": INK},
        paper_bgcolor="white",
        plot_bgcolor="white",
        margin={"l": 56, "r": 16, "t": 16, "b": 48},
        height=HEIGHT,
        hovermode="closest",
        hoverlabel={
            "bgcolor": "white",
            "bordercolor": GREY,
            "align": "left",
            "font": {"color": INK},
        },
        legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "traceorder": "normal"},
    )
    plot.update_layout(**layout)
    return plot
