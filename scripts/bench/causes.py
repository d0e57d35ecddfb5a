"""Which part of a request the processor time of the service goes to, from samples of perf with their callers."""

import collections
import re
import subprocess
import time

# The first of these calls that a sample was made in, by thread.
CALLS = {
    "sendto": "sending in the kernel",
    "recvfrom": "receiving in the kernel",
    "epoll_wait": "waiting for events in the kernel",
    "futex": "waking and sleeping in the kernel",
    "write": "eventfd and log lines in the kernel",
    "read": "eventfd and log lines in the kernel",
    "pwrite64": "the durable write in the kernel",
    "statx": "the check of the directory in the kernel",
}
# The outermost function of a sample that one of these names decides; the first match wins.
PARTS = (
    ("the log line", r"3LogV|9Telemetry|LogLine|LogSink|logRefresh"),
    ("the form", r"3API10Parameters|URLEncodedForm"),
    ("verifying the token", r"6Tokens8Verifier|SessionStandingV6verify|SignedTokens"),
    ("signing the tokens", r"6Tokens6IssuerV|SessionTokensV"),
    ("the head", r"HTTP1Reader"),
    ("the entry in memory, and its way to the journal", r"10Revocation"),
    ("the response", r"ResponseWriter|writeTokens|TokenAnswer"),
)


def sample(server, run, folder):
    """The share of each cause in the samples of a run."""
    data = folder / "causes.data"
    recorder = subprocess.Popen(
        ["perf", "record", "-q", "-e", "cpu-clock", "-F", "4000", "-g", "-p", str(server.process.pid), "-o", str(data)],
        stderr=subprocess.DEVNULL)  # fmt: skip
    time.sleep(1)
    run()
    recorder.terminate()
    recorder.wait(60)
    text = subprocess.run(["perf", "script", "-i", str(data), "-F", "comm,ip,sym"], capture_output=True, text=True).stdout
    found = collections.Counter()
    for block in text.split("\n\n"):
        lines = block.strip("\n").split("\n")
        if len(lines) > 1:
            found[cause(lines[0].strip(), [line.split(None, 1)[-1] for line in lines[1:]])] += 1
    total = sum(found.values())
    return {name: count / total for name, count in found.items()}


def cause(thread, frames):
    """Of one sample; `frames` are its functions, the innermost first."""
    for frame in frames:
        call = re.match(r"__(?:x64|arm64)_sys_(\w+)", frame)
        if call:
            return CALLS.get(call.group(1), "other calls")
    if thread == "journal":
        return "the journal thread in user mode"
    for name, pattern in PARTS:
        if any(re.search(pattern, frame) for frame in frames):
            return name
    return "everything else"
