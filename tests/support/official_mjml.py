"""Has the official MJML (npm) render every email too: a second opinion on what our engine (MRML) accepts.

    python tests/support/official_mjml.py path/to/node_modules/.bin/mjml

Each email goes in as our engine gets it: layouts and components put together, a recipient's tags as plain
words, all branches at once. Ends with code 1 when MJML, in its strict mode, has anything to say.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from readers import BRAND, FOLDER, KEYS

from campaigns.expanding import Expander
from campaigns.mjml_scan import prepare
from campaigns.mjml_tokens import tokenize
from campaigns.source_files import load_facts, read_files


def expanded(key: str) -> str:
    """The MJML of one email as it reaches the engine."""
    files = read_files(FOLDER, FOLDER.parent / "_base")
    document = Expander(files, {"brand": BRAND, "facts": load_facts(files)}).expand(f"{key}/body.mjml", key)
    prepared = prepare(tokenize(document), max_depth=60)
    if prepared.errors:
        raise prepared.errors[0]
    return prepared.mjml


def complaints(program: str, folder: Path, key: str) -> str:
    """What official MJML says about one email; empty when it is content."""
    source, out = folder / f"{key}.mjml", folder / f"{key}.html"
    source.write_text(expanded(key), encoding="utf-8")
    command = [
        program,
        "--config.validationLevel",
        "strict",
        "--config.minify",
        "false",
        str(source),
        "-o",
        str(out),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    said = (done.stdout + done.stderr).strip()
    if done.returncode or said:
        return said or f"ended with code {done.returncode}"
    return "" if out.is_file() and "</html>" in out.read_text("utf-8") else "wrote no HTML"


def main(arguments: list[str]) -> int:
    if len(arguments) != 1:
        sys.stderr.write("usage: python tests/support/official_mjml.py path/to/node_modules/.bin/mjml\n")
        return 2
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        for key in KEYS:
            said = complaints(arguments[0], Path(folder), key)
            wrong += bool(said)
            sys.stdout.write(f"{key}: {said or 'ok'}\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
