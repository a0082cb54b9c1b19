"""What happened between one person and us is one line of time."""

from __future__ import annotations

from pathlib import Path

from terminals import Terminal

from runup.application import Application
from runup.settings import Settings

ANA = "ana@example.com"


def kinds(terminal: Terminal, who: str) -> list[str]:
    return [moment["kind"] for moment in terminal.ok("subscribers", "history", who, "--json").json]


def tick() -> None:
    """A worker of this workspace sends what is due."""
    application = Application.open(Settings.load())
    try:
        worker = application.worker()
        worker.tick()
        worker.close()
    finally:
        application.close()


def test_anas_history_is_told_from_her_sign_up_to_her_erasure(with_ana: Terminal) -> None:
    with_ana.later("2026-11-23T09:01:00+00:00")
    tick()
    with_ana.later("2026-11-24T09:00:00+00:00")
    with_ana.ok("subscribers", "move", ANA, "--date", "2026-12-11")
    with_ana.later("2026-11-25T09:00:00+00:00")
    Path("lists.csv").write_text("email,home_zone,list\nana@example.com,Europe/Berlin,newsletter\n")
    with_ana.ok("subscribers", "import", "lists.csv")
    with_ana.later("2026-11-26T09:00:00+00:00")
    with_ana.ok("subscribers", "export", "all.csv")
    with_ana.ok("subscribers", "export", "ana.csv", "--text", "ana")
    with_ana.later("2026-11-27T09:00:00+00:00")
    with_ana.ok("subscribers", "unsubscribe", ANA)
    with_ana.later("2026-11-28T09:00:00+00:00")
    with_ana.ok("suppressions", "lift", ANA, "--yes")
    told = with_ana.ok("subscribers", "history", ANA, "--json").json
    order = [moment["kind"] for moment in told]
    assert order[:4] == ["known", "signed_up", "confirmed", "agreed"]
    assert [kind for kind in order[4:] if kind != "not_sent"] == [
        "sent", "moved", "list_joined", "agreed", "exported", "exported", "lifted",
    ]  # fmt: skip
    (moved,) = [moment for moment in told if moment["kind"] == "moved"]
    assert (
        moved["detail"]
        == "interview 1: from 2026-12-04 14:00 Europe/Berlin to 2026-12-11 14:00 Europe/Berlin"
    )
    agreed = next(moment for moment in told if moment["kind"] == "agreed")
    assert "Yes, send me the emails for this interview" in agreed["detail"]
    assert "proof: paper form 12" in agreed["detail"]
    assert sorted(moment["what"] for moment in told if moment["kind"] == "exported") == [
        "Exported", "Exported with everybody",
    ]  # fmt: skip
    assert ANA not in with_ana.ok("subscribers", "history", ANA).out
    with_ana.ok("subscribers", "erase", ANA, "--yes")
    left = kinds(with_ana, "1")
    assert "erased" in left
    assert not {"moved", "paused"} & set(left)
    assert "form 12" not in with_ana.ok("subscribers", "history", "1").out
    assert kinds(with_ana, ANA) == ["suppressed"]


def test_who_is_unknown_has_no_history(runup: Terminal) -> None:
    for who in ("nobody@example.com", "17", "nobody@"):
        assert runup("subscribers", "history", who).code == 2
