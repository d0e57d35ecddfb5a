"""Rounds of requests for one session at the same time, and who may be alive after them."""

import json
import random
from collections import Counter

from .line import Line
from .load import Mint

# So many sessions are raced at once: each has its own race, and the loops of the service are busy meanwhile.
TOGETHER = 16


class Races:
    """Keeps connections on each event loop, and every token that must be dead at the end."""

    def __init__(self, server, mint: Mint, seed: int):
        self.server, self.mint = server, mint
        self.chance = random.Random(seed)
        self.lines = [Line(server.address) for _ in range(4)]
        self.dead_refresh: list[str] = []
        self.dead_access: list[str] = []
        self.outcomes: Counter = Counter()

    def close(self) -> None:
        for line in self.lines:
            line.close()

    def ask_at_once(self, questions: list[tuple[int, bytes]]) -> list[tuple[int, dict, bytes]]:
        """Sends each to its line, all of them before the first answer is read; the answers in the questions' order."""
        order = list(range(len(questions)))
        self.chance.shuffle(order)
        per_line: dict[int, list[int]] = {}
        for index in order:
            per_line.setdefault(questions[index][0], []).append(index)
        for number in self.chance.sample(list(per_line), len(per_line)):
            self.lines[number].send(b"".join(questions[index][1] for index in per_line[number]))
        answers = {}
        for number, indices in per_line.items():
            for index in indices:
                answers[index] = self.lines[number].take()
        return [answers[index] for index in range(len(questions))]

    def refresh_against_end(self, count: int, how: str) -> None:
        """A refresh and a revocation or logout of the same session: once both are answered, nothing of it lives."""
        lives = [self.mint.life() for _ in range(count)]
        if self.chance.random() < 0.5:
            # From the second generation on the session is in the table; before that its absence is what is looked up.
            for life, (status, _, body) in zip(lives, self.ask_at_once([self._refresh(0, x.refresh) for x in lives])):
                assert status == 200
                life.take(body)
        questions = []
        for life in lives:
            first, second = self.chance.sample(range(len(self.lines)), 2)
            questions += [self._refresh(first, life.refresh), (second, self._end(how, life))]
        answers = self.ask_at_once(questions)
        after = []
        for life, refreshed, ended in zip(lives, answers[::2], answers[1::2]):
            assert ended[0] in (200, 204), f"{how} got {ended}"
            assert refreshed[0] in (200, 401), f"a refresh got {refreshed}"
            self.outcomes[f"{how}: refresh {refreshed[0]}"] += 1
            tokens = [life.refresh]
            if refreshed[0] == 200:
                life.take(refreshed[2])
                tokens.append(life.refresh)
            self.dead_access += life.access
            after += tokens
        for token, (status, _, body) in zip(after, self.ask_at_once([self._refresh(1, token) for token in after])):
            assert status == 401, f"after an acknowledged {how} a refresh got {status} {body!r}: {token.split('.')[1]}"
        self.dead_refresh += after
        assert set(self.lines[0].verify_all([t for life in lives for t in life.access])) == {401}

    def refresh_against_refresh(self, count: int) -> None:
        """The same token from up to four connections: one rotation, one body; then its successor and itself at once."""
        lives = [self.mint.life() for _ in range(count)]
        width = self.chance.randint(2, 4)
        questions = [self._refresh(line, life.refresh) for life in lives for line in range(width)]
        answers = self.ask_at_once(questions)
        for index, life in enumerate(lives):
            mine = answers[index * width : (index + 1) * width]
            assert {status for status, _, _ in mine} == {200}, mine
            assert len({body for _, _, body in mine}) == 1, "two successors"
            told = Counter(fields["refresh-outcome"] for _, fields, _ in mine)
            assert told == {"rotated": 1, "replayed": width - 1}, told
            life.take(mine[0][2])
        questions = []
        for life in lives:
            first, second = self.chance.sample(range(len(self.lines)), 2)
            questions += [self._refresh(first, life.parent), self._refresh(second, life.refresh)]
        answers = self.ask_at_once(questions)
        for life, replayed, rotated in zip(lives, answers[::2], answers[1::2]):
            self._judge(life, replayed, rotated)

    def _judge(self, life, replayed, rotated) -> None:
        """The parent came first and was replayed, or came after the use of its successor and ended the session."""
        self.outcomes[f"parent {replayed[0]}, successor {rotated[0]}"] += 1
        if replayed[0] == 200:
            assert replayed[2] == life.answer, "a second successor of the parent"
            assert rotated[0] == 200, rotated
            return
        assert replayed[0] == 401 and json.loads(replayed[2])["code"] == "refresh_reused", replayed
        if rotated[0] == 200:
            life.take(rotated[2])
        else:
            assert rotated[0] == 401, rotated
        self.dead_refresh.append(life.refresh)
        self.dead_access += life.access

    def check_the_dead(self) -> None:
        """Whatever was over is over, on a connection that saw nothing of it."""
        line = Line(self.server.address)
        assert set(line.verify_all(self.dead_access)) <= {401}
        for start in range(0, len(self.dead_refresh), TOGETHER):
            part = self.dead_refresh[start : start + TOGETHER]
            statuses = {status for status, _, _ in self.ask_at_once([self._refresh(2, token) for token in part])}
            assert statuses == {401}, statuses
        line.close()

    @staticmethod
    def _refresh(line: int, token: str) -> tuple[int, bytes]:
        body = json.dumps({"refresh_token": token}).encode()
        return line, Line.octets("POST", "/refresh", body, Content_Type="application/json")

    def _end(self, how: str, life) -> bytes:
        if how == "revoke":
            form = f"token={life.refresh}".encode()
            return Line.octets("POST", "/revoke", form, Content_Type="application/x-www-form-urlencoded")
        if self.chance.random() < 0.5:
            return Line.octets("POST", "/logout", b"", Authorization=f"Bearer {life.access[-1]}")
        body = json.dumps({"refresh_token": life.refresh}).encode()
        return Line.octets("POST", "/logout", body, Content_Type="application/json")
