"""The programs of the bench that are written in C."""

import subprocess
from pathlib import Path

HERE = Path(__file__).resolve().parent


def compiled(name, path, *options):
    """`path`, built from the file of that name with the C compiler that the toolchain brings, or the machine's."""
    path.parent.mkdir(parents=True, exist_ok=True)
    for compiler in ("cc", "clang"):
        try:
            done = subprocess.run([compiler, "-O2", *options, "-o", path, HERE / name], capture_output=True, text=True)
        except FileNotFoundError:
            continue
        if done.returncode == 0:
            return path
        raise SystemExit(f"{compiler} failed: {done.stderr}")
    raise SystemExit("there is no C compiler")
