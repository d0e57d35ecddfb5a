"""Clients of several nodes: each asks the next node when one is gone, as a balancer would."""

import random
import time

from .ledger import Ledger, Life
from .line import Gone, Line
from .load import RIDERS, Load, Mint

# Without ends of whole subjects: sessions are minted here, whose births are older than the end of a subject would be.
KINDS = {"rotation": 10, "token": 5, "session": 2, "logout": 2, "cut": 1}


class ClusterLoad(Load):
    """`nodes` are asked in turn, without any stickiness. What is unavailable is asked again, as a good client does."""

    def __init__(self, nodes, ledger: Ledger, mint: Mint, workers: int = 3, kinds: dict | None = None, **options):
        super().__init__(nodes[0], ledger, mint, workers, kinds or KINDS, **options)
        self.nodes = list(nodes)

    def _work(self, index: int, chance: random.Random) -> None:
        lines = [(Line(node.address, 5), Line(f"{node.directory}/operator.sock", 5)) for node in self.nodes]
        mine: list[Life] = []
        subjects = [rider.id for rider in RIDERS[index :: len(self.threads)]]
        done = 0
        while not self.stopping.is_set() and done != self.limit:
            mine = [life for life in mine if life.is_honest and len(life.access) < 6]
            while len(mine) < 6:
                mine.append(self._begin(chance.choice(subjects)))
            kind = chance.choices(list(self.kinds), self.kinds.values())[0]
            life = next((life for life in mine if life.pending_since), None) or chance.choice(mine)
            # A client whose refresh brought no answer tries that again before anything else.
            kind = "rotation" if life.pending_since else kind
            missed = self.ledger.unanswered
            try:
                self._step(kind, life, *chance.choice(lines))
                done += 1
            except Gone:
                time.sleep(0.01)
            if self.ledger.unanswered > missed:
                time.sleep(0.02)
            if self.pause:
                time.sleep(self.pause)
        for pair in lines:
            for line in pair:
                line.close()
