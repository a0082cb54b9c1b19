"""Issues of newsletters in the gallery: the same pages, with a shelf for each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, time, timedelta

from campaigns import Catalog
from campaigns.context import Brand
from campaigns.issue_file import STEP, IssueFile
from campaigns.issue_words import CompiledIssue
from campaigns.preview import Branch, sample_contexts
from campaigns.rendering import Content, Renderer
from campaigns.sequence import Anchor, ElapsedRule, Late, OncePer, Sequence, Step, Window
from campaigns.variants import Variant, wording
from runup.gallery.letter import letter
from runup.gallery.wordings import RECIPIENT, Gallery, Shelf, Wording
from scheduler.composing import Sender

_NEVER = ElapsedRule(after=Anchor.CONFIRMED, delay=timedelta())
"""A gallery asks of a step what it says, not when."""


class IssueGallery(Gallery):
    """The issues that were added, each with the wordings its readers get."""

    def __init__(self, catalog: Catalog, *, sender: Sender, now: datetime) -> None:
        self.catalog, self.campaign, self.sender, self.now = catalog, "newsletters", sender, now
        self.sequence = Sequence(
            key=self.campaign,
            name="Newsletters",
            window=Window(opens=time(0), closes=time(23, 59)),
            gap=timedelta(),
            jitter=timedelta(),
            steps=(),
        )
        self.languages = {"en": "English"}  # one stands for all: nobody filters issues by it
        self.shelves: list[Shelf] = []
        self.wordings: dict[str, Wording] = {}
        self._names: dict[str, str] = {}

    def add(self, issue: IssueFile, compiled: CompiledIssue) -> Shelf:
        """A shelf for this issue, and one for each other variant of it behind the first, which is returned.
        Raises CampaignError when it cannot be rendered."""
        step = Step(
            key=f"{issue.list_key}-{issue.slug}",
            title=compiled.archive.subject,
            rule=_NEVER,
            expires=(),
            late=Late.SKIP,
            once_per=OncePer.ENROLLMENT,
            variants=issue.front.variants,
            decide=issue.front.decide,
        )
        self._names[step.key] = f"{issue.list_key}/{issue.slug}"
        shelves = [
            Shelf(step, _whom(issue), self._of(step, compiled, issue.list_key, variant), variant=variant)
            for variant in step.variants or (None,)
        ]
        self.shelves += shelves
        self.wordings |= {wording.name: wording for shelf in shelves for wording in shelf.wordings}
        return shelves[0]

    def test_command(self, shelf: Shelf, wording: Wording) -> str:
        branch = wording.branches[0][0]
        variant = f" --variant {shelf.variant.key}" if shelf.variant else ""
        name = self._names[shelf.step.key]
        return f"runup newsletters send-test {name} you@example.com --branch {branch}{variant}"

    def _of(
        self, step: Step, compiled: CompiledIssue, list_key: str, variant: Variant | None
    ) -> tuple[Wording, ...]:
        renderer, found = Renderer(compiled.compiled), dict[Content, list[tuple[int, Branch]]]()
        language = compiled.compiled.language.code
        for number, branch in enumerate(_readers(self.catalog.brand, language), start=1):
            content = renderer.render(wording(STEP, variant), branch.context)
            found.setdefault(content, []).append((number, branch))
        return tuple(
            self._wording(step, number, content, readers, list_key, variant)
            for number, (content, readers) in enumerate(found.items(), start=1)
        )

    def _wording(
        self,
        step: Step,
        number: int,
        content: Content,
        readers: list[tuple[int, Branch]],
        list_key: str,
        variant: Variant | None,
    ) -> Wording:
        context = readers[0][1].context
        email = letter(
            content,
            context,
            step,
            sender=self.sender,
            recipient=RECIPIENT,
            reference=f"{number:032x}",
            now=self.now,
            campaign=list_key,
        )
        named = tuple((one, branch.name) for one, branch in readers)
        return Wording(step, number, content, context, email, named, variant=variant)


def _whom(issue: IssueFile) -> str:
    only = f", only where {issue.front.audience}" if issue.front.audience else ""
    return f"to the list {issue.list_key}{only}"


def _readers(brand: Brand, locale: str) -> Iterator[Branch]:
    """One reader of each name there is: nothing else of a reader makes another issue."""
    met: set[str] = set()
    for branch in sample_contexts(brand=brand, locale=locale):
        name = branch.context.subscriber.first_name
        if name not in met:
            met.add(name)
            yield replace(branch, name=name or "no name")
