"""The recipient's tags in an issue's words, out of reach of Markdown and back again."""

from __future__ import annotations

import re

from campaigns.errors import CampaignError

_TAG = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.S)
_OPEN, _CLOSE = "\ue000", "\ue001"
_MARK = re.compile(f"{_OPEN}(\\d+){_CLOSE}")
# `list` is the newsletter; its facts are known when an issue is compiled, whoever reads it.
_LIST = re.compile(r"(?<![\w.])list(?=\s*\.)")
_BEGINS = re.compile(r"\{%[-+]?\s*(if|for|set|macro|call|filter|with)\b")
_ARM = re.compile(r"\{%[-+]?\s*(else|elif)\b")
_ENDS = re.compile(r"\{%[-+]?\s*end")


class Tags:
    """`{{ subscriber.first_name }}` as a mark that Markdown takes for a word, wherever it stands."""

    def __init__(self) -> None:
        self._sources: list[str] = []

    def hide(self, text: str, file: str) -> str:
        """The text with a mark for each tag. Raises CampaignError for a tag of more than one line."""
        for found in (re.search(f"[{_OPEN}{_CLOSE}]", text), *_TAG.finditer(text)):
            if found and (found[0] in (_OPEN, _CLOSE) or "\n" in found[0]):
                line = text.count("\n", 0, found.start()) + 1
                what = "write this tag on one line" if "\n" in found[0] else "this character has no meaning"
                raise CampaignError(file, line, what)
        return _TAG.sub(lambda found: self._mark(found[0]), text)

    def show(self, text: str) -> str:
        """The text with its tags back."""
        return _MARK.sub(lambda found: self._sources[int(found[1])], text)

    def are_all(self, line: str) -> bool:
        """Whether a line holds statements (`{% %}`) and nothing else."""
        marks = _MARK.findall(line)
        is_bare = bool(marks) and not _MARK.sub("", line).strip()
        return is_bare and all(not self._sources[int(one)].startswith("{{") for one in marks)

    def depth(self, line: str) -> int:
        """How many `{% if %}` and the like it opens more than it closes."""
        sources = [self._sources[int(one)] for one in _MARK.findall(line)]
        return sum(bool(_BEGINS.match(one)) - bool(_ENDS.match(one)) for one in sources)

    def is_arm(self, line: str) -> bool:
        """Whether it holds an `{% else %}` or `{% elif %}`."""
        return any(_ARM.match(self._sources[int(one)]) for one in _MARK.findall(line))

    def _mark(self, source: str) -> str:
        if source.startswith("{#"):  # a remark among writers
            return ""
        self._sources.append(of_list(source))
        return f"{_OPEN}{len(self._sources) - 1}{_CLOSE}"


def of_list(text: str) -> str:
    """The same words, with `list.name` of every tag in them read from the issue's facts."""
    return _TAG.sub(lambda found: _LIST.sub("facts.list", found[0]), text)
