"""The API does what its description says, whatever schemathesis makes up: requests that fit the description,
and requests that break it in every part. RUNUP_API_CASES is the number per operation and kind (30 in CI)."""

from __future__ import annotations

import os
from itertools import count

import pytest
import schemathesis
from hypothesis import HealthCheck, given, seed, settings
from schemathesis import GenerationMode, checks
from schemathesis.specs.openapi import checks as openapi

CASES = int(os.environ.get("RUNUP_API_CASES", "30"))
CHECKS = [
    checks.not_a_server_error,
    openapi.status_code_conformance,
    openapi.content_type_conformance,
    openapi.response_schema_conformance,
    openapi.response_headers_conformance,
    openapi.unsupported_method,
]
OPERATIONS = [("POST", "/api/plan"), ("POST", "/api/sign-ups"), ("POST", "/api/newsletter-sign-ups")]
NOTHING_TO_MAKE_UP = {("GET", "/api/newsletters")}
"""It takes nothing; test_newsletter_sign_up.py reads its answer."""

pytestmark = pytest.mark.timeout(120 + CASES)


@pytest.fixture
def application(open_application):
    # Each request comes from another network, as a proxy tells it: else the limits would answer nearly all.
    return open_application(trusted_proxies=("127.0.0.1",))


@pytest.fixture
def described(visitor):
    """The description as anybody gets it."""
    return schemathesis.openapi.from_dict(
        visitor.get("/api/openapi.json").json(), config=schemathesis.Config()
    )


def network(number: int) -> dict[str, str]:
    return {"X-Forwarded-For": f"2001:db8:{number >> 16:x}:{number & 0xFFFF:x}::1"}


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
@pytest.mark.parametrize(("method", "path"), OPERATIONS, ids=[path for _, path in OPERATIONS])
def test_every_answer_is_one_of_the_description(visitor, described, base_url, method, path, mode):
    numbers, answers = count(), []

    @seed(20261123)
    @settings(
        max_examples=CASES,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=described[path][method].as_strategy(generation_mode=mode))
    def ask(case):
        answer = case.call(base_url=base_url, headers=network(next(numbers)), timeout=20)
        case.validate_response(answer, checks=CHECKS)
        answers.append(answer.status_code)

    ask()
    assert len(answers) >= CASES // 2
    assert 429 not in answers
    if mode is GenerationMode.NEGATIVE:
        assert 202 not in answers


def test_the_description_has_no_operation_that_this_does_not_try(described):
    found = {
        (operation.ok().method.upper(), operation.ok().path) for operation in described.get_all_operations()
    }
    assert found == {*OPERATIONS, *NOTHING_TO_MAKE_UP}


def test_what_broke_the_description_stored_nothing(visitor, described, base_url, clock):
    before, numbers = visitor.dump(), count(1 << 20)
    operation = described["/api/sign-ups"]["POST"]

    @seed(20261124)
    @settings(max_examples=CASES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy(generation_mode=GenerationMode.NEGATIVE))
    def ask(case):
        case.call(base_url=base_url, headers=network(next(numbers)), timeout=20)

    ask()
    assert visitor.dump() == before
