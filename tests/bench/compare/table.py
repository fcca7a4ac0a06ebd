"""The report, in Markdown and as JSON."""

import json
import os
import platform
import subprocess

from targets import TARGETS

HEAD = "| work | against | measured | s3logs | other | ratio (rounds) | target | |\n|---|---|---|--:|--:|--:|--:|---|"
DIGITS = {"s": 2, "MiB": 1, "ns": 0, "ms": 0}


def met(target, measured):
    ours, peer, _ = measured
    value = ours / peer if target.peer else ours
    if target.limit is None:
        return True
    return value >= target.limit if target.least else value <= target.limit


def line(target, measured, facts):
    ours, peer, rounds = measured
    amount = lambda value: f"{value:,.{DIGITS[target.unit]}f} {target.unit}"
    ratio = f"{ours / peer:.2f}" if peer else ""
    if rounds:
        ratio += f" ({min(rounds):.2f}–{max(rounds):.2f})"
    limit = ""
    if target.limit is not None:
        limit = f"{'≥' if target.least else '≤'} {target.limit:g}" + (" ×" if target.peer else f" {target.unit}")
    verdict = "" if target.limit is None else "met" if met(target, measured) else "**missed**"
    work = target.work.format(**{name: f"{fact:,}" if isinstance(fact, int) else fact for name, fact in facts.items()})
    cells = [work, target.peer, target.measure, amount(ours), amount(peer) if peer else "", ratio, limit, verdict]
    return "| " + " | ".join(cells) + " |"


def machine():
    with open("/proc/cpuinfo") as file:
        names = [row.split(":")[1].strip() for row in file if row.startswith("model name")]
    name = names[0] if names else platform.machine()
    return f"{len(os.sched_getaffinity(0))} cores of {name}, Linux {platform.release()}"


def commit(top):
    text = ["git", "-C", top, "describe", "--always", "--dirty"]
    return subprocess.run(text, capture_output=True, text=True).stdout.strip() or "unknown"


def report(bench, top):
    rows = [(target, bench.measured[target.key]) for target in TARGETS if target.key in bench.measured]
    before, after = bench.load, os.getloadavg()[0]
    text = [f"Commit {commit(top)}, {machine()}; {bench.rounds} rounds in turns, medians; scratch folder in {kind(bench.scratch)}."]
    text.append(f"Load of the machine: {before:.1f} when it began, {after:.1f} at the end, this run's own included.")
    if before > 0.5:
        text.append("**Something else was at work: wall times and the second core say little, CPU times a bit more than they should.**")
    if bench.scale != 1:
        text.append(f"**Scaled down by {bench.scale}: these figures say nothing.**")
    text += ["", HEAD, *(line(target, measured, bench.facts) for target, measured in rows), ""]
    text += [note if "\n" in note else f"- {note}" for note in bench.notes]
    missed = [target.key for target, measured in rows if not met(target, measured)]
    judged = sum(target.limit is not None for target, _ in rows)
    text.append(f"\n{judged - len(missed)} of {judged} targets met.")
    save(bench, "\n".join(text))
    return "\n".join(text), missed


def save(bench, text):
    with open(os.path.join(bench.dir, "results.md"), "w") as file:
        file.write(text + "\n")
    with open(os.path.join(bench.dir, "results.json"), "w") as file:
        json.dump({"measured": bench.measured, "facts": bench.facts, "notes": bench.notes}, file, indent=1)


def kind(folder):
    found = subprocess.run(["stat", "-f", "-c", "%T", folder], capture_output=True, text=True).stdout.strip()
    return found or "an unknown file system"
