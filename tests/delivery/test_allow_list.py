"""On a staging system only the people on the list can be reached."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

from delivery import Email, OutboxConfig, Rejected, open_provider, parse_allow_list, read_outbox

MakeEmail: TypeAlias = Callable[..., Email]


@pytest.mark.parametrize(
    ("entries", "recipient"),
    [
        ("ana@example.com", "ana@example.com"),
        ("ANA@Example.com", "ana@example.COM"),
        ("example.com", "kiri@example.com"),
        ("@example.com", "sam@example.com"),
        ("sam@example.com, example.org\tkiri@example.net", "ana@example.org"),
        ("straße.example", "ana@straße.example"),
        ("xn--strae-oqa.example", "ana@straße.example"),
    ],
)
def test_who_is_on_the_list_gets_the_email(
    tmp_path: Path, to_ana: MakeEmail, entries: str, recipient: str
) -> None:
    staging = open_provider(OutboxConfig(folder=tmp_path), allow_list=parse_allow_list(entries))
    assert staging.deliver(to_ana(recipient=recipient)).message_id
    assert len(list(read_outbox(tmp_path))) == 1
    assert staging.name == "outbox"


@pytest.mark.parametrize(
    "recipient",
    [
        "kiri@example.com",
        "ana@sub.example.org",
        "ana@notexample.org",
        "ana@example.org.evil.example",
        "example.org@evil.example",
        "xana@example.com",
    ],
)
def test_who_is_not_on_the_list_gets_nothing_and_is_not_named(
    tmp_path: Path, to_ana: MakeEmail, recipient: str
) -> None:
    staging = open_provider(OutboxConfig(folder=tmp_path), allow_list=("ana@example.com", "example.org"))
    with pytest.raises(Rejected, match="not on RUNUP_ALLOW_LIST") as refusal:
        staging.deliver(to_ana(recipient=recipient))
    assert recipient not in str(refusal.value)
    assert list(read_outbox(tmp_path)) == []


def test_two_addresses_in_one_do_not_get_past_the_list(tmp_path: Path, to_ana: MakeEmail) -> None:
    staging = open_provider(OutboxConfig(folder=tmp_path), allow_list=("example.com",))
    with pytest.raises(Rejected):
        staging.deliver(to_ana(recipient="stranger@evil.example,ana@example.com"))
    assert list(read_outbox(tmp_path)) == []


@pytest.mark.parametrize("entry", ["ana@", "*", "*.example.com", "ana@b@c", "<ana@example.com>", "-"])
def test_an_entry_that_is_neither_address_nor_domain_is_named(entry: str) -> None:
    with pytest.raises(ValueError, match=r"RUNUP_ALLOW_LIST: .* is neither an address") as refusal:
        parse_allow_list(f"example.com, {entry}")
    assert repr(entry) in str(refusal.value)
    with pytest.raises(ValueError, match="RUNUP_ALLOW_LIST"):
        open_provider(OutboxConfig(folder=Path("unused-by-a-wrong-list")), allow_list=(entry,))


def test_no_list_means_everybody(tmp_path: Path, to_ana: MakeEmail) -> None:
    open_provider(OutboxConfig(folder=tmp_path), allow_list=parse_allow_list("")).deliver(to_ana())
    assert len(list(read_outbox(tmp_path))) == 1
