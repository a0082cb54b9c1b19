"""Many small worlds in which everything goes wrong that can, and the promise of delivery holds in each.

`RUNUP_SIM_SEEDS=20000 pytest tests/simulation/test_simulation_seeds.py -n 2` is the long form;
`pytest tests/simulation --sim-seed=N` replays one seed and, should it fail, shrinks it.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from sim_faults import KINDS, Faults
from sim_mutants import MUTANTS, in_force
from sim_play import Outcome, play
from sim_shrink import shrink

SEEDS = int(os.environ.get("RUNUP_SIM_SEEDS", "500"))
PER_TEST = 25
"""Seeds in one test: enough to share the work among processes."""
CORPUS = Path(__file__).with_name("failed_once.txt")


def once_failed() -> list[int]:
    lines = CORPUS.read_text().splitlines()
    return [int(line.split()[0]) for line in lines if line and not line.startswith("#")]


def told(outcome: Outcome) -> str:
    if outcome.violation is None:
        return ""
    short = shrink(outcome.seed)
    return f"{outcome}\n  shrunk to: {', '.join(short.fired) or 'no fault at all'}"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "seeds" in metafunc.fixturenames:
        one = metafunc.config.getoption("--sim-seed", default=None)
        parts = [range(n, min(n + PER_TEST, SEEDS)) for n in range(0, SEEDS, PER_TEST)]
        parts = parts if one is None else [range(one, one + 1)]
        metafunc.parametrize("seeds", parts, ids=[str(part.start) for part in parts])


@pytest.mark.timeout(900)
def test_nothing_is_lost_doubled_or_late_whatever_goes_wrong(seeds: range) -> None:
    failed = [outcome for seed in seeds if (outcome := play(seed)).violation]
    assert not failed, "\n".join([told(failed[0]), *map(str, failed[1:])])


@pytest.mark.parametrize("seed", once_failed())
def test_what_failed_once_is_played_again(seed: int) -> None:
    outcome = play(seed)
    assert outcome.violation is None, told(outcome)


def test_the_same_seed_is_the_same_story() -> None:
    assert [play(seed).trace for seed in (7, 16, 23)] == [play(seed).trace for seed in (7, 16, 23)]


def test_the_same_seed_is_the_same_story_in_another_process(tmp_path: Path) -> None:
    program = "from sim_play import play; print(play(7).trace, play(23).trace)"
    traces = set()
    for hash_seed in ("1", "2"):
        found = subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(Path(__file__).parent)},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
            timeout=100,
        )
        traces.add(found.stdout)
    assert len(traces) == 1


def test_every_kind_of_fault_is_enabled_by_some_seed() -> None:
    enabled = set().union(*(Faults(seed).rates for seed in range(100)))

    assert enabled == set(KINDS)


def test_a_failure_is_shrunk_to_the_faults_it_takes() -> None:
    mutant = next(mutant for mutant in MUTANTS if mutant.name == "account-is-rejected")
    with in_force(mutant):
        long, short = play(mutant.seed), shrink(mutant.seed)

    assert long.violation
    assert short.violation
    assert {name.partition("#")[0] for name in short.fired} == {"account"}
    assert len(short.fired) < len(long.fired)


def test_a_fault_that_is_forbidden_does_not_happen() -> None:
    seed = next(seed for seed in range(1, 200) if len(play(seed).fired) > 3)
    fired = play(seed).fired

    assert fired[0] not in play(seed, without={fired[0]}).fired
    kind = fired[0].partition("#")[0]
    assert not [name for name in play(seed, without={kind}).fired if name.startswith(kind + "#")]
