"""The hive map as a web page: the picture, and what is known of the node under the pointer. Fetches nothing."""

from __future__ import annotations

from html import escape

from .graph import Graph
from .mapper import HiveMapper
from .names import printable
from .svg import render_svg

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
_STYLE = """
:root { color-scheme: light dark; }
body { margin: 0; background: Canvas; }
svg { display: block; margin: 1rem auto; max-width: none; }
svg g:has(> title):hover > rect, svg g.found > rect { stroke-width: 2.5; }
body.searching svg g:has(> rect):not(.found) { opacity: 0.3; }
#find, #facts { position: fixed; border: 1px solid GrayText; border-radius: 8px; font: 13px/1.5 system-ui, sans-serif; }
#find { top: 1rem; right: 1rem; padding: 0.4em 0.7em; }
#facts { display: none; max-width: 26rem; padding: 0.6em 0.9em; background: Canvas; color: CanvasText; }
#facts { white-space: pre-wrap; overflow-wrap: anywhere; pointer-events: none; }
"""
_SCRIPT = """
const facts = document.getElementById("facts"), find = document.getElementById("find");
const nodes = [...document.querySelectorAll("svg g")].filter(g => g.querySelector(":scope > title"));
for (const node of nodes) {
  const title = node.querySelector("title"), text = title.textContent;
  title.remove();
  node.dataset.text = text.toLowerCase();
  node.addEventListener("pointermove", event => {
    facts.textContent = text;
    facts.style.display = "block";
    facts.style.left = Math.min(event.clientX + 14, innerWidth - facts.offsetWidth - 8) + "px";
    facts.style.top = Math.min(event.clientY + 14, innerHeight - facts.offsetHeight - 8) + "px";
  });
  node.addEventListener("pointerleave", () => facts.style.display = "none");
}
find.addEventListener("input", () => {
  const wanted = find.value.trim().toLowerCase();
  document.body.classList.toggle("searching", wanted !== "");
  for (const node of nodes) node.classList.toggle("found", wanted !== "" && node.dataset.text.includes(wanted));
});
"""


def render_html(hive_map: HiveMapper | Graph, *, title: str = "Hive map") -> str:
    """A page with the picture, a field to search in it, and the facts about the node under the pointer."""
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<title>{escape(printable(title))}</title>
<style>{_STYLE}</style>
</head>
<body>
<input id="find" type="search" placeholder="find a node" aria-label="find a node">
{render_svg(hive_map, title=title)}<div id="facts" role="tooltip"></div>
<script>{_SCRIPT}</script>
</body>
</html>
"""
