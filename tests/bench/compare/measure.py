"""Runs programs in turns and takes their wall and CPU time and their peak memory from the kernel."""

import os
import subprocess
import time
from dataclasses import dataclass
from statistics import median

# What the machine's owner has set for AWS must not reach the tools.
CLEAN = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")} | {"AWS_EC2_METADATA_DISABLED": "true"}


@dataclass(frozen=True)
class Usage:
    wall: float
    cpu: float
    peak: float  # MiB
    out: str = ""


class Failed(Exception):
    pass


def run(command, env=None, out=None):
    """Runs a program to its end. The peak is that of the whole process, and never below this small program's own."""
    command = [str(part) for part in command]
    read, write = os.pipe() if out is None else (None, out.fileno())
    start = time.monotonic()
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=write, stderr=subprocess.PIPE, env=CLEAN | (env or {}))
    if out is None:
        os.close(write)
    text, errors = drain([read, child.stderr.fileno()])
    _, status, used = os.wait4(child.pid, 0)
    wall = time.monotonic() - start
    child.returncode = os.waitstatus_to_exitcode(status)
    child.stderr.close()
    if child.returncode != 0:
        raise Failed(f"{' '.join(command)}\nended with {child.returncode}:\n{errors[-2000:]}")
    return Usage(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, text)


def drain(pipes):
    """Reads pipes to their ends, whichever has something."""
    import selectors

    parts = {pipe: b"" for pipe in pipes if pipe is not None}
    with selectors.DefaultSelector() as ready:
        for pipe in parts:
            ready.register(pipe, selectors.EVENT_READ)
        while ready.get_map():
            for key, _ in ready.select():
                piece = os.read(key.fd, 1 << 16)
                parts[key.fd] += piece
                if not piece:
                    ready.unregister(key.fd)
    if pipes[0] is not None:
        os.close(pipes[0])
    return [parts[pipe].decode(errors="replace") if pipe is not None else "" for pipe in pipes]


def in_turns(rounds, tools, log):
    """A, B, C, A, B, C: what the machine does beside this hits all of them. Name to the usages of the rounds."""
    taken = {name: [] for name in tools}
    for number in range(rounds):
        for name, work in tools.items():
            usage = work()
            taken[name].append(usage)
            log(f"  {name} {number + 1}/{rounds}: {usage.wall:.2f} s wall, {usage.cpu:.2f} s CPU, {usage.peak:.0f} MiB")
    return taken


def middle(usages, what):
    return median(getattr(usage, what) for usage in usages)


def most(usages):
    return max(usage.peak for usage in usages)
