"""Many readers of the revocation feed in one thread: streams and long polls, as plain sockets."""

import asyncio
import base64
import http.client
import json
import re
import threading
import time
from dataclasses import dataclass, field

ID = re.compile(rb'"seq":"\d+:(\d+)","kind":"\w+","id":"([0-9a-f-]{36})"')
HEAD = re.compile(rb'"head":"(\d+:\d+)"')
EVENT = re.compile(rb"id: (\d+:\d+)\n")
LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)


@dataclass
class Follower:
    """What one reader has received."""

    kind: str
    position: str
    # Identifiers with the time of their arrival, in order.
    received: list[tuple[str, float]] = field(default_factory=list)
    heartbeats: int = 0
    resets: int = 0
    refused: list[int] = field(default_factory=list)
    connections: int = 0

    @property
    def ids(self) -> list[str]:
        return [name for name, _ in self.received]


class Reading(asyncio.Protocol):
    """One connection of a follower."""

    def __init__(self, crowd: "Followers", follower: Follower):
        self.crowd, self.follower = crowd, follower
        self.buffer = b""
        self.transport = None

    def connection_made(self, transport):
        self.transport = transport
        self.crowd.open.add(transport)
        self.follower.connections += 1
        self.ask()

    def ask(self):
        follower = self.follower
        accept = "text/event-stream" if follower.kind == "stream" else "application/json"
        wait = "" if follower.kind == "stream" else f"&wait={self.crowd.wait}"
        self.transport.write(
            f"GET /revocations?after={follower.position}{wait} HTTP/1.1\r\nHost: a\r\nAccept: {accept}\r\n"
            f"Authorization: Basic {self.crowd.credentials}\r\n\r\n".encode()
        )

    def data_received(self, data):
        now = time.perf_counter()
        self.buffer += data
        if self.follower.kind == "stream":
            self.take_events(now)
        else:
            self.take_answers(now)

    def take_events(self, now):
        # What is between two events: chunk sizes, the head of the answer.
        while (end := self.buffer.find(b"\n\n")) >= 0:
            event, self.buffer = self.buffer[: end + 2], self.buffer[end + 2 :]
            if event.startswith(b"HTTP/1.1 ") and not event.startswith(b"HTTP/1.1 200"):
                self.follower.refused.append(int(event[9:12]))
            self.note(event, now)
            if b"event: heartbeat" in event:
                self.follower.heartbeats += 1
            if b"event: reset" in event:
                self.follower.resets += 1
            if found := EVENT.search(event):
                self.follower.position = found[1].decode()

    def take_answers(self, now):
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            found = LENGTH.search(self.buffer, 0, end)
            whole = end + 4 + (int(found[1]) if found else 0)
            if len(self.buffer) < whole:
                return
            answer, self.buffer = self.buffer[:whole], self.buffer[whole:]
            if answer.startswith(b"HTTP/1.1 200"):
                self.note(answer, now)
                more = b'"more":true' in answer
                seqs = ID.findall(answer)
                head = HEAD.search(answer)[1].decode()
                self.follower.position = f"{head.split(':')[0]}:{seqs[-1][0].decode()}" if more else head
            else:
                self.follower.refused.append(int(answer[9:12]))
                if b"sequence_" in answer:
                    # It would have to read a snapshot.
                    self.follower.resets += 1
                    return
            if not self.crowd.is_stopping:
                self.ask()

    def note(self, text, now):
        for _, name in ID.findall(text):
            self.follower.received.append((name.decode(), now))

    def connection_lost(self, _):
        self.crowd.open.discard(self.transport)
        self.crowd.lost(self.follower)


class Followers:
    """Readers that begin at the head and reconnect by themselves."""

    def __init__(self, address: tuple[str, int], client: str, secret: str, streams: int, polls: int, wait: int = 20):
        self.address = address
        self.credentials = base64.b64encode(f"{client}:{secret}".encode()).decode()
        self.wait = wait
        position = self.head()
        self.all = [Follower("stream", position) for _ in range(streams)]
        self.all += [Follower("poll", position) for _ in range(polls)]
        self.is_stopping = False
        self.loop = asyncio.new_event_loop()
        self.tasks = set()
        self.open = set()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)

    def head(self) -> str:
        link = http.client.HTTPConnection(*self.address, timeout=20)
        link.request("GET", "/revocations", headers={"Authorization": f"Basic {self.credentials}"})
        position = json.load(link.getresponse())["head"]
        link.close()
        return position

    def __enter__(self) -> "Followers":
        self.thread.start()
        for follower in self.all:
            self.loop.call_soon_threadsafe(self.connect, follower)
        return self

    def __exit__(self, *_):
        self.is_stopping = True
        self.loop.call_soon_threadsafe(self.close)
        self.thread.join(10)

    def close(self):
        for task in self.tasks:
            task.cancel()
        for transport in self.open:
            transport.abort()
        self.loop.call_later(0.1, self.loop.stop)

    def connect(self, follower: Follower, delay: float = 0):
        task = self.loop.create_task(self.try_to_connect(follower, delay))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def try_to_connect(self, follower, delay):
        await asyncio.sleep(delay)
        try:
            await self.loop.create_connection(lambda: Reading(self, follower), *self.address)
        except OSError:
            self.lost(follower)

    def lost(self, follower: Follower):
        if not self.is_stopping and not follower.resets:
            self.connect(follower, 0.05)

    def have_received(self, ids: list[str], seconds: float = 20) -> bool:
        """Waits until each follower has received all these, each once and in this order.

        A start records the end of users who were disabled before, which may come in between.
        """
        wanted = set(ids)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if all(wanted <= set(follower.ids) for follower in self.all):
                break
            time.sleep(0.02)
        return all([name for name in follower.ids if name in wanted] == ids for follower in self.all)

    def delays(self, sent: dict[str, float]) -> list[float]:
        """How long after it was sent each revocation arrived at each follower, sorted, in seconds."""
        return sorted(at - sent[name] for follower in self.all for name, at in follower.received if name in sent)
