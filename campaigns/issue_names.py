"""The names that an issue's words may use: no interview, no plan, only what every reader of a list has."""

from __future__ import annotations

from collections.abc import Iterator

from jinja2 import nodes

from campaigns.compiling import CompiledCampaign
from campaigns.errors import CampaignError
from campaigns.finding import place
from campaigns.sandbox import runtime_environment

FOREIGN = frozenset(("interview", "plan", "merged", "is_rush"))
_MESSAGE = "an issue knows no `{name}`; there is subscriber.first_name, links, brand and list.name"


def foreign_names(compiled: CompiledCampaign) -> Iterator[CampaignError]:
    """Each use of a name that only the emails of a campaign have."""
    environment = runtime_environment(escape=True)
    for step, parts in compiled.sources.items():
        for part, source in parts.items():
            for node in environment.parse(source).find_all(nodes.Name):
                if node.ctx == "load" and node.name in FOREIGN:
                    found = place(compiled, step, part, node.lineno, _MESSAGE.format(name=node.name))
                    yield CampaignError(found.file, found.line, found.message)
