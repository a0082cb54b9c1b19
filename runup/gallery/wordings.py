"""What there is to see: the steps of a campaign, and of each the different wordings."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes, policy

from babel import Locale

from campaigns import Catalog, Step
from campaigns.context import Context
from campaigns.describing import describe
from campaigns.rendering import Content
from campaigns.variants import MARK, Variant, shares, wording
from delivery.email import Email
from delivery.mime import as_bytes
from runup.gallery.letter import letter, sample_branches
from scheduler.composing import Sender

_DARK_RULES = re.compile(r"@media\s*\(\s*prefers-color-scheme\s*:\s*dark\s*\)")
_BOTH = re.compile(r"((?:supported-)?color-schemes?\"?\s*(?::|content=\")\s*)light dark")
RECIPIENT = "reader@example.com"


@dataclass(frozen=True)
class Wording:
    """One wording of an email and the sample readers who get exactly it."""

    step: Step
    number: int
    content: Content
    context: Context
    email: Email
    branches: tuple[tuple[int, str], ...] = ()
    """Number and name of each such reader; the first one is who it was rendered for."""
    language: str = ""
    """Empty for the campaign's own."""
    variant: Variant | None = None

    @property
    def name(self) -> str:
        """Its files begin with it: `salary-03`, or `salary-de-03`; of a variant `salary@short-03`."""
        of_variant = f"{self.step.key}{MARK}{self.variant.key}" if self.variant else self.step.key
        return "-".join(filter(None, (of_variant, self.language, f"{self.number:02}")))

    @property
    def size(self) -> int:
        """Bytes of HTML."""
        return len(self.content.html.encode())

    @property
    def message(self) -> bytes:
        return as_bytes(self.email)

    @property
    def headers(self) -> list[tuple[str, str]]:
        message = message_from_bytes(self.message, policy=policy.default)
        return [(name, str(value)) for name, value in message.items()]


@dataclass(frozen=True)
class Shelf:
    """A step with its wordings in one language; `language` is empty for the campaign's own."""

    step: Step
    when: str
    wordings: tuple[Wording, ...]
    language: str = ""
    variant: Variant | None = None

    @property
    def key(self) -> str:
        """No other shelf has it."""
        variant = self.variant.key if self.variant else ""
        return "-".join(filter(None, (self.step.key, variant, self.language)))

    @property
    def share(self) -> int:
        """Percent of the readers who get this variant until one has won."""
        return shares(self.step.variants)[self.variant.key] if self.variant else 100

    def title(self) -> str:
        return self.step.title_in(self.language)

    @property
    def largest(self) -> int:
        return max((wording.size for wording in self.wordings), default=0)


class Gallery:
    """The emails of one campaign, rendered once. `now` dates them. Raises CampaignError when one fails."""

    def __init__(
        self,
        catalog: Catalog,
        campaign: str,
        *,
        sender: Sender,
        now: datetime,
        step: str = "",
        done: Callable[[int], object] = lambda _: None,
    ) -> None:
        self.catalog, self.campaign, self.sender, self.now = catalog, campaign, sender, now
        self.sequence = catalog.sequence(campaign)
        self.renderer = catalog.renderer(campaign)
        own, *others = catalog.languages(campaign)
        self.languages = {code: Locale(code).get_display_name(code) or code for code in (own, *others)}
        """Their names as their speakers call them, the campaign's own first."""
        self.shelves: list[Shelf] = []
        steps = [one for one in self.sequence.steps if step in ("", one.key)]
        for code in ("", *others):
            for one in steps:
                if self.renderer.language(one.key, code) == (code or own):
                    self.shelves += [
                        Shelf(one, describe(one), self._wordings(one, code, variant), code, variant)
                        for variant in one.variants or (None,)
                    ]
                done(1)
        self.wordings = {wording.name: wording for shelf in self.shelves for wording in shelf.wordings}

    def test_command(self, shelf: Shelf, wording: Wording) -> str:
        """What to type to have this wording in one's own inbox."""
        language = f" --language {shelf.language}" if shelf.language else ""
        variant = f" --variant {shelf.variant.key}" if shelf.variant else ""
        return (
            f"runup send-test you@example.com {shelf.step.key} --campaign {self.campaign} "
            f"--branch {wording.branches[0][0]}{language}{variant}"
        )

    @property
    def emails(self) -> int:
        """How many there are, in whatever languages."""
        return len({shelf.step.key for shelf in self.shelves})

    def wording(
        self, step: Step, context: Context, number: int = 0, variant: Variant | None = None
    ) -> Wording:
        """The email of `step` for any reader."""
        content = self.renderer.render(wording(step.key, variant), context)
        email = letter(
            content,
            context,
            step,
            sender=self.sender,
            recipient=RECIPIENT,
            reference=f"{number:032x}",
            now=self.now,
            campaign=self.campaign,
        )
        return Wording(step, number, content, context, email, variant=variant)

    def _wordings(self, step: Step, language: str, variant: Variant | None) -> tuple[Wording, ...]:
        found: dict[Content, list[tuple[int, str, Context]]] = {}
        for number, branch in sample_branches(self.catalog, self.campaign, step, language=language):
            content = self.renderer.render(wording(step.key, variant), branch.context)
            found.setdefault(content, []).append((number, branch.name, branch.context))
        return tuple(
            Wording(
                step,
                number,
                content,
                readers[0][2],
                self.wording(step, readers[0][2], number, variant).email,
                tuple((one, name) for one, name, _ in readers),
                language,
                variant,
            )
            for number, (content, readers) in enumerate(found.items(), start=1)
        )


def on_screen(html: str, scheme: str) -> str:
    """The email as a mail client with a `light` or `dark` screen shows it, whatever the browser prefers."""
    rules = "@media all" if scheme == "dark" else "@media not all"
    return _BOTH.sub(lambda found: found[1] + scheme, _DARK_RULES.sub(rules, html))
