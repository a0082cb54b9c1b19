"""The issues an operator can name: files below `newsletters/` in the workspace."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from campaigns.finding import Finding
from campaigns.issue_checking import check_issue
from campaigns.issue_file import IssueFile, find_issues, read_issue
from campaigns.issue_words import CompiledIssue, compile_issue
from campaigns.preview import SAMPLE_BRAND
from runup.application import brand_of, run_of
from runup.cli.errors import BadInput
from runup.cli.shelf import base_of
from runup.lists_file import read_lists
from runup.settings import Settings, SettingsError
from runup.workspace import WorkspaceError, nearest
from subscribers import NewsletterList

FOLDER = "newsletters"
Issue = Annotated[
    str,
    Parameter(name="ISSUE", help="LIST/NAME, as its file below newsletters/; NAME alone where one has it."),
]


@dataclass(frozen=True)
class IssueShelf:
    """The lists and the issues of one workspace."""

    settings: Settings

    @property
    def folder(self) -> Path:
        return self.settings.home / FOLDER

    @cached_property
    def lists(self) -> dict[str, NewsletterList]:
        """By key. Raises SettingsError where lists.toml cannot be read."""
        try:
            return {one.key: one for one in read_lists(self.settings.home)}
        except WorkspaceError as error:
            raise SettingsError(str(error)) from None

    @cached_property
    def names(self) -> list[str]:
        """`weekly/december` for every file there is."""
        return [f"{list_key}/{slug}" for list_key, slug in find_issues(self.folder)]

    def find(self, wanted: str, *, also: Collection[str] = ()) -> tuple[str, str]:
        """List and name of the issue somebody means. `also`: names without a file that are known too.

        Raises BadInput with the nearest name.
        """
        names = sorted({*self.names, *also})
        wanted = wanted.removeprefix(f"{FOLDER}/").removesuffix(".md").removesuffix(".mjml")
        found = [name for name in names if wanted in (name, name.partition("/")[2])]
        if len(found) > 1:
            raise BadInput(f"{wanted!r} is the name of several issues: {', '.join(found)}")
        if not found:
            short = {name.partition("/")[2]: name for name in names}
            hint = nearest(wanted, names) or nearest(wanted, list(short))
            known = f"; there is: {', '.join(names[-5:])}" if names else "; `runup newsletters new` makes one"
            raise BadInput(f"there is no issue {wanted!r}{hint or known}")
        list_key, _, slug = found[0].partition("/")
        return list_key, slug

    def those(self, wanted: str) -> list[tuple[str, str]]:
        """List and name of the issue somebody means, or of every file if they named none."""
        return [self.find(wanted)] if wanted else find_issues(self.folder)

    def list_of(self, key: str) -> NewsletterList:
        """Raises BadInput with the nearest list."""
        if key not in self.lists:
            known = nearest(key, self.lists) or f"; there is: {', '.join(self.lists)}"
            raise BadInput(f"there is no list {key!r} in lists.toml{known}")
        return self.lists[key]

    def read(self, list_key: str, slug: str) -> IssueFile:
        """Raises CampaignError with file and line, and BadInput for a folder that is no list."""
        self.list_of(list_key)
        return read_issue(self.folder, list_key, slug)

    def compile(self, issue: IssueFile) -> CompiledIssue:
        """Raises CampaignError with file and line."""
        brand = brand_of(self.settings)
        return compile_issue(
            issue,
            list_name=self.list_of(issue.list_key).name,
            brand=brand,
            base=base_of(self.settings),
            sign_up_url=f"{brand.site_url}/newsletter",
            run=run_of(self.settings),
        )

    def check(self, issue: IssueFile, *, with_notes: bool = False, compile_too: bool = True) -> list[Finding]:
        """Everything that is wrong with it, errors first; see `check_issue`."""
        site = brand_of(self.settings).site_url
        return check_issue(
            issue,
            list_name=self.list_of(issue.list_key).name,
            lists=list(self.lists),
            base=base_of(self.settings),
            # For a sample brand: an address of this machine in the settings is no fault of the issue's.
            brand=replace(SAMPLE_BRAND, site_url=site) if site.startswith("https://") else SAMPLE_BRAND,
            with_notes=with_notes,
            compile_too=compile_too,
            counts_clicks=self.settings.count_clicks,
            run=run_of(self.settings),
        )
