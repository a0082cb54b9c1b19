from __future__ import annotations


class CampaignError(Exception):
    """A file of a campaign is wrong: `second_interview/sequence.toml:12: step 'details', time: …`.

    `line` is 1-based; 0 when the whole file is meant.
    """

    def __init__(self, file: str, line: int, message: str) -> None:
        self.file = file
        self.line = line
        self.message = message
        super().__init__(f"{file}:{line}: {message}" if line else f"{file}: {message}")
