"""Deliberately broken guards: each a small change of the real source, put in force for a while.

A function's source is changed as text, compiled, and its code exchanged, so that everybody who imported it
has the broken one. A guard that has moved makes its mutant fail to apply, loudly: then the mutant moves too.
"""

from __future__ import annotations

import importlib
import inspect
import textwrap
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from types import CodeType, FunctionType, ModuleType
from typing import Any
from unittest.mock import patch


@dataclass(frozen=True)
class Edit:
    """In function `where` (`module:qualified.name`), or in a module's constants (`module:`), `old`, which
    must be there once, becomes `new`."""

    where: str
    old: str
    new: str


@dataclass(frozen=True)
class Mutant:
    """`words`: what is broken, for a person. `seed`: the first that is known to catch it. `needs`: the kinds
    of fault without which nothing can come of it; the long form passes over seeds that do not enable them."""

    name: str
    words: str
    edits: tuple[Edit, ...]
    needs: tuple[str, ...] = ()
    seed: int = 0


@contextmanager
def in_force(mutant: Mutant) -> Iterator[None]:
    with ExitStack() as stack:
        for where in dict.fromkeys(edit.where for edit in mutant.edits):
            stack.enter_context(_edited(where, [edit for edit in mutant.edits if edit.where == where]))
        yield


@contextmanager
def _edited(where: str, edits: list[Edit]) -> Iterator[None]:
    found = _find(where)
    source = textwrap.dedent(inspect.getsource(found))
    for edit in edits:
        if source.count(edit.old) != 1:
            raise LookupError(f"{edit.old!r} is not once in {where}: the guard has moved, move its mutant")
        source = source.replace(edit.old, edit.new)
    with _other_statements(found, source) if isinstance(found, ModuleType) else _other_code(found, source):
        yield


@contextmanager
def _other_code(function: FunctionType, source: str) -> Iterator[None]:
    before, function.__code__ = function.__code__, _compiled(function, source)
    try:
        yield
    finally:
        function.__code__ = before


@contextmanager
def _other_statements(module: ModuleType, source: str) -> Iterator[None]:
    """The module's own constants, which are the statements it builds once, as the changed source has them."""
    made: dict[str, Any] = {"__name__": module.__name__}
    exec(compile(source, module.__file__ or "", "exec"), made)  # noqa: S102
    names = [name for name, value in made.items() if _is_statement(name, value) and name in vars(module)]
    with ExitStack() as stack:
        for name in names:
            stack.enter_context(patch.object(module, name, made[name]))
        yield


def _is_statement(name: str, value: Any) -> bool:
    return name.startswith("_") and not name.startswith("__") and not isinstance(value, FunctionType | type)


def _find(where: str) -> FunctionType | ModuleType:
    name, _, path = where.partition(":")
    module = importlib.import_module(name)
    if not path:
        return module
    found: Any = module
    for part in path.split("."):
        if not hasattr(found, part):
            raise LookupError(f"{where} is gone: the guard has moved, move its mutant")
        found = inspect.getattr_static(found, part)
    found = found.fget if isinstance(found, property) else found
    assert isinstance(found, FunctionType)
    return found


def _compiled(function: FunctionType, source: str) -> CodeType:
    text = "from __future__ import annotations\n" + source
    made: dict[str, Any] = {}
    exec(compile(text, function.__code__.co_filename, "exec"), dict(function.__globals__), made)  # noqa: S102
    changed = made[function.__name__]
    changed = changed.fget if isinstance(changed, property) else changed
    code: CodeType = changed.__code__
    assert code.co_freevars == function.__code__.co_freevars
    return code


_SETTLE = "scheduler.doubt:settle"
_INTEND = "scheduler.intending:"
_CLAIMING = "scheduler.claiming:"
_RECOVER = "scheduler.sweeping:recover_leases"
_TOKEN = 'Send.lease_token == bindparam("token"),'
_EPOCH = """Subscriber.epoch
            == case((Send.issue_id.is_not(None), Subscriber.planned_epoch), else_=Send.epoch),"""
_LEASE = "Send.lease_until > _CALL_ENDS,"
_VALUES = "scheduler.outcomes:_values"
_DOUBT = "_set(session, sending, state=State.IN_DOUBT)"

_SILENCE = "scheduler.feed:is_silence_evidence"
_NOW = "if now < intent_at + SILENT_FOR:"


def _mutant(name: str, words: str, *edits: Edit, needs: str = "", seed: int = 0) -> Mutant:
    return Mutant(name, words, edits, tuple(needs.split()), seed)


MUTANTS = (
    _mutant(
        "intent-without-token",
        "the intent does not ask whose claim it is",
        Edit(_INTEND, _TOKEN, f"or_({_TOKEN} Send.id > 0),"),
        Edit(_INTEND, _LEASE, ""),
        needs="stall",
        seed=4,
    ),
    _mutant(
        "intent-without-lease",
        "the intent does not ask how long the lease still lasts",
        Edit(_INTEND, _LEASE, ""),
        needs="stall",
    ),
    _mutant(
        "outcome-without-token",
        "an answer is written down whoever holds the send",
        Edit("scheduler.outcomes:_set", ", Send.lease_token == token)", ")"),
        needs="stall",
    ),
    _mutant(
        "call-before-intent",
        "calls are made whether or not the last checks passed",
        Edit("scheduler.preparing:Preparer._intend", "if d.send_id in passed\n", "if True\n"),
        seed=2,
    ),
    _mutant(
        "no-attempt-row",
        "the intent names no attempt",
        Edit("scheduler.intending:write_attempts", "if drafts:", "if False:"),
        seed=1,
    ),
    _mutant(
        "expired-sending-planned",
        "a call whose worker died is planned again",
        Edit(_RECOVER, _DOUBT, "_set(session, sending, state=State.PLANNED, lease_token=None)"),
        seed=17,
    ),
    _mutant(
        "leases-recovered-early",
        "a lease is taken back before it has ended",
        Edit(_RECOVER, '{"now": now, ', '{"now": now + timedelta(seconds=55), '),
        seed=2,
    ),
    _mutant(
        "doubt-without-lease",
        "doubt forgets whose answer would end it",
        Edit(_RECOVER, _DOUBT, "_set(session, sending, state=State.IN_DOUBT, lease_token=None)"),
        seed=17,
    ),
    _mutant(
        "epoch-ignored",
        "what was planned by older facts may leave",
        Edit(_INTEND, _EPOCH, ""),
        needs="forgetful_site",
        seed=23,
    ),
    _mutant(
        "suppression-ignored",
        "neither the epoch of the facts nor a suppression is asked at the intent",
        Edit(_INTEND, _EPOCH, ""),
        Edit(_INTEND, "~forbidden,", ""),
        needs="forgetful_site",
        seed=16,
    ),
    _mutant(
        "expiry-ignored",
        "the end of a send is asked neither at the claim nor at the intent",
        Edit(_INTEND, "Send.expires_at >= _CALL_ENDS,", ""),
        Edit(_CLAIMING, "of.expires_at >= bindparam(", "of.expires_at != bindparam("),
    ),
    _mutant(
        "pause-ignored",
        "a paused campaign sends what was claimed",
        Edit(_INTEND, "is_running(),", ""),
        needs="pause",
        seed=15,
    ),
    _mutant(
        "gap-ignored",
        "the gap is not looked at before the call",
        Edit("scheduler.intending:_too_close", "if draft.waits_for_gap and latest and", "if False and"),
    ),
    _mutant(
        "guard-ignored",
        "a call is made however long ago the last checks were",
        Edit("scheduler.wire:Wire._outcome", "> GUARD.total_seconds()", "> 1e9"),
        needs="stall",
    ),
    _mutant(
        "claim-of-anything",
        "a claim takes what another worker holds",
        Edit(_CLAIMING, "(_AMONG, is_in(*WAITING),", "(_AMONG, is_in(*WAITING, State.CLAIMED),"),
        Edit(_CLAIMING, "(is_in(*WAITING), Send.lane", "(is_in(*WAITING, State.CLAIMED), Send.lane"),
    ),
    _mutant(
        "unknown-is-not-sent",
        "what may have been accepted is planned again at once",
        Edit(_VALUES, '{"state": State.IN_DOUBT}', '{"state": State.PLANNED, "left_at": None}'),
        seed=33,
    ),
    _mutant(
        "doubt-taken-for-success",
        "what may not have been accepted is written down as accepted",
        Edit(_VALUES, "kind == OK", "kind in (OK, Unknown.kind)"),
        needs="unknown",
        seed=9,
    ),
    _mutant(
        "attempt-not-counted",
        "a second attempt goes by the number of the first",
        Edit(_INTEND, "attempts=Send.attempts + 1", "attempts=Send.attempts"),
    ),
    _mutant(
        "due-ignored",
        "a claim takes what is not due yet",
        Edit(_CLAIMING, "is_in(*WAITING), Send.ready_at <= _NOW,", "is_in(*WAITING), Send.ready_at != _NOW,"),
        Edit(_CLAIMING, "literal_execute=True), Send.ready_at <= _NOW)", "literal_execute=True))"),
        seed=1,
    ),
    _mutant(
        "account-is-rejected",
        "a wrong key ends the emails of everybody",
        Edit(_VALUES, "kind == Rejected.kind", "kind in (Rejected.kind, AccountRefused.kind)"),
        needs="account",
        seed=15,
    ),
    _mutant(
        "left-at-forgotten",
        "the intent does not say that it may have left",
        Edit(_INTEND, 'left_at=bindparam("now", type_=Instant()),', ""),
        seed=1,
    ),
    _mutant(
        "impatient",
        "doubt ends without waiting for evidence",
        Edit("scheduler.doubt:deadline", "return max(", "return send.intent_at or max("),
        seed=9,
    ),
    _mutant(
        "resent-twice",
        "after a second attempt, silence or the policy brings a third",
        Edit("scheduler.doubt:may_go_once_more", "send.resends < MOST_RESENDS", "send.resends < 2"),
        seed=46,
    ),
    _mutant(
        "silence-not-counted",
        "what silence has brought once more counts as never having left",
        Edit(_SETTLE, "send.resends += 1\n        _try_again(", "_try_again("),
        needs="feed_lost",
        seed=12018,
    ),
    _mutant(
        "resent-despite-policy",
        "what is to be dropped is sent blindly again",
        Edit("scheduler.doubt:goes_once_more", "send.on_unknown == OnUnknown.RESEND and ", ""),
        seed=248,
    ),
    _mutant(
        "silence-believed",
        "silence counts however dead the feed is",
        Edit(_SILENCE, _NOW, "if True:\n        return now >= intent_at + SILENT_FOR\n    if False:"),
        needs="feed_down",
    ),
    _mutant(
        "silence-at-once",
        "silence counts before events can have come",
        Edit(_SILENCE, _NOW, "if True:\n        return True\n    if False:"),
        Edit("scheduler.doubt:Jury._silence_tells", " or now < send.intent_at + SILENT_FOR", ""),
        seed=42,
    ),
    _mutant(
        "settled-twice",
        "what is no longer in doubt is settled",
        Edit(_SETTLE, "if send.state != State.IN_DOUBT or", "if"),
    ),
    _mutant(
        "evidence-of-another-attempt",
        "what is known of the first attempt is taken for the second",
        Edit(_SETTLE, " or send.attempts != attempt:", ":"),
        needs="stall",
    ),
    _mutant(
        "backlog-believed",
        "a canary that comes out of a backlog proves that the feed is alive",
        Edit("scheduler.feed:_a_canary_sang", "canary.heard_at <= canary.sent_at + USUAL", "True"),
        needs="feed_down",
    ),
    _mutant(
        "events-downwards",
        "a late event takes a send back to a lower state",
        Edit("scheduler.hearing:", "*(lower for lower in _LIFTED if lower not in higher)", "*_LIFTED"),
        seed=1,
    ),
    _mutant(
        "wrong-address-believed",
        "an event about another address is applied",
        Edit("scheduler.hearing:_About.takes", "record.address_hmac not in theirs", "False"),
        needs="feed_forged",
        seed=1,
    ),
    _mutant(
        "events-counted-twice",
        "the feed's own id does not stop its repetition",
        Edit(
            "delivery.record_rows:insert_new",
            "_row(event, hash_address)",
            '_row(event, hash_address) | {"event_id": f"{event.id}@{now}"}',
        ),
        needs="feed_twice",
        seed=2,
    ),
    _mutant(
        "claims-not-taken-back",
        "a claimed send is moved under its worker's hands",
        Edit("scheduler.ledger:Ledger._schedule", "if row.state == State.CLAIMED:", "if False:"),
        seed=3,
    ),
    _mutant(
        "given-back-without-token",
        "a worker gives back what another has claimed",
        Edit("scheduler.claiming:release", ", Send.lease_token == token)", ")"),
        needs="stall",
        seed=4,
    ),
    _mutant(
        "unknown-taken-up",
        "what ended as unknown is planned once more",
        Edit("scheduler.situation:history_of", "in _HAPPENED", "in _HAPPENED - {'unknown'}"),
    ),
    _mutant(
        "breaker-ignored",
        "claims go on while the provider refuses everything",
        Edit("scheduler.gate:Gate.admit", "if not reading.is_open:", "if True:"),
        Edit("scheduler.gate:Gate.room", "if self.reading.is_open:", "if False:"),
        seed=15,
    ),
    _mutant(
        "patience-without-end",
        "doubt never ends by itself",
        Edit(_SETTLE, "elif now >= deadline(send):", "elif False:"),
    ),
)
