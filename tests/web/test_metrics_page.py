"""What Prometheus is told: valid, complete, named in the docs, and cheap however much there is."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
import yaml
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import event, select

from runup.metrics import exposing, moment, registry_of
from runup.metrics.census import Census
from runup.metrics.since import Lateness
from runup.settings import SettingsError
from scheduler import Attempt, BreakerState, Heartbeat, Hold, Send, State

DOCS = Path(__file__).parents[2] / "docs"
TOKEN = "a token that only Prometheus has 0123456789"
HEADERS = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture
def application(open_application):
    return open_application(metrics_token=TOKEN)


def told(visitor, **headers):
    answer = visitor.get("/metrics", headers=HEADERS | headers)
    assert answer.status_code == 200, answer.text
    return {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def leave(visitor, *, after: float, lane: int = 0) -> None:
    """The welcome leaves so many seconds after its moment."""
    now = visitor.application.clock()
    with visitor.application.database.write() as session:
        send = session.scalars(select(Send).where(Send.step == "welcome")).one()
        send.lane, send.due_at = lane, now - timedelta(seconds=after)
        send.state, send.reason, send.finished_at, send.ready_at = "accepted", "accepted", now, None
        session.add(
            Attempt(send_id=send.id, number=1, worker="w", provider="outbox", intent_at=now, finished_at=now,
                    kind="ok")
        )  # fmt: skip


def test_whoever_has_no_token_is_told_nothing(visitor):
    for wrong in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Basic {TOKEN}"}):
        answer = visitor.get("/metrics", headers=wrong)
        assert (answer.status_code, answer.text) == (401, "")
        assert answer.headers["www-authenticate"] == "Bearer"


def test_a_site_without_a_token_has_no_such_page(open_application, serve):
    url = serve(open_application())
    assert httpx.get(f"{url}/metrics", headers=HEADERS, timeout=60).status_code == 404
    assert httpx.get(f"{url}/metrics", headers={"Authorization": "Bearer"}, timeout=60).status_code == 404


def test_the_answer_is_valid_and_every_metric_is_on_the_page_of_metrics(visitor):
    text = visitor.get("/metrics", headers=HEADERS).text
    families = {family.name: family for family in text_string_to_metric_families(text)}
    page = (DOCS / "reference" / "metrics.md").read_text("utf-8")
    documented = dict(re.findall(r"^\| `(runup_\w+)` \| (\w+) \|", page, re.MULTILINE))
    exposed = {
        f"{name}_total" if family.type == "counter" else name: family.type
        for name, family in families.items()
    }
    assert {name: kind for name, kind in exposed.items() if name.startswith("runup_")} == documented
    process = {name for name in exposed if not name.startswith("runup_")}
    assert process == set(re.findall(r"`(process_\w+)`", page))
    assert all(family.documentation for family in families.values())


def test_openmetrics_is_spoken_with_whoever_asks_for_it(visitor):
    accept = {"Accept": "application/openmetrics-text; version=1.0.0"}
    answer = visitor.get("/metrics", headers=HEADERS | accept)
    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    assert answer.text.endswith("# EOF\n")


def test_an_email_that_left_late_is_in_the_histogram_of_its_lane(visitor, clock):
    assert told(visitor)["runup_calls_total", "accepted"] == 0
    visitor.confirmed()
    clock.forward(minutes=1)
    leave(visitor, after=45)
    clock.forward(minutes=1)
    found = told_anew(visitor)
    assert found["runup_calls_total", "accepted"] == 1
    assert found["runup_lateness_seconds_count", "personal"] == 1
    assert found["runup_lateness_seconds_sum", "personal"] == 45
    assert found["runup_lateness_seconds_bucket", "30.0", "personal"] == 0
    assert found["runup_lateness_seconds_bucket", "60.0", "personal"] == 1
    assert found["runup_lateness_seconds_bucket", "+Inf", "personal"] == 1
    assert found["runup_lateness_seconds_count", "newsletter"] == 0
    assert found["runup_sign_ups_total",] == 1


def told_anew(visitor):
    """As `told`, when all that was kept is old by the stopwatch."""
    visitor.seconds += 1000
    return {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(generate_latest(visitor.registry).decode())
        for sample in family.samples
    }


@pytest.fixture
def visitor(visitor):
    """With a registry beside the site's whose answers are never kept."""
    visitor.seconds = 0.0
    visitor.registry = registry_of(visitor.application, stopwatch=lambda: visitor.seconds)
    return visitor


def test_what_is_overdue_held_broken_or_silent_is_told(visitor, clock):
    visitor.confirmed()
    clock.forward(minutes=20)
    now = clock()
    with visitor.application.database.write() as session:
        session.add(Hold(kind="clock", began_at=now, detail="it jumped"))
        session.add(BreakerState(provider="smtp", opened_at=now, probe_at=now, failures=7, window_calls=0))
        beat = {"host": "h", "started_at": now, "note": ""}
        for pid, minutes in ((1, 0), (2, 3)):
            last = now - timedelta(minutes=minutes)
            session.add(Heartbeat(worker=f"w{pid}", pid=pid, last_tick_at=last, **beat))
    found = told_anew(visitor)
    assert found["runup_sends_due", "personal"] >= 1
    assert found["runup_oldest_overdue_seconds", "personal"] == pytest.approx(1200, abs=5)
    assert found["runup_hold", "clock"] == 1
    assert (found["runup_breaker_open", "smtp"], found["runup_breaker_failures", "smtp"]) == (1, 7)
    assert found["runup_workers",] == 1
    assert found["runup_worker_tick_age_seconds", "2", "h"] == 180
    assert found["runup_subscribers", "confirmed"] == 1
    assert found["runup_sends", State.PLANNED] >= 1
    assert found["runup_free_bytes", "database"] > 0


def test_nobody_is_named(visitor):
    visitor.confirmed()
    text = visitor.get("/metrics", headers=HEADERS).text.lower()
    assert "ana" not in text.replace("newsletter", "")
    assert "@" not in text


def test_a_database_that_does_not_answer_is_told_as_such(visitor):
    from sqlalchemy import text

    with visitor.application.database.write() as session:
        session.execute(text("ALTER TABLE hold RENAME TO elsewhere"))
    found = told_anew(visitor)
    assert found["runup_database_up",] == 0
    assert ("runup_workers",) not in found


def test_an_answer_serves_everybody_for_a_while(visitor):
    asked = []
    event.listen(visitor.application.database.engine, "before_cursor_execute", lambda *a: asked.append(a[2]))
    told(visitor)
    before = len(asked)
    told(visitor)
    assert len(asked) == before


def test_a_census_that_takes_long_is_taken_seldom(visitor):
    times = iter(
        [0.0, 4.0, 100.0, 203.9, 204.5, 204.6, 204.7]
    )  # 4 seconds; then asked at 100, 203.9 and 204.5
    census = Census(lambda: next(times))
    with visitor.application.database.read() as session:
        first = census.take(session, now=visitor.application.clock())
        assert first.took == 4.0
        assert census.take(session, now=visitor.application.clock()) is first
        assert census.take(session, now=visitor.application.clock()) is first
        assert census.take(session, now=visitor.application.clock()) is not first


def test_all_but_the_census_costs_the_same_with_many_rows(visitor, clock):
    """Every statement of a look goes by an index or over a table of a few rows."""
    visitor.confirmed()
    statements = []
    event.listen(
        visitor.application.database.engine,
        "before_cursor_execute",
        lambda *a: statements.append((a[2], a[3])),
    )
    told_anew(visitor)
    scanned = set()
    with visitor.application.database.engine.connect() as connection:
        for statement, values in [one for one in statements if one[0].startswith("SELECT")]:
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
            scanned |= {
                row.detail for row in plan if re.match(r"SCAN (send|attempt|consent|delivery)\b", row.detail)
            }
    # The census, by its state, and the few that are in doubt; nothing else reads a large table to its end.
    assert scanned == {"SCAN send", "SCAN send USING INDEX ix_send_in_doubt"}


def test_a_bucket_holds_what_is_at_most_its_bound():
    lateness = Lateness()
    for seconds in (0.0, 1.0, 1.1, 400.0, 1e6):
        lateness.add(seconds)
    assert dict(lateness.buckets) | {"+Inf": 5, "1.0": 2, "2.0": 3, "900.0": 4} == dict(lateness.buckets)


def test_an_address_of_its_own_needs_no_token(visitor):
    with exposing(visitor.application, "127.0.0.1:0") as address:
        answer = httpx.get(f"http://{address}/metrics", timeout=60)
        assert "runup_build_info{" in answer.text
        with (
            pytest.raises(SettingsError, match="metrics_listen: cannot listen"),
            exposing(visitor.application, address),
        ):
            pass
    with exposing(visitor.application, "") as nowhere:
        assert nowhere == ""


def test_the_alerts_speak_of_metrics_that_exist(visitor):
    rules = yaml.safe_load((DOCS / "deploy" / "runup.rules.yml").read_text("utf-8"))
    text = visitor.get("/metrics", headers=HEADERS).text
    names = {"up"}
    for family in text_string_to_metric_families(text):
        suffixes = {"counter": ["_total"], "histogram": ["_bucket", "_sum", "_count"]}.get(family.type, [""])
        names |= {family.name + suffix for suffix in suffixes}
    alerts = [rule for group in rules["groups"] for rule in group["rules"]]
    assert len({alert["alert"] for alert in alerts}) == len(alerts) >= 10
    for alert in alerts:
        named = set(re.findall(r"\b(runup_\w+|up)\b", alert["expr"]))
        assert named, alert["alert"]
        assert named <= names, alert["alert"]
        assert alert["expr"].count("(") == alert["expr"].count(")"), alert["alert"]
        assert alert["labels"]["severity"] in ("page", "ticket")
        assert {"summary", "action"} == set(alert["annotations"])
        assert re.fullmatch(r"\d+[mh]", alert.get("for", "1m"))


def test_a_backlog_is_counted_up_to_a_bound_and_no_further(visitor, clock, monkeypatch):
    for name in ("ana", "kiri", "sam"):
        visitor.confirmed(email=f"{name}@example.com")
    clock.forward(minutes=5)
    assert told_anew(visitor)["runup_sends_due", "personal"] == 3
    monkeypatch.setattr(moment, "MOST_COUNTED", 2)
    assert told_anew(visitor)["runup_sends_due", "personal"] == 2
