"""What mkdocs does beside rendering: the project's own files become pages, citations of the protocol become links."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from markdown.extensions.toc import slugify
from mkdocs.structure.files import File

ROOT = Path(__file__).parent.parent.parent
PROJECT_FILES = {
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security-policy.md",
}
HEADING = re.compile(r"^#{2,4} ((\d+(?:\.\d+)?)\.? .+)$", re.MULTILINE)
CITATION = re.compile(
    r"(?P<page>wire(?:-v3)?)\.md,? sections? (?P<number>\d+(?:\.\d+)?)"
)
MORE = re.compile(r"((?:, | and | to )\d+(?:\.\d+)?)+")


def on_files(files: Any, config: Any) -> Any:
    """CHANGELOG, CONTRIBUTING and SECURITY are pages of the site; what they link to in docs/ is beside them there."""
    for name, page in PROJECT_FILES.items():
        text = (
            (ROOT / name).read_text(encoding="utf-8").replace("](docs/", "](")
        )
        for other, other_page in PROJECT_FILES.items():
            text = text.replace(f"]({other}", f"]({other_page}")
        files.append(File.generated(config, page, content=text))
    return files


def _anchors(page: str) -> dict[str, str]:
    """Number of a section -> its anchor."""
    text = (ROOT / "docs/reference" / f"{page}.md").read_text(encoding="utf-8")
    return {
        number: slugify(title.replace("`", ""), "-")
        for title, number in HEADING.findall(text)
    }


ANCHORS = {page: _anchors(page) for page in ("wire", "wire-v3")}


def on_page_content(html: str, page: Any, config: Any, files: Any) -> str:  # noqa: ARG001
    """`wire.md section 5.7` in a docstring is a link to that section."""

    def link(found: re.Match[str]) -> str:
        anchor = ANCHORS[found["page"]].get(found["number"])
        target = files.get_file_from_path(f"reference/{found['page']}.md")
        name = "the wire" if found["page"] == "wire" else "the wire, version 3"
        if anchor is None:
            return f"{name}, section {found['number']}"
        return f'<a href="{target.url_relative_to(page.file)}#{anchor}">{name}, section {found["number"]}</a>'

    return CITATION.sub(link, html)


def on_post_page(output: str, page: Any, config: Any) -> str:  # noqa: ARG001
    """The theme gives the search dialog no name, which readers of screens need."""
    return output.replace(
        'data-md-component="search" role="dialog">',
        'data-md-component="search" role="dialog" aria-label="Search">',
    )


def on_post_template(
    output_content: str, template_name: str, config: Any
) -> str:
    """The same for the 404 page, which is no page to mkdocs."""
    return (
        on_post_page(output_content, None, config)
        if template_name == "404.html"
        else output_content
    )
