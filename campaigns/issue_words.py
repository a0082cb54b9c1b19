"""An issue's words, compiled: what its row keeps, the worker renders, and everybody reads afterwards."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import date
from functools import lru_cache
from importlib.resources import files as package_files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from campaigns.compiling import CompiledCampaign, Run, compile_files
from campaigns.confined import Limits, run_confined
from campaigns.context import Appointment, Brand, Context, LinkSet, Reader
from campaigns.errors import CampaignError
from campaigns.issue_file import STEP, IssueFile, facts_of
from campaigns.issue_front import Front
from campaigns.languages import OWN, Language, is_in_design, named
from campaigns.marks import Origin
from campaigns.rendering import Content, Renderer
from campaigns.source_files import CampaignFiles, read_design, read_text, version_of
from campaigns.trial_table import as_table
from campaigns.variants import step_of

if TYPE_CHECKING:
    from campaigns.newsletter import NewsletterIssue

ARCHIVE = "archive"
"""The same words in a frame for everybody: compiled with the issue, never sent."""
_FRAME = ("layout.mjml", "layout.txt", "words.txt")
_FORMAT = 1
_NO_INTERVIEW = Appointment(day=date.min)


@dataclass(frozen=True, kw_only=True)
class CompiledIssue:
    """`words` belongs into the row of that name; `archive` into its `html` and `text`."""

    compiled: CompiledCampaign
    words: str
    archive: Content


def compile_issue(
    issue: IssueFile,
    *,
    list_name: str,
    brand: Brand,
    base: Traversable | Path | None = None,
    sign_up_url: str = "",
    limits: Limits | None = None,
    run: Run = run_confined,
) -> CompiledIssue:
    """Compiles in a child process with limits. Raises CampaignError with the file and line of the issue.

    `base` is the design; the shipped one unless given. `sign_up_url` is where the archive's links lead
    that are each reader's own in the email; the site's first page when left out. `run`: see `compile_files`.
    """
    files = files_of(issue, list_name, base, with_archive=True)
    look = replace(brand, site_url="")  # where the site is comes with each reader's context
    try:
        both = compile_files(files, brand=look, limits=limits, run=run)
        compiled = _located(both, lambda origin: origin_of(issue, files, origin))
        refuse_names(compiled)
        everybody = issue_context(brand=brand, links=_for_everybody(sign_up_url or brand.site_url))
        archive = Renderer(compiled).render(ARCHIVE, replace(everybody, locale=compiled.language.code))
    except CampaignError as error:
        raise located(error, issue, files) from None
    sent = _only(compiled, STEP)
    return CompiledIssue(compiled=sent, words=to_json(sent, issue.front), archive=archive)


def to_json(compiled: CompiledCampaign, front: Front | None = None) -> str:
    """The words as text, with the variants of the head; the same words are always the same text."""
    table: dict[str, Any] = {
        "format": _FORMAT,
        "name": compiled.name,
        "version": compiled.version,
        "language": compiled.language.code,
        "facts": compiled.facts,
        "sources": compiled.sources,
        "origins": {
            step: {part: [(one.file, one.line) for one in lines] for part, lines in parts.items()}
            for step, parts in compiled.origins.items()
        },
    }
    if front and front.decide:
        table["trial"] = as_table(front.variants, front.decide)
    return json.dumps(table, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def from_json(text: str) -> CompiledCampaign:
    """What `to_json` wrote. Raises ValueError for anything else."""
    table = json.loads(text)
    if not isinstance(table, dict) or table.get("format") != _FORMAT:
        raise ValueError("these are no words of an issue")
    origins = {
        step: {part: tuple(Origin(*one) for one in lines) for part, lines in parts.items()}
        for step, parts in table["origins"].items()
    }
    language = Language(table["language"])
    return CompiledCampaign(
        table["name"], table["version"], table["sources"], table["facts"], origins, language
    )


def renderer_of(issue: NewsletterIssue) -> Renderer:
    """Renders the step `issue` for each reader (see `issue_context`). Parsed once per issue and process."""
    return _renderer(issue.words)


def issue_context(
    *, brand: Brand, links: LinkSet, subscriber: Reader | None = None, locale: str = OWN
) -> Context:
    """What an issue's words may see of a reader. `links.unsubscribe` must be there; without `links.plan` the
    footer leaves that link out. There is no interview: no issue can name one."""
    return Context(
        subscriber=subscriber or Reader(), interview=_NO_INTERVIEW, links=links, brand=brand, locale=locale
    )


def fingerprint(words: str, audience: str) -> str:
    """What an approval is of: these words to these people. 12 hex digits."""
    return hashlib.sha256(f"{len(words)}\0{words}\0{audience}".encode()).hexdigest()[:12]


def files_of(
    issue: IssueFile, list_name: str, base: Traversable | Path | None, *, with_archive: bool = False
) -> CampaignFiles:
    """The issue as a campaign of one email. Raises CampaignError where its language has no frame."""
    shipped, code = package_files("templates"), issue.front.language
    design = read_design(base or shipped / "_base")
    texts = {"sequence.toml": f'language = "{code}"\n'} | facts_of(issue, list_name) | design
    for name in _FRAME:
        file = named(name, code) if name == "words.txt" and code != OWN else name
        frame = shipped / "_issue" / file
        if not frame.is_file() or not is_in_design(texts, code):
            line = 0
            raise CampaignError(issue.file, line, f"the frame of an issue has no words in {code!r} yet")
        texts[name] = read_text(frame, f"_issue/{file}").replace("list.name", "facts.list.name")
    for step in (STEP, ARCHIVE) if with_archive else (STEP,):
        texts |= {f"{step}/{part}": text for part, text in issue.texts.items()}
    for key, one in issue.wordings.items():
        texts |= {f"{key}/{part}": text for part, text in one.texts.items()}
    return CampaignFiles(f"{issue.list_key}/{issue.slug}", texts, version_of(texts))


def located(error: CampaignError, issue: IssueFile, files: CampaignFiles) -> CampaignError:
    """The error as one of the file that somebody wrote."""
    origin = origin_of(issue, files, Origin(error.file, error.line))
    return CampaignError(origin.file, origin.line, error.message)


def origin_of(issue: IssueFile, files: CampaignFiles, origin: Origin) -> Origin:
    """Where it was written, for a place in the files of `files_of`."""
    if origin.file == files.name:
        return Origin(issue.file, 0)
    own, _, path = origin.file.partition(f"{files.name}/")
    if own or not path:  # the design's, or told by its place already
        return origin
    folder, _, part = path.partition("/")
    if folder in (STEP, ARCHIVE):
        return Origin(*issue.written_at(part, origin.line))
    if folder in issue.wordings:
        return Origin(*issue.wordings[folder].written_at(part, origin.line))
    return Origin(f"_issue/{path}", origin.line)


def refuse_names(compiled: CompiledCampaign) -> None:
    """Raises CampaignError at a name that only a campaign's emails have."""
    from campaigns.issue_names import foreign_names

    for error in foreign_names(compiled):
        raise error


def _located(compiled: CompiledCampaign, of: Callable[[Origin], Origin]) -> CompiledCampaign:
    origins = {
        step: {part: tuple(map(of, lines)) for part, lines in parts.items()}
        for step, parts in compiled.origins.items()
    }
    return replace(compiled, origins=origins)


def _only(compiled: CompiledCampaign, step: str) -> CompiledCampaign:
    mine = [key for key in compiled.sources if step_of(key) == step]
    sources = {key: compiled.sources[key] for key in mine}
    return replace(compiled, sources=sources, origins={key: compiled.origins[key] for key in mine})


def _for_everybody(address: str) -> LinkSet:
    return LinkSet(**dict.fromkeys(asdict(LinkSet()), address))


@lru_cache(maxsize=8)
def _renderer(words: str) -> Renderer:
    return Renderer(from_json(words))
