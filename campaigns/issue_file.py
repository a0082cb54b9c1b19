"""An issue as a file of the workspace: `newsletters/<list>/<slug>.md`, or `.mjml` with a `.txt` beside it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from html import unescape
from pathlib import Path

from campaigns.errors import CampaignError
from campaigns.issue_blocks import Node, read_blocks
from campaigns.issue_front import Front, line_of_key, read_front, split_front
from campaigns.issue_mjml import Row, mjml_rows
from campaigns.issue_shape import pieces_of
from campaigns.issue_tags import Tags, of_list
from campaigns.issue_text import text_rows
from campaigns.source_files import read_text
from campaigns.variants import Variant, wording

STEP = "issue"
"""The key of the one email there is."""
SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,79}")
_NO_ISSUE = (".", "_", "README")
_ADDRESS = re.compile(r"(?<!src=\")https://[^\s<>\"'\])}]+")  # a picture's is looked at by itself


@dataclass(frozen=True, kw_only=True)
class IssueFile:
    """What was written: the head, and the four parts of the email as a campaign's step has them."""

    list_key: str
    slug: str
    """Names it in the archive for good."""
    file: str
    """As people know it: `weekly/2026-12.md`."""
    front: Front
    head: str = field(repr=False)
    """The TOML that `front` was read from, on the lines on which it stands."""
    texts: Mapping[str, str] = field(repr=False)
    """By the name of the part: `subject.txt`, `preheader.txt`, `body.mjml`, `body.txt`."""
    lines: Mapping[str, tuple[int, ...]] = field(repr=False)
    """For each line of a part, the line of the file."""
    files: Mapping[str, str] = field(repr=False)
    """By the name of the part: the file it was written in."""
    wordings: Mapping[str, IssueFile] = field(default_factory=dict, repr=False)
    """Variants with words of their own, by what these are kept under: `issue@question`."""

    def written_at(self, part: str, line: int) -> tuple[str, int]:
        """The file and line behind a line of a part; line 0 stays the whole file."""
        lines = self.lines.get(part, ())
        at = lines[min(line, len(lines)) - 1] if line and lines else line
        return self.files.get(part, self.file), at

    def line_of(self, key: str) -> int:
        """The line on which the head says `key`."""
        return line_of_key(self.head, key)

    @property
    def addresses(self) -> list[str]:
        """Every address in the words, each once."""
        texts = [text for one in (self, *self.wordings.values()) for text in one.texts.values()]
        found = {one[0] for text in texts for one in _ADDRESS.finditer(text)}
        return sorted({unescape(one).rstrip(".,;:") for one in found})


def find_issues(folder: Path) -> list[tuple[str, str]]:
    """List and slug of every issue below `newsletters/`, by name."""
    found = {
        (file.parent.name, file.stem)
        for suffix in (".md", ".mjml")
        for file in folder.glob(f"*/*{suffix}")
        if not (file.name.startswith(_NO_ISSUE) or file.parent.name.startswith((".", "_")))
    }
    return sorted(found)


def read_issue(folder: Path, list_key: str, slug: str) -> IssueFile:
    """The issue of that name. Raises CampaignError with file and line."""
    label = f"{list_key}/{slug}"
    if not SLUG.fullmatch(slug):
        message = "an issue's name has small letters, digits and - only, at most 80: it stands in addresses"
        raise CampaignError(label, 0, message)
    issue = _read(folder, list_key, slug)
    return replace(issue, wordings=dict(_wordings(folder, issue)))


def _wordings(folder: Path, issue: IssueFile) -> Iterator[tuple[str, IssueFile]]:
    for variant in issue.front.variants:
        if variant.is_as_written:
            continue
        own = _template(folder, issue, variant) if variant.template else issue
        if variant.subject:
            texts = {**own.texts, "subject.txt": f"{of_list(variant.subject)}\n"}
            lines = {**own.lines, "subject.txt": (variant.line,)}
            own = replace(own, texts=texts, lines=lines, files={**own.files, "subject.txt": issue.file})
        yield wording(STEP, variant), own


def _template(folder: Path, issue: IssueFile, variant: Variant) -> IssueFile:
    """Another file beside the issue, whose head says a subject and a preheader and nothing of the sending."""
    if not variant.template.startswith("_") or "/" in variant.template:
        message = (
            f"variant {variant.key!r}: the name of its file begins with _, so that it is no issue itself"
        )
        raise CampaignError(issue.file, variant.line, message)
    found = _read(folder, issue.list_key, variant.template)
    front = Front(
        subject=found.front.subject, preheader=found.front.preheader, greeting=found.front.greeting,
        language=issue.front.language,
    )  # fmt: skip
    if found.front != front:
        message = "the head of a variant says subject, preheader and greeting; all else is the issue's"
        raise CampaignError(found.file, 1, message)
    return found


def _read(folder: Path, list_key: str, slug: str) -> IssueFile:
    label = f"{list_key}/{slug}"
    markdown, mjml = folder / list_key / f"{slug}.md", folder / list_key / f"{slug}.mjml"
    if markdown.is_file() and mjml.is_file():
        raise CampaignError(label, 0, "there is a .md and a .mjml of that name; keep one of them")
    if markdown.is_file():
        return parse_markdown(read_text(markdown, f"{label}.md"), list_key, slug)
    if not mjml.is_file():
        raise CampaignError(f"{label}.md", 0, "there is no such issue")
    text = mjml.with_suffix(".txt")
    if not text.is_file():
        raise CampaignError(f"{label}.txt", 0, "this file is missing: the plain-text part is written too")
    return parse_mjml(read_text(mjml, f"{label}.mjml"), read_text(text, f"{label}.txt"), list_key, slug)


def parse_markdown(text: str, list_key: str, slug: str) -> IssueFile:
    """Raises CampaignError, as everything that reads issues."""
    file = f"{list_key}/{slug}.md"
    head, words = split_front(text, file)
    front, tags = read_front(head, file), Tags()
    blocks: list[Node] = read_blocks(tags.hide(words, file), tags, file)
    if not blocks:
        raise CampaignError(file, words.count("\n") + 1, "there are no words below the head")
    pieces = pieces_of(blocks, tags, file)
    rows = {
        "body.mjml": list(mjml_rows(pieces, greeting=front.greeting)),
        "body.txt": list(text_rows(pieces, greeting=front.greeting)),
    }
    texts = {part: tags.show("\n".join(row for row, _ in one)) + "\n" for part, one in rows.items()}
    lines = {part: _line_numbers(one) for part, one in rows.items()}
    return _issue(list_key, slug, front, head, texts, lines, dict.fromkeys(texts, file))


def parse_mjml(mjml: str, text: str, list_key: str, slug: str) -> IssueFile:
    """The head stands in the .mjml; the .txt is the plain-text part and nothing else."""
    file = f"{list_key}/{slug}.mjml"
    head, words = split_front(mjml, file)
    texts = {"body.mjml": of_list(words), "body.txt": of_list(text)}
    lines = {part: tuple(range(1, one.count("\n") + 2)) for part, one in texts.items()}
    files = {"body.mjml": file, "body.txt": f"{list_key}/{slug}.txt"}
    return _issue(list_key, slug, read_front(head, file), head, texts, lines, files)


def _issue(
    list_key: str,
    slug: str,
    front: Front,
    head: str,
    texts: dict[str, str],
    lines: dict[str, tuple[int, ...]],
    files: dict[str, str],
) -> IssueFile:
    file = files["body.mjml"]
    for part in ("subject", "preheader"):
        texts[f"{part}.txt"] = f"{of_list(getattr(front, part))}\n"
        lines[f"{part}.txt"] = (line_of_key(head, part),)
        files[f"{part}.txt"] = file
    return IssueFile(
        list_key=list_key, slug=slug, file=file, front=front, head=head, texts=texts, lines=lines, files=files
    )


def _line_numbers(rows: list[Row]) -> tuple[int, ...]:
    return tuple(line for _, line in rows)


def facts_of(issue: IssueFile, list_name: str) -> dict[str, str]:
    """The files of facts that an issue is compiled with: what its tags say of the list, and its addresses,
    which are known by being written."""
    return {
        "facts/list.toml": f"name = {_toml(list_name)}\n",
        "facts/addresses.toml": f"all = {_toml(issue.addresses)}\n",
    }


def _toml(value: str | list[str]) -> str:
    """Texts as TOML writes them: as JSON does, but for characters outside of ASCII."""
    return json.dumps(value, ensure_ascii=False)
