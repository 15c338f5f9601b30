"""Draws `demo.svg`: the demo on a terminal. `python docs/assets/demo.py`; needs Unix."""

from __future__ import annotations

import os
import pty
import re
import sys
from collections.abc import Iterator
from html import escape
from pathlib import Path

COLUMNS, CHARACTER, LINE, MARGIN, TITLE = 80, 8.4, 20, 20, 34
CLASSES = {
    "1": "bold",
    "2": "dim",
    "32": "green",
    "33": "yellow",
    "35": "magenta",
    "36": "cyan",
}
SGR = re.compile(r"\x1b\[([\d;]*)m")
STYLE = """
  .box { fill: #ffffff; stroke: #d0d7de } .bar { fill: #f6f8fa } text { fill: #1f2328 }
  .dim { fill: #818b98 } .bold { font-weight: bold } .green { fill: #1a7f37 } .yellow { fill: #9a6700 }
  .magenta { fill: #8250df } .cyan { fill: #0969da }
  @media (prefers-color-scheme: dark) {
    .box { fill: #0d1117; stroke: #3d444d } .bar { fill: #161b22 } text { fill: #e6edf3 }
    .dim { fill: #7d8590 } .green { fill: #3fb950 } .yellow { fill: #d29922 }
    .magenta { fill: #bc8cff } .cyan { fill: #58a6ff }
  }
"""


def shown(command: list[str]) -> str:
    """What the command writes to a terminal."""
    chunks: list[bytes] = []

    def read(descriptor: int) -> bytes:
        chunks.append(os.read(descriptor, 4096))
        return chunks[-1]

    os.environ.update(TERM="xterm-256color", COLUMNS=str(COLUMNS))
    status = pty.spawn(command, read)
    if status:
        raise SystemExit(f"{command[-1]} ended with status {status}")
    return b"".join(chunks).decode().replace("\r\n", "\n").strip("\n")


def spans(line: str) -> Iterator[str]:
    """A line's parts, each in its colours."""
    active: list[str] = []
    for position, part in enumerate(SGR.split(line)):
        if position % 2:
            codes = [code for code in part.split(";") if code.lstrip("0")]
            active = [*active, *codes] if codes else []
        elif part:
            classes = " ".join(CLASSES[code] for code in active)
            yield (
                f'<tspan class="{classes}">{escape(part)}</tspan>'
                if classes
                else escape(part)
            )


def svg(prompt: str, lines: list[str]) -> str:
    """The picture of a terminal."""
    width = COLUMNS * CHARACTER + 2 * MARGIN
    height = (len(lines) + 1) * LINE + TITLE + MARGIN
    rows = [
        f'<tspan class="dim">$</tspan> {escape(prompt)}',
        *("".join(spans(line)) for line in lines),
    ]
    texts = "\n".join(
        f'  <text x="{MARGIN}" y="{TITLE + LINE * number}" xml:space="preserve">{row}</text>'
        for number, row in enumerate(rows, 1)
    )
    return f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{width:g}" role="img"
  aria-label="{escape(prompt)}: a satellite connects to a hub, and they talk"
  font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, 'Liberation Mono', monospace" font-size="14">
  <style>{STYLE}  </style>
  <rect class="box" x="0.5" y="0.5" width="{width - 1:g}" height="{height - 1:g}" rx="8"/>
  <rect class="bar" x="1" y="1" width="{width - 2:g}" height="{TITLE - 8}" rx="8"/>
  <g class="dim"><circle cx="18" cy="14" r="5"/><circle cx="36" cy="14" r="5"/><circle cx="54" cy="14" r="5"/></g>
{texts}
</svg>
"""


if __name__ == "__main__":
    output = shown([sys.executable, "-m", "hivemind_sdk", "demo"])
    Path(__file__).with_suffix(".svg").write_text(
        svg("hivemind-client demo", output.split("\n")), encoding="utf-8"
    )
