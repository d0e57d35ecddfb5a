"""The list of scenarios, in the order in which the table has them."""

from collections.abc import Callable
from dataclasses import dataclass

from .machine import Missing, Stage


@dataclass(frozen=True)
class Scenario:
    """`play` breaks something on a stage, and returns a note for the table."""

    name: str
    title: str
    play: Callable[[Stage], str]
    # Whether it shows what happens without the protection: its losses are wanted.
    is_control: bool = False


@dataclass(frozen=True)
class Outcome:
    title: str
    acknowledged: int
    unanswered: int
    lost: int
    note: str


SCENARIOS: list[Scenario] = []


def scenario(title: str, is_control: bool = False):
    def register(play: Callable[[Stage], str]) -> Callable[[Stage], str]:
        SCENARIOS.append(Scenario(play.__name__, title, play, is_control))
        return play

    return register


def perform(item: Scenario, full: bool) -> Outcome:
    """Plays a scenario and fails if anything acknowledged was lost, or anything was refused that nobody ended.

    - Raises: `Missing` if this machine cannot do it.
    """
    with Stage(full) as stage:
        note = item.play(stage)
        ledger = stage.ledger
        assert ledger.total > 0, "nothing was acknowledged, so nothing was tried"
        if item.is_control:
            assert ledger.lost, "the control lost nothing: the fault does not bite here"
        else:
            ledger.assert_whole()
        return Outcome(item.title, ledger.total, ledger.unanswered, len(ledger.lost), note)


__all__ = ["SCENARIOS", "Missing", "Outcome", "Scenario", "perform", "scenario"]
