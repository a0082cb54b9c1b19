"""The site while its database is away: it asks people to come again, and never says "done" of what is not."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from blackouts import Power, power
from full_disks import BY_PROGRAM, asked_to_come_again, has_left, people

from runup.application import Application
from subscribers import Purpose

__all__ = ["power"]


SAM = {
    "email": "sam@example.com",
    "interview_date": "2026-12-04",
    "home_zone": "America/St_Johns",
    "consent": "yes",
}


@pytest.fixture
def application(power: Power, open_application: Callable[..., Application]) -> Application:
    return open_application(database=power.url)


def test_while_it_is_away_people_are_asked_to_come_again(visitor, power: Power) -> None:
    leaver = visitor.confirmed()
    plan = visitor.path(Purpose.PLAN, leaver.id)
    unsubscribe = visitor.path(Purpose.UNSUBSCRIBE, leaver.subscriber_id)
    token = visitor.token_on(f"{plan}/cancel")
    page = {"form_token": visitor.token_on("/")} | SAM
    visitor.application.clock.forward(seconds=5)
    power.off()
    assert asked_to_come_again(visitor.http.post("/sign-up", data=page))
    for _ in range(3):  # ten minutes of it
        assert asked_to_come_again(visitor.sign_up(email="kiri@example.com"))
        assert asked_to_come_again(visitor.http.post("/api/sign-ups", json=BY_PROGRAM))
        assert asked_to_come_again(visitor.http.post(unsubscribe, data={"List-Unsubscribe": "One-Click"}))
        assert asked_to_come_again(visitor.http.post(f"{plan}/cancel", data={"form_token": token}))
        assert visitor.get(f"{unsubscribe}").status_code == 200, "the page itself needs no database"
        visitor.application.clock.forward(minutes=3)
    power.on()
    assert people(visitor.application) == 1
    assert visitor.http.post("/sign-up", data=page).status_code == 303
    assert people(visitor.application) == 2, "the same page sent once more is no second time"
    assert not has_left(visitor.application)
    assert visitor.sign_up(email="kiri@example.com").status_code == 303, "without a restart"
    assert visitor.http.post(unsubscribe, data={"List-Unsubscribe": "One-Click"}).status_code == 200
    assert has_left(visitor.application)
