"""`runup doctor`."""

from __future__ import annotations

from dataclasses import asdict

from runup.application import system_clock
from runup.asking_dns import parse_server
from runup.cli.errors import BadInput
from runup.cli.terminal import print_json, show_pairs
from runup.examining import Finding, Level, examine
from runup.examining_dns import OFF

_SIGNS = {Level.OK: "ok     ", Level.WARNING: "warning", Level.FAILED: "FAILED "}


def doctor(*, dns_server: str = "", json: bool = False) -> int:
    """Find what is wrong with this installation, with a remedy each. Exit code 1 when something fails.

    Nothing is sent and nothing is changed.

    Parameters
    ----------
    dns_server
        Whom to ask for DNS records: an address, perhaps with a port; `off` for nobody. Left out: as the
        settings say.
    json
        Print JSON: level (ok, warning, failed), subject, words, remedy.
    """
    if dns_server not in ("", OFF):
        try:
            parse_server(dns_server)
        except ValueError as error:
            raise BadInput(f"--dns-server: {error}") from None
    findings = list(examine(now=system_clock(), dns_server=dns_server))
    if json:
        print_json([asdict(finding) for finding in findings])
    else:
        show_pairs([line for finding in findings for line in _lines(finding)])
    return 1 if any(finding.level is Level.FAILED for finding in findings) else 0


def _lines(finding: Finding) -> list[tuple[str, str]]:
    title = f"{_SIGNS[finding.level]}  {finding.subject}"
    return [(title, finding.words), *([("", f"→ {finding.remedy}")] if finding.remedy else [])]
