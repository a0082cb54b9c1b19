"""The simulation notices when a guard is missing: each is broken on purpose, and some seed must fail.

The short form plays for each mutant the one seed that is known to catch it. The long form looks for it:

    RUNUP_SIM_MUTANTS=2000 pytest tests/simulation/test_simulation_mutants.py -n 2 -rA
"""

from __future__ import annotations

import os

import pytest
from sim_faults import Faults
from sim_mutants import MUTANTS, Edit, Mutant, in_force
from sim_play import play

MOST = int(os.environ.get("RUNUP_SIM_MUTANTS", "0"))


def caught(mutant: Mutant, seed: int) -> str:
    """Why the seed fails with the broken guard; empty when it does not."""
    with in_force(mutant):
        try:
            found = play(seed).violation
        except Exception as error:
            return f"{type(error).__name__}: {error}"
    return str(found or "")


@pytest.mark.timeout(3600 if MOST else 120)
@pytest.mark.parametrize("mutant", [m for m in MUTANTS if MOST or m.seed], ids=lambda mutant: mutant.name)
def test_a_missing_guard_is_noticed(mutant: Mutant) -> None:
    if not MOST:
        assert caught(mutant, mutant.seed), f"nobody notices that {mutant.words}"
        return
    for seed in range(1, MOST + 1):
        if set(mutant.needs) <= Faults(seed).rates.keys() and (why := caught(mutant, seed)):
            print(f"{mutant.name}: seed {seed}: {why}")  # noqa: T201 - the long form's figures
            return
    pytest.fail(f"{MOST} seeds, and nobody notices that {mutant.words}")


@pytest.mark.parametrize("seed", sorted({mutant.seed for mutant in MUTANTS if mutant.seed}))
def test_the_unbroken_code_passes_where_the_broken_fails(seed: int) -> None:
    assert play(seed).violation is None


def test_there_are_at_least_twenty_mutants() -> None:
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS)
    assert len([mutant for mutant in MUTANTS if mutant.seed]) >= 20


def test_a_guard_that_has_moved_is_told() -> None:
    moved = Mutant("moved", "", (Edit("scheduler.wire:Wire._outcome", "no such line", ""),))

    with pytest.raises(LookupError, match="the guard has moved"), in_force(moved):
        pass


def test_a_broken_guard_is_whole_again_afterwards() -> None:
    code = {edit.where for mutant in MUTANTS for edit in mutant.edits}
    assert code
    mutant = next(mutant for mutant in MUTANTS if mutant.name == "call-before-intent")
    with in_force(mutant):
        pass

    assert not caught(Mutant("none", "", ()), mutant.seed)
