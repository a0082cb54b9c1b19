"""What is wrong with a campaign, and where."""

from __future__ import annotations


class CampaignError(Exception):
    """A campaign that cannot be used as it is. `str()` reads `file:line: what is wrong and what to do`.

    `file` starts with the campaign's name (`second_interview/details/body.mjml`) or with `_base/`; `line`
    counts from 1, and 0 stands for the whole file.
    """

    def __init__(self, file: str, line: int, message: str) -> None:
        super().__init__(file, line, message)
        self.file = file
        self.line = line
        self.message = message

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        return f"{where}: {self.message}"
