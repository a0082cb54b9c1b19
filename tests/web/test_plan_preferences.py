"""Pausing, stopping one interview's emails, newsletters: on the plan page, one POST each, and back again."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from runup.web import create_app
from scheduler import Send, outlook
from subscribers import Consent, NewsletterList, Purpose, Subscription, lists_of

LISTS = """
[newsletter]
name = "The monthly letter"
about = "One email a month."

[alumni]
name = "For our alumni"
public = false
"""


@pytest.fixture
def application(open_application, tmp_path):
    (tmp_path / "lists.toml").write_text(LISTS, encoding="utf-8")
    return open_application()


@pytest.fixture
def interview(visitor):
    return visitor.confirmed()


@pytest.fixture
def plan(visitor, interview):
    return visitor.path(Purpose.PLAN, interview.id)


def coming(visitor, interview):
    app = visitor.application
    with app.database.read() as session:
        lines = outlook(session, interview.subscriber_id, catalog=app.catalog)
    return [line.step for line in lines if line.kind == "coming" and line.interview_id == interview.id]


def change(visitor, plan, part, **fields):
    fields = {name.replace("list_", "list-"): value for name, value in fields.items()}
    answer = visitor.send(f"{plan}/{part}", fields, page=plan)
    assert answer.status_code == 303, answer.text
    return visitor.get(answer.headers["location"]).text


def test_a_pause_until_a_day_shows_what_comes_after_it(visitor, interview, plan):
    page = change(visitor, plan, "pause", until_on="2026-12-01")
    assert "Paused." in page
    assert "All emails are paused until Tuesday" in page
    assert coming(visitor, interview)[0] == "catchup"


def test_a_pause_until_further_notice_stops_all_and_going_on_brings_it_back(visitor, interview, plan, clock):
    before = coming(visitor, interview)
    page = change(visitor, plan, "pause")
    assert "All emails are paused until you say so." in page
    assert "You had paused these emails." in page
    assert coming(visitor, interview) == []
    clock.forward(minutes=5)
    page = change(visitor, plan, "go-on")
    assert "Welcome back." in page
    assert "paused until" not in page
    assert [step for step in coming(visitor, interview) if step != "welcome"] == before[1:]


def test_pausing_twice_and_going_on_twice_change_nothing_more(visitor, plan):
    change(visitor, plan, "pause")
    after = visitor.dump()
    assert "That is how it was already." in change(visitor, plan, "pause")
    assert visitor.dump()["email_pause"] == after["email_pause"]
    change(visitor, plan, "go-on")
    assert "That is how it was already." in change(visitor, plan, "go-on")


@pytest.mark.parametrize("day", ["2026-11-23", "2020-01-01", "2028-01-01", "2026-02-30", "x", "0000-00-00"])
def test_a_day_nobody_can_pause_until_is_refused_at_its_field(visitor, plan, day):
    before = visitor.dump()
    answer = visitor.send(f"{plan}/pause", {"until_on": day}, page=plan)
    assert answer.status_code == 422
    assert 'id="until_on-error"' in answer.text
    assert visitor.dump() == before


def test_a_pause_during_which_a_send_was_claimed_wins_over_it(visitor, interview, plan):
    """The last check compares the facts' count: what was planned before the pause may not leave."""
    change(visitor, plan, "pause")
    with visitor.application.database.read() as session:
        epochs = {send.epoch for send in session.scalars(select(Send))}
    assert interview.subscriber.epoch in epochs
    assert visitor.interviews()[0].subscriber.epoch not in epochs


def test_stopping_one_interview_leaves_the_other_alone(visitor, interview, plan):
    other = visitor.confirmed(interview_date="2026-12-18", company="Nordwind")
    page = change(visitor, plan, "stop")
    assert "You have stopped the emails about this interview." in page
    assert coming(visitor, interview) == []
    assert coming(visitor, other) != []
    assert "You have stopped" not in visitor.get(visitor.path(Purpose.PLAN, other.id)).text
    assert "Welcome back." in change(visitor, plan, "go-on")
    assert coming(visitor, interview) != []


def test_a_newsletter_is_joined_with_its_own_words_and_left_again(visitor, interview, plan):
    assert "Noted. You get the newsletters you ticked" in change(
        visitor, plan, "newsletter", list_newsletter="yes"
    )
    with visitor.application.database.read() as session:
        [consent] = session.scalars(select(Consent).where(Consent.purpose == "newsletter:newsletter"))
        assert "“The monthly letter”" in consent.wording
        assert consent.confirmed_at is not None
        assert lists_of(session, interview.subscriber_id) == {"newsletter"}
    assert "checked" in visitor.get(f"{plan}/newsletter").text
    change(visitor, plan, "newsletter")
    with visitor.application.database.read() as session:
        assert lists_of(session, interview.subscriber_id) == set()


@pytest.mark.parametrize("key", ["alumni", "nobodys", "all", "newsletter'--", "x" * 200])
def test_knowing_the_key_of_a_private_list_opens_it_to_nobody(visitor, interview, plan, key):
    page = visitor.get(f"{plan}/newsletter").text
    assert "alumni" not in page
    answer = visitor.send(f"{plan}/newsletter", {f"list-{key}": "yes"}, page=plan)
    assert answer.status_code == 303
    with visitor.application.database.read() as session:
        assert lists_of(session, interview.subscriber_id) == set()


def test_whom_the_operator_put_on_a_private_list_sees_it_and_can_leave_it(visitor, interview, plan):
    with visitor.application.database.write() as session:
        session.add(
            Subscription(
                subscriber_id=interview.subscriber_id,
                list_key="alumni",
                subscribed_at=visitor.application.clock(),
                confirmed_at=visitor.application.clock(),
            )
        )
    assert "For our alumni" in visitor.get(f"{plan}/newsletter").text
    change(visitor, plan, "newsletter")
    with visitor.application.database.read() as session:
        assert lists_of(session, interview.subscriber_id) == set()
    assert "For our alumni" not in visitor.get(f"{plan}/newsletter").text


def test_after_a_goodbye_no_list_is_joined_by_the_way(visitor, interview, plan):
    visitor.http.post(visitor.path(Purpose.UNSUBSCRIBE, interview.subscriber_id), data={})
    before = visitor.dump()
    answer = visitor.send(f"{plan}/newsletter", {"list-newsletter": "yes"}, page=plan)
    assert answer.status_code == 422
    assert "take that back first" in answer.text
    assert visitor.dump() == before


def test_a_goodbye_can_be_taken_back_on_the_plan(visitor, interview, plan, clock):
    visitor.http.post(visitor.path(Purpose.UNSUBSCRIBE, interview.subscriber_id), data={})
    assert coming(visitor, interview) == []
    assert "You have unsubscribed, so nothing leaves." in visitor.get(plan).text
    clock.forward(hours=1)
    assert "Welcome back." in change(visitor, plan, "go-on")
    assert "details" in coming(visitor, interview)


@pytest.mark.parametrize("part", ["pause", "stop", "go-on", "newsletter"])
def test_looking_changes_nothing_and_a_foreign_form_is_refused(visitor, plan, part):
    token = visitor.token_on(plan)
    before = visitor.dump()
    assert visitor.get(f"{plan}/{part}").status_code == 200
    assert visitor.http.head(f"{plan}/{part}").status_code == 200
    foreign = {"Origin": "https://evil.example.com", "Sec-Fetch-Site": "cross-site"}
    sent = {"form_token": token, "until_on": "2026-12-01", "list-newsletter": "yes"}
    assert visitor.http.post(f"{plan}/{part}", data=sent, headers=foreign).status_code == 403
    assert visitor.http.post(f"{plan}/{part}", data={}).status_code == 403
    assert visitor.dump() == before


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[Big]\nname = "x"', "lists.toml:1: 'Big' is no key"),
        ('[one]\nname = ""', "lists.toml:1: [one] needs a name"),
        ('[one]\nname = "x"\npublik = true', "lists.toml:3: there is no field 'publik'"),
        ('[one]\nname = "x"\npublic = "no"', "lists.toml:3: public must be true or false"),
        ('name = "x"', "stands outside a list"),
        ("[one", "lists.toml: "),
    ],
)  # fmt: skip
def test_a_fault_in_the_file_of_lists_names_its_line(application, tmp_path, text, said):
    from runup.workspace import WorkspaceError

    (tmp_path / "lists.toml").write_text(text, encoding="utf-8")
    with pytest.raises(WorkspaceError) as error:
        create_app(application)
    assert said in str(error.value)


def test_without_a_file_there_is_one_public_list(tmp_path):
    from runup.lists_file import read_lists

    [only] = read_lists(tmp_path)
    assert isinstance(only, NewsletterList)
    assert (only.key, only.is_public) == ("newsletter", True)
