"""What is written down: one line per event, in the form that was asked for, and never a person or a key."""

from __future__ import annotations

import ast
import json
import logging
import re
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from pathlib import Path

import pytest
import structlog
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from runup.logs import configure_logs
from runup.masking import DEEPEST, Mask
from runup.settings import Settings
from subscribers import Links, Purpose

PACKAGES = ("campaigns", "delivery", "runup", "scheduler", "subscribers")
PAGE = Path(__file__).parents[2] / "docs" / "reference" / "logs.md"
SECRET = "correct-horse-battery-staple-0123456789"
LINK = Links([SECRET], "https://runup.example.com").url(Purpose.PLAN, 12345)


@pytest.fixture(autouse=True)
def afterwards_as_before() -> Iterator[None]:
    before, root = structlog.get_config(), logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    structlog.configure(**before)
    root.handlers[:], root.level = handlers, level
    logging.captureWarnings(False)


@pytest.fixture
def written(capsys: pytest.CaptureFixture[str]):
    """What was written since, as events."""
    return lambda: [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_a_line_is_one_event_with_its_moment_level_and_process(written) -> None:
    configure_logs()
    structlog.get_logger().info("tick", accepted=3, held="")
    (line,) = written()
    assert (line["event"], line["level"], line["accepted"]) == ("tick", "info", 3)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z", line["timestamp"])
    assert isinstance(line["process"], int)


@pytest.mark.parametrize(
    ("level", "heard"),
    [("debug", "diwe"), ("info", "iwe"), ("warning", "we"), ("error", "e")],
)
def test_a_level_keeps_what_is_below_it_out(written, level: str, heard: str) -> None:
    configure_logs(level=level)
    log = structlog.get_logger()
    for say, letter in ((log.debug, "d"), (log.info, "i"), (log.warning, "w"), (log.error, "e")):
        say("said", letter=letter)
    assert "".join(line["letter"] for line in written()) == heard


def test_on_a_console_lines_are_for_people(capsys) -> None:
    configure_logs(form="console")
    structlog.get_logger().warning("starts_stopped", kind="clock")
    said = re.sub(r"\x1b\[[\d;]*m", "", capsys.readouterr().err)
    assert re.search(r"\[warning *\] starts_stopped +kind=clock", said)


@pytest.mark.parametrize("form", ["json", "console"])
def test_a_traceback_shows_no_values(capsys, form: str) -> None:
    configure_logs(form=form)
    address = "ana@example.com"
    try:
        raise ValueError(f"cannot write to {address}")
    except ValueError:
        structlog.get_logger().exception("tick_failed")
    said = capsys.readouterr().err
    assert "ValueError" in said
    assert "test_logs.py" in said
    assert "ana@" not in said


def test_what_libraries_say_is_masked_and_in_the_same_form(written) -> None:
    configure_logs(secrets=[SECRET])
    logging.getLogger("uvicorn.error").error("bad request for %s by %s", LINK, "ana@example.com")
    logging.getLogger("python_http_client").debug("key %s", SECRET)
    logging.getLogger("uvicorn.access").info("GET %s", LINK)
    (line,) = written()
    assert line["event"] == "bad request for https://runup.example.com/plan/<token> by <address>"
    assert (line["logger"], line["level"]) == ("uvicorn.error", "error")


def test_configuring_twice_writes_once(written) -> None:
    configure_logs()
    configure_logs()
    logging.getLogger("anything").error("once")
    structlog.get_logger().error("twice")
    assert [line["event"] for line in written()] == ["once", "twice"]


def test_lines_of_one_request_carry_its_number(written) -> None:
    configure_logs()
    with structlog.contextvars.bound_contextvars(request="r1"):
        structlog.get_logger().info("inside")
        logging.getLogger("library").error("inside too")
    structlog.get_logger().info("outside")
    assert [line.get("request") for line in written()] == ["r1", "r1", None]


def test_every_secret_of_the_settings_is_known_to_the_logs() -> None:
    found = Settings(
        secret_keys=("a" * 40, "b" * 40),
        suppression_key="c" * 40,
        smtp_password="smtp pass",
        metrics_token="metrics token",
        database="postgresql://runup:p%40ssword@127.0.0.1/runup",
    ).secret_values()
    assert set(found) >= {
        "a" * 40, "b" * 40, "c" * 40, "smtp pass", "metrics token", "p%40ssword", "p@ssword",
    }  # fmt: skip
    assert "" not in found


# -- whatever is logged, in whatever shape ----------------------------------------------------------------

names = st.text("abcdefghijklmnopqrstuvwxyzäöüßñ0123456789.+_-", min_size=1, max_size=30)
hosts = st.from_regex(r"[a-z]{1,12}(-[a-z]{1,5})?\.(example|xn--p1ai|com)", fullmatch=True)
addresses = st.tuples(names, st.sampled_from(["@", "%40"]), hosts).map("".join)
keys = st.one_of(
    st.just(SECRET),
    st.from_regex(r"SG\.[A-Za-z0-9_-]{8,20}\.[A-Za-z0-9_-]{8,20}", fullmatch=True),
    st.from_regex(r"whsec_[A-Za-z0-9+/]{20,40}=?", fullmatch=True),
    st.from_regex(r"Bearer [A-Za-z0-9]{12,30}", fullmatch=True),
    st.integers(1, 10**12).map(lambda i: Links([SECRET], "").sign(Purpose.UNSUBSCRIBE, i)),
)
hidden = st.one_of(addresses, keys)
around = st.sampled_from(
    ["", " ", "<", ">", '"', "550 5.1.1 <", ": user unknown", "(", ")", "\n", "=", "'", ", ", "\t"]
)


def shapes(leaf: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    return st.recursive(
        leaf,
        lambda inner: st.one_of(
            st.lists(inner, max_size=3),
            st.tuples(inner, inner),
            st.dictionaries(st.sampled_from(["a", "why", "detail"]), inner, max_size=3),
            inner.map(repr),
            inner.map(lambda value: ValueError(value)),
            inner.map(lambda value: str(value).encode()),
        ),
        max_leaves=6,
    )


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.tuples(around, hidden, around), st.data())
@example(("x" * 400, "ana@example.com", "y" * 9000), None)
def test_no_address_and_no_key_is_written_whatever_it_is_wrapped_in(parts, data) -> None:
    before, needle, after = parts
    said = f"{before}{needle}{after}"
    value = data.draw(shapes(st.just(said))) if data else said
    mask = Mask([SECRET])
    written_down = json.dumps(mask.mapping({"event": "x", "value": value, said: 1}), default=repr)
    bare = needle.removeprefix("Bearer ")
    assert bare not in written_down
    assert json.dumps(bare)[1:-1] not in written_down
    if "@" in needle:
        assert needle.split("@")[1] not in written_down or needle.split("@")[0] not in written_down


@pytest.mark.parametrize(
    "name", ["password", "smtp_password", "api_key", "Authorization", "token", "address"]
)
def test_a_name_that_says_so_hides_its_value_whatever_it_is(name: str) -> None:
    assert Mask().mapping({name: {"a": [1, 2]}}) == {name: "<hidden>"}


def test_harmless_words_stay_as_they_are() -> None:
    harmless = {
        "event": "tick", "why": "450 4.2.1 mailbox full, try later", "campaign": "second_interview", "n": 3,
        "module": "scheduler.recording.Recorder", "at": "2026-11-23T09:00:00Z", "url": "https://example.com/a/b",
    }  # fmt: skip
    assert Mask([SECRET]).mapping(harmless) == harmless


def test_what_is_very_deep_or_very_long_ends() -> None:
    deep: list[object] = []
    for _ in range(DEEPEST * 3):
        deep = [deep]
    assert "…" in json.dumps(Mask().value(deep), ensure_ascii=False)
    assert len(Mask().text("a" * 1_000_000 + "@example.com")) < 5_000
    assert "\x1b" not in Mask().text("\x1b[31mred")


# -- every event has its line on the page -----------------------------------------------------------------


@cache
def events() -> set[tuple[str, str]]:
    """Name and level of everything that the packages log."""
    return set(found_events())


def found_events() -> Iterator[tuple[str, str]]:
    for package in PACKAGES:
        for file in sorted(Path(str(files(package))).rglob("*.py")):
            for node in ast.walk(ast.parse(file.read_text("utf-8"))):
                if (
                    isinstance(node, ast.Call)
                    and isinstance(node.func, ast.Attribute)
                    and isinstance(node.func.value, ast.Name)
                    and node.func.value.id == "log"
                ):
                    name = node.args[0]
                    assert isinstance(name, ast.Constant), (
                        f"{file.name}:{node.lineno}: an event is a fixed word"
                    )
                    yield name.value, {"exception": "error"}.get(node.func.attr, node.func.attr)


def test_every_event_is_on_the_page_of_logs_with_its_level() -> None:
    page = PAGE.read_text("utf-8")
    documented = set(re.findall(r"^\| `(\w+)` \| (\w+) \|", page, re.MULTILINE))
    assert events() - documented == set(), "nobody is told of these"
    assert documented - events() == set(), "there are no such events"


def test_an_event_is_one_word() -> None:
    assert [name for name, _ in events() if not re.fullmatch(r"[a-z]+(_[a-z]+)*", name)] == []
