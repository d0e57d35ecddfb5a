"""Every fault this machine can have, against the real service: what was acknowledged holds afterwards."""

import pytest

from faults import scenes_disk, scenes_files, scenes_power, scenes_process, scenes_time  # noqa: F401
from faults.machine import Missing
from faults.scenario import SCENARIOS, perform

pytestmark = pytest.mark.campaign


@pytest.mark.parametrize("item", SCENARIOS, ids=lambda item: item.name)
def test_nothing_acknowledged_is_lost(item, is_full):
    """Each scenario breaks something under load and checks the ledger of its clients; a control must lose some."""
    try:
        outcome = perform(item, is_full)
    except Missing as missing:
        pytest.skip(str(missing))
    print(f"{outcome.title}: {outcome.acknowledged} acknowledged, {outcome.lost} lost. {outcome.note}")
