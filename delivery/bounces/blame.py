"""Whether a refusal is the address's own fault: what only the address's end can mend, and nobody will."""

from __future__ import annotations

import re

_BAD = ("1.0", "1.1", "1.2", "1.3", "1.4", "1.6", "1.10", "2.0", "2.1", "4.4", "4.310")
"""Of RFC 3463 and IANA's registry: no such mailbox, no such domain, moved, disabled. 4.4 and 4.310 are how
Postfix and Exchange say that the domain does not exist. Not among them: full (2.2), too large (2.3, 3.4), our
own sender address (1.7, 1.8), and policy (7.x), where another email may pass."""
_UNSAID = ("0.0", "4.1", "5.0", "")
"""Codes that servers use for anything: the words decide. 4.1 is how Exchange says that it has nobody so."""
_STATUS = re.compile(r"(?<![\d.])([245])\.(\d{1,3}\.\d{1,3})(?![\d.]*\d)")


def _any(*phrases: str) -> re.Pattern[str]:
    return re.compile("|".join(phrases), re.IGNORECASE)


_FULL = _any(
    r"mailbox (is |was )?(too )?full",
    r"over (its |the |their )?(disk )?quota",
    r"(over|exceed\w*) (its |the |their )?(storage|quota|mailbox|size) ?(limit|size)?",
    r"out of (storage|disk|space)",
    r"quota (has been |is |was )?(exceeded|full)",
    r"insufficient (system |disk )?(storage|space)",
    r"not enough (storage|disk)? ?space",
)
_WHO = "(user|recipient|mailbox|address|account|alias|addressee)"
_NOBODY = _any(
    _WHO + r"( \S{1,40})? (is )?(unknown|not found|invalid|disabled|inactive|not known)",
    _WHO + r"( \S{1,40})? (does not|doesn'?t|not) exist",
    r"(unknown|no such|invalid|non-?existent|bad|inactive|disabled) (local |virtual |mail)?" + _WHO,
    r"no " + _WHO + r" (here )?by that name",
    r"recipient address rejected: (access denied|user)",
    r"(host|domain)( name)?( \S{1,80})? (not found|does not exist)",
    r"55[013]\W.{0,80}mailbox unavailable",  # RFC 5321's own words; a 450 has them too
    r"account that you tried to reach (does not|is disabled)",
)
_POLICY = _any(
    "spam", r"block(ed|list)", r"black\W?list", "reputation", "policy", "dmarc", r"\bspf\b", "dkim"
)


def is_address_to_blame(status: str, said: str) -> bool:
    """`status` is an enhanced code such as 5.1.1; where it says nothing (5.0.0, ""), the first in `said`.

    In doubt the address is not to blame: somebody's interview may be tomorrow, and the next email will tell.
    """
    said = " ".join(said[:4000].split())
    found = _STATUS.search(status)
    if found is None or found[2] == "0.0":
        found = _STATUS.search(said) or found
    if (found and found[1] != "5") or _FULL.search(said):
        return False
    code = found[2] if found else ""
    if code in _BAD:
        return True
    return code in _UNSAID and bool(_NOBODY.search(said)) and not _POLICY.search(said)
