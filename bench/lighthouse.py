"""What Lighthouse says of the landing page, as a cheap phone and as a desk: `make lighthouse`.

    python bench/lighthouse.py FOLDER [--write FILE]

FOLDER is where npm put `lighthouse` (`node_modules` in it). Starts the real site on a workspace of its own,
asks three times for each form factor, and prints the medians of the four categories. Ends with code 1
below 95.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

AT_LEAST = 95
RUNS = 3
CATEGORIES = ("performance", "accessibility", "best-practices", "seo")
FLAGS = "--headless=new --no-sandbox --disable-gpu --disable-background-networking"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--write", type=Path, help="write the figures as JSON")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as home, site(Path(home)) as address:
        found = {kind: scores(options.folder, address, kind, Path(home)) for kind in ("mobile", "desktop")}
    print(f"{'':10}{''.join(f'{name:>16}' for name in CATEGORIES)}{'kB over the wire':>19}")
    for kind, values in found.items():
        print(f"{kind:10}{''.join(f'{values[name]:16.0f}' for name in (*CATEGORIES, 'kB'))}")
    if options.write:
        options.write.write_text(json.dumps(found, indent=2) + "\n")
    return int(any(values[name] < AT_LEAST for values in found.values() for name in CATEGORIES))


@contextmanager
def site(home: Path) -> Iterator[str]:
    """A workspace with a site on a free port, as an operator starts it; its address."""
    runup = [str(Path(sys.executable).with_name("runup"))]
    environment = os.environ | {"RUNUP_PORT": "0", "RUNUP_HOME": str(home)}
    subprocess.run([*runup, "init", str(home)], check=True, capture_output=True, env=environment)
    with subprocess.Popen(
        [*runup, "serve"],
        cwd=home,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            said = next(found for line in process.stdout if (found := re.search(r"http://[\w.]+:\d+", line)))
            yield said[0]
        finally:
            process.terminate()


def scores(folder: Path, address: str, kind: str, home: Path) -> dict[str, float]:
    """Medians of RUNS reports: the categories out of a hundred, and the kilobytes that went over the wire."""
    reports = [report(folder, address, kind, home) for _ in range(RUNS)]
    found = {
        name: statistics.median(100 * report["categories"][name]["score"] for report in reports)
        for name in CATEGORIES
    }
    weights = (report["audits"]["total-byte-weight"]["numericValue"] / 1000 for report in reports)
    return found | {"kB": statistics.median(weights)}


def report(folder: Path, address: str, kind: str, home: Path) -> dict[str, dict[str, dict[str, float]]]:
    file = home / f"{kind}.json"
    preset = ["--preset=desktop"] if kind == "desktop" else []
    subprocess.run(
        [
            folder / "node_modules" / ".bin" / "lighthouse", address, "--quiet", "--output=json",
            f"--output-path={file}", f"--chrome-flags={FLAGS}", "--no-enable-error-reporting", *preset,
            f"--only-categories={','.join(CATEGORIES)}",
        ],
        check=True,
        timeout=180,
        env=os.environ | {"CHROME_PATH": os.environ.get("RUNUP_CHROMIUM", "/usr/bin/chromium")},
    )  # fmt: skip
    made: dict[str, dict[str, dict[str, float]]] = json.loads(file.read_text())
    return made


if __name__ == "__main__":
    sys.exit(main())
