"""Where webhooks may go, and how they are signed."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from delivery.public_places import BadPlace, Places
from delivery.standard_webhooks import make_secret, signed_headers


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0",  # noqa: S104 - to be refused
        "224.0.0.1", "255.255.255.255", "240.0.0.1", "::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1",
        "ff02::1",
        "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a00:1", "2002:7f00:1::",
        "2002:0a00:0001::1", "localhost", "", "192.0.2.1", "2001:db8::1",
    ],
)  # fmt: skip
def test_an_inner_address_is_never_connected_to(address: str) -> None:
    assert not Places().allow(address)
    assert not Places(("203.0.113.0/24",)).allow(address)


@pytest.mark.parametrize("address", ["93.184.216.34", "8.8.8.8", "2606:2800:220:1:248:1893:25c8:1946"])
def test_a_public_address_is_for_https_only(address: str) -> None:
    assert Places().allow(address)
    assert not Places(("10.0.0.0/8",)).allow(address, is_plain=True)


def test_a_network_that_was_named_may_be_reached_either_way() -> None:
    places = Places(("10.0.0.0/8", "::1/128"))
    assert all(places.allow(address, is_plain=True) for address in ("10.9.9.9", "::1", "::ffff:10.0.0.1"))
    assert not places.allow("127.0.0.1", is_plain=True)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://example.com/", "must begin with https"), ("ftp://example.com/", "must begin with https"),
        ("https://", "must begin with https"), ("https://ana:pw@example.com/", "no user"),
        ("https://example.com/#x", "fragment"), ("https://127.0.0.1/", "no public address"),
        ("https://[::1]/", "no public address"), ("https://169.254.169.254/latest", "no public address"),
        ("https://exämple.com/", "plain characters"), ("https://example.com/a b", "plain characters"),
        ("https://example.com/\r\nHost: x", "plain characters"), ("https://8.8.8.8:99999/", "no valid port"),
        ("https://example.com/" + "a" * 500, "500 plain characters"),
    ],
)  # fmt: skip
def test_an_address_that_will_never_do_is_refused_when_it_is_added(url: str, why: str) -> None:
    with pytest.raises(BadPlace, match=why):
        Places().check(url)


def test_good_addresses_are_taken() -> None:
    for url in ("https://example.com/hook?key=1", "https://8.8.8.8:8443/x", "https://hooks.example.com"):
        assert Places().check(url) == url
    assert Places(("10.0.0.0/8",)).check("http://crm.internal:8080/hook")


def test_the_specification_s_own_example_is_signed_as_it_says() -> None:
    """The example of the Standard Webhooks specification: the same secret, id, moment and body."""
    headers = signed_headers(
        "msg_p5jXN8AQM9LWM0D4loKWxJek", b'{"test": 2432232314}',
        secrets=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"], now=datetime.fromtimestamp(1614265330, UTC),
    )  # fmt: skip
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_secret_is_the_same_each_time_and_another_for_each_receiver() -> None:
    made = make_secret("k" * 40, "salt")
    assert made == make_secret("k" * 40, "salt")
    assert made.startswith("whsec_")
    assert len({made, make_secret("k" * 40, "other"), make_secret("j" * 40, "salt")}) == 3
