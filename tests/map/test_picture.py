"""The picture: nothing overlaps, nothing sticks out, names stay names, and the same map gives the same picture."""

from __future__ import annotations

import random
import re
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from map_kit import chain, hives, large_hive, pem, ping

from hivemind_sdk.topology import HiveMapper, render_html, render_svg
from hivemind_sdk.topology.layout import Sizes, arrange
from hivemind_sdk.topology.look import fitted, milliseconds, speed, text_width

SVG = "{http://www.w3.org/2000/svg}"
SIZES = Sizes(hub=(180, 44), leaf=(200, 25))
WIDE = st.text(st.characters(codec=None), max_size=60)


def shape(svg):
    """Its width and height."""
    return tuple(float(ET.fromstring(svg).get(side)) for side in ("width", "height"))


def texts(svg):
    return ["".join(one.itertext()) for one in ET.fromstring(svg).iter(f"{SVG}text")]


def families(hive):
    """hub -> hubs, hub -> satellites"""
    hubs, leaves = {}, {}
    for number, above in enumerate(hive.above[1:], 1):
        hubs.setdefault(str(above), []).append(str(number))
    for number, host in enumerate(hive.hosts):
        leaves.setdefault(str(host), []).append(f"sat{number}")
    return hubs, leaves


def overlap(one, other):
    return one.x < other.right and other.x < one.right and one.y < other.bottom and other.y < one.bottom


@given(hives(hubs=12, satellites=60))
def test_everything_has_a_place_of_its_own(hive):
    hubs, leaves = families(hive)
    layout = arrange("0", hubs, leaves, SIZES)
    assert len(layout.boxes) == len(hive.above) + len(hive.hosts)
    places = list(layout.boxes.values())
    assert not [(a, b) for number, a in enumerate(places) for b in places[:number] if overlap(a, b)]
    of_hubs = [layout.boxes[str(number)] for number in range(len(hive.above))]
    panels = list(layout.panels.values())
    assert not [(a, b) for number, a in enumerate(panels) for b in [*panels[:number], *of_hubs] if overlap(a, b)]
    for hub, names in leaves.items():
        panel = layout.panels[hub]
        for box in (layout.boxes[name] for name in names):
            assert panel.x < box.x
            assert box.right < panel.right
            assert panel.y < box.y
            assert box.bottom < panel.bottom
    assert min(box.x for box in places) >= 0
    assert min(box.y for box in (*places, *panels)) >= -1e-9


@pytest.mark.parametrize(("nodes", "hubs"), [(5, 1), (5, 2), (50, 6), (500, 24)])
def test_it_is_as_wide_as_a_page_shows_without_making_it_illegible(nodes, hubs):
    svg = render_svg(large_hive(nodes, hubs).mapped())
    width, height = shape(svg)
    assert 500 < width < 1300
    assert height < 140 + 14 * nodes * 1.5 + 100 * hubs
    assert texts(svg)[1].startswith(f"{nodes} nodes · {hubs} hub")


def test_the_order_in_which_nodes_answer_does_not_show():
    hive = large_hive(60, 8)
    pings = list(hive.pings())
    pictures = set()
    for seed in range(4):
        random.Random(seed).shuffle(pings)
        hive_map = hive.mapped(pings)
        pictures.add(render_svg(hive_map) + render_html(hive_map))
    assert len(pictures) == 1


def test_all_that_is_known_is_there():
    hive_map = HiveMapper(clock=lambda: 10.0)
    hive_map.set_origin("speaker::0", pem("hub"))
    hive_map.mark_trusted_nodes({"k": pem("k")})
    hive_map.start_ping("f", 9.958)
    hive_map.on_ping(ping(pem("hub"), site_id="cellar"))
    hive_map.on_ping(ping("kitchen::k", ["a::1::k::k", pem("relay"), pem("hub")], site_id="home", public_key=pem("k")))
    hive_map.on_ping(ping("unnamed-node::s", ["a::2::anna's phone::s", pem("hub")], flood_id="of another"))
    svg = render_svg(hive_map, title="My hive")
    shown = texts(svg)
    assert shown[:2] == ["My hive", "5 nodes · 2 hubs · 2 sites · 42 ms"]
    for words in ("cellar", "kitchen✓", "home", "42 ms", "anna's phone", "no answer", "speaker", "us"):
        assert words in shown, words
    for words in ("hub", "satellite", "below 50 ms", "no time known", "claims a key that we trust", "did not answer"):
        assert words in shown, words
    details = [one.text for one in ET.fromstring(svg).iter(f"{SVG}title")]
    assert any("path: key:" in one and "→ cellar → us" in one and "round trip: 42 ms" in one for one in details)


def test_another_way_is_drawn_and_explained():
    hive_map = HiveMapper()
    hive_map.set_origin("us::0", "hub")
    hive_map.on_ping(ping("relay", ["left", "hub"]))
    hive_map.on_ping(ping("sat", ["relay", "right", "hub"]))
    svg = render_svg(hive_map)
    assert svg.count('class="detour"') == 2  # and in the legend
    assert "another way" in texts(svg)


def test_light_and_dark_are_both_in_it_and_the_background_is_the_page_s():
    svg = render_svg(HiveMapper())
    light, dark = svg.split("@media (prefers-color-scheme: dark)")
    rule = re.compile(r"\.hive ([\w. ]+) \{ (fill|stroke): #")
    assert set(rule.findall(light)) == set(rule.findall(dark)) != set()
    assert "nobody has answered" in texts(svg)


@given(st.lists(st.tuples(WIDE.filter(bool), WIDE, st.lists(WIDE.filter(bool), max_size=3)), min_size=1, max_size=6))
def test_names_from_the_network_are_text_and_nothing_else(announcements):
    hive_map = HiveMapper()
    hive_map.set_origin("us::0")
    for peer, site, route in announcements:
        hive_map.on_ping(ping(peer, route, site_id=site, lang=site, public_key=site))
    svg = render_svg(hive_map, title=announcements[0][1])
    svg.encode()
    drawn = {one.tag.removeprefix(SVG) for one in ET.fromstring(svg).iter()}
    assert drawn <= {"svg", "title", "style", "text", "tspan", "g", "rect", "circle", "polygon", "path"}


def test_markup_in_a_name_does_nothing_on_the_page():
    evil = "</title></svg><script>alert(1)</script><img src=x onerror=alert(1)>"
    hive_map = HiveMapper()
    hive_map.set_origin(evil, evil)
    hive_map.on_ping(ping(evil + "2", [evil], site_id=evil))
    page = render_html(hive_map, title=evil)

    found = []

    class Tags(HTMLParser):
        def handle_starttag(self, tag, attrs):
            found.append(tag)
            assert not [name for name, _ in attrs if name.startswith("on")]

    Tags().feed(page)
    assert found.count("script") == 1
    assert "img" not in found
    assert "default-src 'none'" in page
    assert not re.search(r"""(?:src|href|url)\s*[=(]""", page.replace("src=x onerror", ""))


def test_10000_nodes_in_a_chain_are_drawn_without_recursion():
    width, height = shape(render_svg(chain(10_000)))
    assert width > height / 4


@given(WIDE, st.floats(20, 400), st.booleans())
def test_a_text_is_cut_to_its_room(text, room, bold):
    cut = fitted(text, room, 12, bold=bold)
    assert text_width(cut, 12, bold=bold) <= room + 1e-6
    assert cut in (text, "") or cut.endswith("…")


def test_times_as_people_read_them():
    assert [milliseconds(one) for one in (None, 0.2, 1.4, 999.6)] == ["", "< 1 ms", "1 ms", "1000 ms"]
    assert milliseconds(12_345.0) == "12.3 s"
    assert [speed(one) for one in (None, 0.0, 49.9, 50.0, 250.0)] == ["none", "fast", "fast", "fair", "slow"]


def test_the_picture_in_the_docs_is_what_the_code_draws(tmp_path):
    """`python docs/assets/hive.py` draws it again."""
    import runpy

    assets = Path(__file__).parent.parent.parent / "docs" / "assets"
    draw = runpy.run_path(str(assets / "hive.py"))["draw"]
    assert (assets / "hive.svg").read_text(encoding="utf-8") == draw()
