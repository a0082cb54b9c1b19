"""The campaign of the sign-up page has ended: nobody is told to look into their inbox for nothing."""

from __future__ import annotations

from full_disks import BY_PROGRAM, people

from campaigns import Campaign, archive, register, resume


def test_nobody_signs_up_for_what_has_ended(visitor) -> None:
    app = visitor.application
    with app.database.write() as session:
        campaign = register(session, app.catalog, app.settings.campaign, now=app.clock())
        archive(session, campaign, now=app.clock(), why="over")
    page = visitor.sign_up(email="kiri@example.com")
    assert (page.status_code, "These emails have ended" in page.text) == (410, True)
    program = visitor.http.post("/api/sign-ups", json=BY_PROGRAM)
    assert (program.status_code, program.headers["content-type"]) == (410, "application/problem+json")
    assert people(app) == 0
    with app.database.write() as session:
        resume(session, session.get_one(Campaign, campaign.key), now=app.clock())
    assert visitor.sign_up(email="kiri@example.com").status_code == 303
