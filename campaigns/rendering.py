"""One recipient's email: a compiled campaign and a context in, a Content out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from jinja2 import Template, UndefinedError
from jinja2.exceptions import SecurityError

from campaigns.compiling import CompiledCampaign
from campaigns.context import Context
from campaigns.errors import CampaignError
from campaigns.expanding import locate
from campaigns.filters import LinkError
from campaigns.languages import language_of
from campaigns.names import clean_text, names_of
from campaigns.sandbox import runtime_environment

MAX_SIZE = 1_000_000
_MAX_PIECES = 50_000
_EMPTY_LINES = re.compile(r"[ \t]*\n(?:[ \t]*\n){2,}")


@dataclass(frozen=True)
class Content:
    """The words of one email. `subject` is never empty; `subject` and `preheader` are one line each."""

    subject: str = field(repr=False)
    preheader: str = field(repr=False)
    html: str = field(repr=False)
    text: str = field(repr=False)


class RenderError(CampaignError):
    """An email that cannot be made from this context. Names file and line, never a value of the reader's."""

    is_forbidden = False
    """The template asked for something that the sandbox refuses, whoever the reader is."""

    def __init__(self, campaign: str, step: str, file: str, line: int, message: str) -> None:
        super().__init__(file, line, message)
        self.campaign = campaign
        self.step = step


class Renderer:
    """Renders the steps of one compiled campaign, each in the reader's language if all of it is there, and
    else in the campaign's own. Templates are parsed once; threads may share it."""

    def __init__(self, compiled: CompiledCampaign) -> None:
        self._compiled = compiled
        self._html = runtime_environment(escape=True)
        self._text = runtime_environment(escape=False)
        self._templates: dict[tuple[str, str], Template] = {}
        self._others = {code: Renderer(one) for code, one in compiled.translations.items()}

    def render(self, step: str, context: Context) -> Content:
        """The same context always gives the same email, in one language, days included.

        Raises RenderError.
        """
        code = self.language(step, context.locale)
        return self._others.get(code, self)._render(step, context.in_language(code))

    def language(self, step: str, locale: str) -> str:
        """What a reader of this locale gets the step in."""
        code = language_of(locale)
        has_it = code in self._others and step in self._others[code]._compiled.sources
        return code if has_it else self._compiled.language.code

    def _render(self, step: str, context: Context) -> Content:
        names = names_of(context, self._compiled.facts, step)
        subject = names["subject"] = clean_text(self._part(step, "subject", names))
        if not subject:
            raise self._error(step, "subject", 1, "the subject is empty")
        preheader = names["preheader"] = clean_text(self._part(step, "preheader", names))
        html = self._part(step, "html", names)
        text = _EMPTY_LINES.sub("\n\n", self._part(step, "text", names)).strip("\n") + "\n"
        return Content(subject, preheader, html, text)

    def _part(self, step: str, part: str, names: Mapping[str, Any]) -> str:
        try:
            template = self._template(step, part)
            pieces = list(islice(_pieces(template, names), _MAX_PIECES))
        except RenderError:
            raise
        except Exception as error:  # a template can raise anything
            raise self._explain(step, part, error) from None
        size = sum(map(len, pieces))
        if size > MAX_SIZE or len(pieces) == _MAX_PIECES:
            raise self._error(step, part, 1, f"this part is larger than {MAX_SIZE // 1000} kB")
        return "".join(pieces)

    def _template(self, step: str, part: str) -> Template:
        template = self._templates.get((step, part))
        if template is None:
            if step not in self._compiled.sources:
                raise RenderError(
                    self._compiled.name, step, f"{self._compiled.name}/{step}", 0, "there is no such step"
                )
            environment = self._html if part == "html" else self._text
            template = environment.from_string(self._compiled.sources[step][part])
            self._templates[step, part] = template
        return template

    def _explain(self, step: str, part: str, error: Exception) -> RenderError:
        _, line = locate(error) or ("", 1)
        refused = self._error(step, part, line, _reason(error))
        refused.is_forbidden = isinstance(error, SecurityError)
        return refused

    def _error(self, step: str, part: str, line: int, message: str) -> RenderError:
        label, origins = self._compiled.file(step, part), self._compiled.origins.get(step, {}).get(part, ())
        if 0 < line <= len(origins) and origins[line - 1].line:
            label, line = origins[line - 1].file, origins[line - 1].line
        return RenderError(self._compiled.name, step, label, line, message)


def _pieces(template: Template, names: Mapping[str, Any]) -> Iterator[str]:
    return template.root_render_func(template.new_context(dict(names), shared=False))


def _reason(error: Exception) -> str:
    """What went wrong, without any value: a message of Python's may quote what the reader typed."""
    if isinstance(error, UndefinedError):
        return "this tag uses a name, an attribute or a key that does not exist here"
    if isinstance(error, LinkError):
        return str(error)
    if isinstance(error, SecurityError):
        return f"the sandbox refuses this: {error}"
    if isinstance(error, (TypeError, AttributeError)):
        return "this tag uses a value that is empty here (None); test for it with {% if %} first"
    return f"this tag failed ({type(error).__name__})"
