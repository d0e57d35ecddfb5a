"""Clients that ask without pause while something happens to the server, and remember everything that went wrong."""

import socket
import threading
import time

from .wire import Closed, Wire


class BusyClients:
    """Threads with a connection each, which they replace when the server says that it closes."""

    def __init__(self, address, octets: bytes, count: int = 40, keeps: bool = True):
        self.address = address
        self.octets = octets
        self.keeps = keeps
        self.failures: list[str] = []
        self.served = 0
        self.slowest = 0.0
        self.ends = threading.Event()
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self._run, daemon=True) for _ in range(count)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.ends.set()
        for thread in self.threads:
            thread.join(30)

    def await_served(self, count: int, seconds: float = 20) -> None:
        """Until as many more answers have come."""
        target, deadline = self.served + count, time.monotonic() + seconds
        while self.served < target:
            assert time.monotonic() < deadline, f"{self.served} of {target} answers; {self.failures[:3]}"
            time.sleep(0.02)

    def _run(self) -> None:
        wire = None
        while not self.ends.is_set():
            began = time.monotonic()
            try:
                wire = wire or Wire(self.address, timeout=20)
                wire.send(self.octets)
                answer = wire.answer()
                problem = "" if answer.status == 200 else f"{answer.status} {answer.body[:200]!r}"
                closes = not self.keeps or answer.headers.get("connection") == "close"
            except (OSError, Closed, socket.timeout) as error:
                problem, closes = repr(error), True
            with self.lock:
                self.slowest = max(self.slowest, time.monotonic() - began)
                if problem:
                    self.failures.append(problem)
                else:
                    self.served += 1
            if closes and wire:
                wire.close()
                wire = None
            if problem:
                time.sleep(0.05)
        if wire:
            wire.close()
