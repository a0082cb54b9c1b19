"""A small campaign in a folder of its own, for tests of what happens to words on their way to a reader."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime, time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from campaigns.assembling import Part, compile_steps
from campaigns.checking import check_campaign
from campaigns.compiling import CompiledCampaign, compile_campaign
from campaigns.confined import Limits
from campaigns.context import Appointment, Brand, Context, LinkSet, Reader
from campaigns.errors import CampaignError
from campaigns.finding import Finding
from campaigns.jobs import check_job, compile_job
from campaigns.rendering import Content, Renderer
from campaigns.source_files import read_files

LAYOUT = """\
<mjml lang="{{ locale }}">
  <mj-head>
    <mj-title>{{ subject }}</mj-title>
    <mj-preview>{{ preheader }}</mj-preview>
  </mj-head>
  <mj-body>
[% block body %][% endblock %]
    <mj-section><mj-column>
      <mj-text>{{ brand.postal_address }} <a href="{{ links.unsubscribe }}">Unsubscribe</a></mj-text>
    </mj-column></mj-section>
  </mj-body>
</mjml>
"""
COMPONENTS = """\
[% macro button(url, words) %]
<mj-section><mj-column>
  <mj-button href="[[ url ]]">[[ words ]]</mj-button>
</mj-column></mj-section>
[% endmacro %]
"""
BODY = """\
[% extends "_base/layout.mjml" %]
[% from "_base/components.mjml" import button %]
[% block body %]
<mj-section><mj-column>
  <mj-text>Hi {{ subscriber.first_name or "there" }}</mj-text>
</mj-column></mj-section>
[[ button("{{ links.plan }}", "See your plan") ]]
[% endblock %]
"""
TEXT = """\
Hi {{ subscriber.first_name or "there" }}

Your plan: {{ links.plan }}

{{ brand.postal_address }}
Unsubscribe: {{ links.unsubscribe }}
"""


@dataclass
class CampaignFolder:
    """A campaign that tests write into. `details` is there from the start, and correct."""

    root: Path
    brand: Brand

    def write(self, path: str, text: str) -> CampaignFolder:
        """`_base/...` is the design; everything else stands in the campaign."""
        file = self.root / path if path.startswith("_base/") else self.root / "short" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        return self

    def body(self, inside: str, step: str = "details") -> CampaignFolder:
        """The email's MJML, with `inside` as its sections; it starts at line 3."""
        return self.write(
            f"{step}/body.mjml",
            f'[% extends "_base/layout.mjml" %]\n[% block body %]\n{inside}\n[% endblock %]',
        )

    def words(self, inside: str, step: str = "details") -> CampaignFolder:
        """The same with `inside` as the content of one <mj-text>, at line 3."""
        return self.body(f"<mj-section><mj-column><mj-text>{inside}</mj-text></mj-column></mj-section>", step)

    def step(self, key: str) -> CampaignFolder:
        self.write(f"{key}/subject.txt", f"About {key}\n").write(
            f"{key}/preheader.txt", f"A line about {key}\n"
        )
        return self.write(f"{key}/body.mjml", BODY).write(f"{key}/body.txt", TEXT)

    def compile(self, **limits: Any) -> CompiledCampaign:
        return compile_campaign(
            self.root / "short", base=self.root / "_base", brand=self.brand, limits=Limits(**limits)
        )

    def compile_here(self, **limits: Any) -> CompiledCampaign:
        """What the child process does, without the process: for tests of words, where nothing runs away."""
        files = read_files(self.root / "short", self.root / "_base")
        compile_job({"files": asdict(files), "brand": asdict(self.brand)}, Limits(**limits))
        return self.assemble()[0]

    def assemble(self) -> tuple[CompiledCampaign, dict[str, dict[str, Part]]]:
        files = read_files(self.root / "short", self.root / "_base")
        return compile_steps(files, self.brand, Limits(), on_error=_raise)

    def check(self, **options: Any) -> list[Finding]:
        return check_campaign(self.root / "short", base=self.root / "_base", **options)

    def render(self, context: Context, step: str = "details") -> Content:
        return Renderer(self.compile_here()).render(step, context)

    def check_here(self, **options: Any) -> list[Finding]:
        """The same findings without the child process."""
        return self.check(run=_check_here, **options)


def _check_here(_job: str, request: dict[str, Any], limits: Limits, _name: str) -> list[dict[str, Any]]:
    return check_job(request, limits)


def _raise(error: CampaignError) -> None:
    raise error


@pytest.fixture
def brand() -> Brand:
    return Brand(name="Runup", postal_address="1 Sample Street, Berlin", site_url="https://runup.example.com")


@pytest.fixture
def folder(tmp_path: Path, brand: Brand) -> CampaignFolder:
    campaign = CampaignFolder(tmp_path, brand)
    return (
        campaign.write("_base/layout.mjml", LAYOUT).write("_base/components.mjml", COMPONENTS).step("details")
    )


@pytest.fixture
def ana(brand: Brand) -> Context:
    """Ana lives in Berlin, and her interview is there on a Friday at two."""
    starts_at = datetime(2026, 12, 4, 14, 0, tzinfo=ZoneInfo("Europe/Berlin"))
    interview = Appointment(
        day=date(2026, 12, 4),
        start_time=time(14, 0),
        zone="Europe/Berlin",
        starts_at=starts_at,
        home_starts_at=starts_at,
        mode="video",
        days_left=3,
    )
    links = LinkSet(
        plan="https://runup.example.com/plan?a=1&b=2",
        unsubscribe="https://runup.example.com/unsubscribe/signed",
    )
    return Context(
        subscriber=Reader(first_name="Ana", home_zone="Europe/Berlin"),
        interview=interview,
        links=links,
        brand=brand,
    )


@pytest.fixture
def named(ana: Context) -> Callable[[str], Context]:
    """Ana with another first name."""
    return lambda name: replace(ana, subscriber=replace(ana.subscriber, first_name=name))
