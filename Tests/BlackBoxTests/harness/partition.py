"""Machines of their own on one network that can be cut: namespaces, veth pairs, a bridge, and iptables.

A packet that is dropped here is really lost: the kernels of both ends send it again, and no buffer goes on taking it, as
that of a stopped process would.

Chromium breaks every request off when an interface of the machine comes or goes (ERR_NETWORK_CHANGED), also one to
loopback. So tests that use a network are marked `alone`.
"""

import os
import subprocess
from pathlib import Path

import pytest

from .engine_process import needed

# 10.213.N.0/24, a network for each process that runs tests.
NETWORK = f"10.213.{os.getpid() % 250 + 1}"
TAG = f"mt{os.getpid() % 100_000}"


def attempt(*words: object) -> None:
    """Runs what a container may be forbidden to do: then the test is skipped, and says why."""
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip(f"no partitions on this machine: {' '.join(map(str, words))}: {(done.stderr or done.stdout).strip()}")


def run(*words: object) -> None:
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True)
    assert done.returncode == 0, f"{words}: {done.stderr}"


class Machine:
    """One namespace. A command with `prefix` in front runs in it and keeps its process id."""

    def __init__(self, network: "Network", number: int):
        self.name = f"{TAG}n{number}"
        self.host = f"{NETWORK}.{number + 1}"
        self.network = network
        outer, inner = f"{TAG}v{number}", f"{TAG}w{number}"
        attempt("ip", "netns", "add", self.name)
        attempt("ip", "link", "add", outer, "type", "veth", "peer", "name", inner)
        attempt("ip", "link", "set", inner, "netns", self.name)
        attempt("ip", "link", "set", outer, "master", network.bridge, "up")
        for words in (("link", "set", "lo", "up"), ("addr", "add", f"{self.host}/24", "dev", inner),
                      ("link", "set", inner, "up")):  # fmt: skip
            attempt(*self.prefix, "ip", *words)

    @property
    def prefix(self) -> tuple[str, ...]:
        return ("ip", "netns", "exec", self.name)

    def cut(self, host: str, port: int | None = None) -> None:
        """Drops every packet to and from `host`, or only those to and from one of its ports."""
        to = ("-p", "tcp", "--dport", str(port)) if port else ()
        back = ("-p", "tcp", "--sport", str(port)) if port else ()
        run(*self.prefix, "iptables", "-w", "-A", "OUTPUT", "-d", host, *to, "-j", "DROP")
        run(*self.prefix, "iptables", "-w", "-A", "INPUT", "-s", host, *back, "-j", "DROP")

    def deafen(self, host: str, port: int) -> None:
        """Drops only what comes from a port of `host`: what is sent there arrives, and no answer does."""
        run(*self.prefix, "iptables", "-w", "-A", "INPUT", "-s", host, "-p", "tcp", "--sport", port, "-j", "DROP")

    def heal(self) -> None:
        run(*self.prefix, "iptables", "-w", "-F")


class Network:
    """A bridge with the address `host` on this side and a namespace for each machine."""

    def __init__(self, count: int):
        needed("ip"), needed("iptables")
        if os.geteuid() != 0:
            pytest.skip("no partitions on this machine: network namespaces need root")
        self.bridge, self.host = f"{TAG}b", f"{NETWORK}.1"
        self.machines: list[Machine] = []
        self.count = count
        self.close()
        try:
            attempt("ip", "link", "add", self.bridge, "type", "bridge")
            attempt("ip", "addr", "add", f"{self.host}/24", "dev", self.bridge)
            attempt("ip", "link", "set", self.bridge, "up")
            for number in range(1, count + 1):
                self.machines.append(Machine(self, number))
            # That rules work is tried before a test relies on it.
            attempt(*self.machines[0].prefix, "iptables", "-w", "-L", "-n")
        except BaseException:
            self.close()
            raise

    def __getitem__(self, index: int) -> Machine:
        return self.machines[index]

    def close(self) -> None:
        """Removes what is there, which may be left from a run that was killed."""
        for number in range(1, self.count + 1):
            if Path(f"/run/netns/{TAG}n{number}").exists():
                subprocess.run(["ip", "netns", "del", f"{TAG}n{number}"], capture_output=True)
            subprocess.run(["ip", "link", "del", f"{TAG}v{number}"], capture_output=True)
        subprocess.run(["ip", "link", "del", self.bridge], capture_output=True)

    def __enter__(self) -> "Network":
        return self

    def __exit__(self, *_) -> None:
        self.close()
