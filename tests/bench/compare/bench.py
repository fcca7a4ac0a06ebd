"""What all sections share: the programs, the folders, the sizes, and the values measured so far."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field

import measure
from measure import Failed, run

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))


@dataclass
class Bench:
    dir: str
    scratch: str
    rounds: int
    scale: int
    large_gib: int
    long: bool
    s3logs: str = ""
    generator: str = ""
    # Key of a target to (ours, the peer's or None, ratio of each round).
    measured: dict = field(default_factory=dict)
    facts: dict = field(default_factory=dict)
    notes: list = field(default_factory=list)
    # Of the last minute, before anything was measured.
    load: float = 0.0

    def log(self, text):
        print(text, file=sys.stderr, flush=True)

    def tool(self, name):
        return os.path.join(self.dir, "venv", "bin", name)

    def target_dir(self):
        return os.environ.get("CARGO_TARGET_DIR", os.path.join(TOP, "target"))

    def cargo(self, *arguments, cwd=TOP):
        self.log("cargo " + " ".join(arguments))
        subprocess.run(["cargo", *arguments], cwd=cwd, check=True, stdout=sys.stderr)

    def cargo_beside(self, folder, *arguments):
        """A crate of its own, with the versions of the main one and what only it needs."""
        folder = os.path.join(TOP, "tests", "bench", folder)
        shutil.copy(os.path.join(TOP, "Cargo.lock"), os.path.join(folder, "Cargo.lock"))
        environment = os.environ | {"CARGO_TARGET_DIR": self.target_dir()}
        self.log(f"cargo {' '.join(arguments)} in {folder}")
        subprocess.run(["cargo", *arguments], cwd=folder, check=True, stdout=sys.stderr, env=environment)

    def built(self, name):
        return os.path.join(self.target_dir(), "release", name)

    def fresh(self, name):
        """A path below the scratch folder where nothing is."""
        path = os.path.join(self.scratch, "out", name)
        remove(path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        return path

    def tidy(self):
        remove(os.path.join(self.scratch, "out"))

    # Values -------------------------------------------------------------------------------------------------------

    def against(self, key, ours, peers, what):
        """Usages of rounds in turns; the ratio of the medians is what counts, the ratios of the rounds tell the noise."""
        rounds = [getattr(one, what) / getattr(other, what) for one, other in zip(ours, peers)]
        self.measured[key] = (measure.middle(ours, what), measure.middle(peers, what), rounds)

    def value(self, key, ours, peer=None):
        self.measured[key] = (ours, peer, [])

    # Programs -----------------------------------------------------------------------------------------------------

    def ours(self, *arguments, env=None, cpus=None):
        pinned = ["taskset", "-c", cpus] if cpus else []
        return run([*pinned, self.s3logs, *arguments], env)

    def sync(self, source, *options, name="s3logs", **more):
        return self.ours("sync", "-q", *options, source, self.fresh(name), **more)

    def peer(self, engine, form, folder):
        """Time of the query alone, which leaves out the start of the engine that our own run includes; peak of the process."""
        out = self.fresh(engine)
        usage = run([sys.executable, os.path.join(HERE, "peer.py"), engine, form, folder, out])
        query = json.loads(usage.out)
        return measure.Usage(query["wall"], query["cpu"], usage.peak)

    def sums(self, column, name):
        out = os.path.join(self.scratch, "out", name)
        return json.loads(run([sys.executable, os.path.join(HERE, "sums.py"), column, out]).out)

    def check_sums(self, truth, name):
        """Rows and bytes of each day must be what the generator wrote."""
        column = "sc_bytes" if truth["format"] == "cloudfront" else "bytes_sent"
        found = self.sums(column, name)
        for what, known in ("rows", truth["rows_per_day"]), ("bytes", truth[f"{column}_per_day"]):
            same(f"{what} of {name}, by day", found[what], known)

    def check_rows(self, name, rows):
        same(f"rows of {name}", sum(self.sums("NULL", name)["rows"].values()), rows)


def same(what, found, known):
    if found != known:
        raise Failed(f"{what}: found {found}, should be {known}")


def remove(path):
    if os.path.isdir(path):
        shutil.rmtree(path)
    elif os.path.exists(path):
        os.remove(path)


def files_below(folder, suffix=""):
    for parent, _, names in os.walk(folder):
        yield from (os.path.join(parent, name) for name in names if name.endswith(suffix))


def bytes_below(folder, suffix=""):
    return sum(map(os.path.getsize, files_below(folder, suffix)))
