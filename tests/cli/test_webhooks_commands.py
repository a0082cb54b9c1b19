"""`runup webhooks`, as an operator types it."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import update
from terminals import Terminal, add_ana
from webhook_receiver import Receiver

from runup.application import Application
from runup.database import Database
from runup.providing import poster_of
from runup.settings import Settings
from scheduler.webhook import Webhook


@pytest.fixture
def inside(runup: Terminal, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """A workspace that may post to this machine."""
    monkeypatch.setenv("RUNUP_WEBHOOK_NETWORKS", "127.0.0.0/8")
    return runup


def secret_in(text: str) -> str:
    found = re.search(r"^Secret: (whsec_\S+)$", text, re.MULTILINE)
    assert found, text
    return found[1]


def test_a_receiver_from_its_first_message_to_its_last(inside: Terminal) -> None:
    with Receiver() as receiver:
        said = inside.ok("webhooks", "add", f"{receiver.url}?key=hush", "--events", "sign_up,confirmed").out
        secret = secret_in(said)
        assert said.startswith(f"Webhook 1: sign_up, confirmed to {receiver.url}?…\n")
        assert "took it: HTTP 204" in inside.ok("webhooks", "test", "1").out
        assert receiver.got[0].is_signed_with(secret)
        assert receiver.got[0].path == "/hook?key=hush"
        add_ana(inside)
        assert [row["state"] for row in inside.ok("webhooks", "log", "1", "--json").json] == ["waiting"] * 2

        application = Application.open(Settings.load())
        assert poster_of(application).post() == 2
        application.close()
        assert receiver.types == ["test", "sign_up", "confirmed"]
        assert all(got.is_signed_with(secret) for got in receiver.got)
        (row,) = inside.ok("webhooks", "list", "--json").json
        assert (row["state"], row["waiting"], row["events"]) == ("on", 0, ["sign_up", "confirmed"])
        assert "hush" not in row["receiver"]

        newer = secret_in(inside.ok("webhooks", "secret", "1", "--rotate").out)
        assert newer != secret
        assert secret_in(inside.ok("webhooks", "secret", "1").out) == newer
        inside.ok("webhooks", "test", "1")
        assert receiver.got[-1].is_signed_with(newer)
        assert receiver.got[-1].is_signed_with(secret)

        receiver.status = 500
        result = inside("webhooks", "test", "1")
        assert (result.code, "did not take it: HTTP 500" in result.err) == (1, True)
    assert inside("webhooks", "test", "1").code == 1
    assert inside("webhooks", "remove", "1").code == 2
    inside.ok("webhooks", "remove", "1", "--yes")
    assert inside.ok("webhooks", "list", "--json").json == []


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("add", "http://example.com/", "--events", "sent"), "must begin with https"),
        (("add", "https://10.0.0.1/", "--events", "sent"), "no public address"),
        (("add", "https://example.com/", "--events", "sended"), "did you mean"),
        (("add", "https://example.com/", "--events", ","), "name one or more"),
        (("test", "7"), "there is no webhook 7"),
        (("log", "7", "--state", "lost"), "none of waiting, done, failed"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(runup: Terminal, words: tuple[str, ...], why: str) -> None:
    result = runup("webhooks", *words)
    assert (result.code, result.err.count("\n")) == (2, 1)
    assert why in result.err


def test_one_that_was_switched_off_is_named_and_comes_back(inside: Terminal) -> None:
    inside.ok("webhooks", "add", "https://crm.example.com/x", "--events", "sign_up")
    database = Database(Settings.load().database_url)
    with database.write() as session:
        session.execute(update(Webhook).values(state="off", why="it answered 410 Gone"))
    database.close()
    assert "Webhook" in inside.ok("status").out
    assert [row["state"] for row in inside.ok("status", "--json").json["webhooks"]] == ["off"]
    found = [line for line in inside("doctor", "--json").json if line["subject"] == "webhooks"]
    assert (found[0]["level"], "410 Gone" in found[0]["words"]) == ("failed", True)
    assert "0 messages" in inside.ok("webhooks", "retry", "1").out
    assert inside.ok("webhooks", "list", "--json").json[0]["state"] == "on"
