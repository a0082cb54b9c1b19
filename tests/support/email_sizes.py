"""How large every email is, as a table for docs/reference/email-sizes.md.

python tests/support/email_sizes.py > docs/reference/email-sizes.md
"""

from __future__ import annotations

import sys
import zlib

from readers import KEYS, branches

PAGE = """\
# Sizes of the emails

Gmail cuts an email off near 102 kB of HTML; `runup campaigns check` refuses more than 80. This table holds
the second interview's emails over some 290 readers each, in every branch. Make it again with

```sh
python tests/support/email_sizes.py > docs/reference/email-sizes.md
```

A test fails when it is more than a fifth out of date.

| email | HTML, smallest | HTML, largest | largest, gzipped | text, largest | words, most |
|---|---|---|---|---|---|
{rows}

kB are 1000 bytes.
"""


def sizes(key: str, locale: str = "en") -> tuple[int, int, int, int, int]:
    """Bytes of HTML (smallest, largest, largest compressed) and of text, and words of text."""
    contents = [content for _, content in branches(key, locale)]
    largest = max((content.html.encode() for content in contents), key=len)
    return (
        min(len(content.html.encode()) for content in contents),
        len(largest),
        len(zlib.compress(largest)),
        max(len(content.text.encode()) for content in contents),
        max(len(content.text.split()) for content in contents),
    )


def row(key: str, locale: str = "en") -> str:
    *lengths, words = sizes(key, locale)
    name = f"`{key}`" if locale == "en" else f"`{key}` in `{locale}`"
    return f"| {name} | {' | '.join(f'{length / 1000:.1f} kB' for length in lengths)} | {words} |"


def page() -> str:
    return PAGE.format(rows="\n".join(row(key, locale) for locale in ("en", "de") for key in KEYS))


if __name__ == "__main__":
    sys.stdout.write(page())
