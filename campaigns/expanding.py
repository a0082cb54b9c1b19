"""The compile stage: layout, components and includes become one document per part of an email."""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches
from types import TracebackType
from typing import Any

from jinja2 import (
    FunctionLoader,
    Template,
    TemplateError,
    TemplateNotFound,
    TemplateSyntaxError,
    UndefinedError,
)

from campaigns.colors import TOOLS as COLOR_TOOLS
from campaigns.errors import CampaignError
from campaigns.languages import Language, MissingWords, own_language
from campaigns.marks import COMPILE_DELIMITERS, Document, Marks
from campaigns.sandbox import Sandbox
from campaigns.source_files import PARTS, CampaignFiles
from campaigns.variants import step_of

_MAX_ITEMS = 1000


class Expander:
    """Puts the files of one campaign together, with `brand`, `facts`, `step` and `language` in reach of
    `[[ ]]`. A path means the file in the language at hand."""

    def __init__(
        self, files: CampaignFiles, names: Mapping[str, Any], language: Language | None = None
    ) -> None:
        self._files = files
        self._language = language or Language(own_language(files.texts))
        self._marks = Marks()
        self._environment = Sandbox(
            loader=FunctionLoader(self._load),
            autoescape=False,  # the authors' own words and markup; no recipient's value exists at this stage
            keep_trailing_newline=True,
            trim_blocks=True,
            lstrip_blocks=True,
            **COMPILE_DELIMITERS,
        )
        self._environment.allow(range=_bounded_range, **COLOR_TOOLS)
        self._environment.globals.update(names, language=self._language.code)

    def expand(self, path: str, step: str) -> Document:
        """One part of one step. Raises CampaignError with the file and line at fault."""
        label = self._files.label(self._language.name(path))
        if self._language.name(path) not in self._files.texts:
            kind = CampaignError if self._language.is_own else MissingWords
            raise kind(label, 0, "this file is missing")
        try:
            expanded = self._environment.get_template(path).render(step=step_of(step))
        except (CampaignError, MemoryError):
            raise
        except Exception as error:  # a template can raise anything
            raise self._explain(error, label) from None
        own_folder = self._files.label(self._language.name(f"{step}/{PARTS['html']}")).rpartition("/")[0]
        return self._marks.read(expanded, f"{own_folder}/")

    def _load(self, path: str) -> tuple[str, str, None] | None:
        try:
            path = self._language.find(self._files.texts, path)
        except MissingWords as missing:
            raise MissingWords(self._files.label(missing.file), 0, missing.message) from None
        text = self._files.texts.get(path)
        if text is None:
            return None
        label = self._files.label(path)
        return self._marks.mark(text, label), label, None

    def _explain(self, error: Exception, label: str) -> CampaignError:
        if isinstance(error, TemplateSyntaxError):
            return CampaignError(error.filename or label, error.lineno, error.message or "broken tag")
        where, line = locate(error) or (label, 0)
        return CampaignError(where, line, self._reason(error))

    def _reason(self, error: Exception) -> str:
        if isinstance(error, TemplateNotFound):
            near = get_close_matches(str(error.name), list(self._files.texts), n=1)
            return f"there is no file `{error.name}`" + (f"; did you mean `{near[0]}`?" if near else "")
        if isinstance(error, UndefinedError):
            return f"{error.message} (names for each recipient belong in {{{{ }}}}, not in [[ ]])"
        if isinstance(error, TemplateError):
            return error.message or type(error).__name__
        return re.sub("[\x00-\x1f]", "", f"{type(error).__name__}: {error}")


def locate(error: BaseException) -> tuple[str, int] | None:
    """The innermost template file in a traceback and the line of its source."""
    found: tuple[str, int] | None = None
    trace: TracebackType | None = error.__traceback__
    while trace is not None:
        names = trace.tb_frame.f_globals
        if (
            "__jinja_exception__" in names
        ):  # Jinja has already written the template's lines into the traceback
            found = trace.tb_frame.f_code.co_filename, trace.tb_lineno
        elif isinstance(template := names.get("__jinja_template__"), Template):
            found = template.filename or "", template.get_corresponding_lineno(trace.tb_lineno)
        trace = trace.tb_next
    return found


def _bounded_range(*arguments: int) -> range:
    numbers = range(*arguments)
    if len(numbers) > _MAX_ITEMS:
        raise ValueError(f"range is limited to {_MAX_ITEMS} numbers")
    return numbers
