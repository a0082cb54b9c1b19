from __future__ import annotations

from typing import Any


class Said(str):
    """A message in English that remembers how it was made, so that a door can say it in another language.

    It is the English text wherever a text is wanted. `template` and `values` make it: `template % values`.
    `str()` of an exception that carries one gives it back as it is.
    """

    __slots__ = ("template", "values")
    template: str
    values: dict[str, Any]

    def __new__(cls, template: str, **values: Any) -> Said:
        said = super().__new__(cls, template % values if values else template)
        said.template, said.values = template, values
        return said

    def __str__(self) -> str:
        return self
