"""Section net: download, sync and list against s5cmd, with SeaweedFS on the same machine."""

import json
import os

import data
from bench import bytes_below, files_below, same
from measure import in_turns, most
from seaweed import BUCKET, SeaweedFS


def net(bench):
    with SeaweedFS(bench) as server:
        small(bench, server)
        many_keys(bench, server)
    bench.tidy()


def program(bench, server, verb, *arguments):
    return bench.ours(verb, *arguments, "--endpoint-url", server.endpoint, env=server.env)


def small(bench, server):
    folder, truth = data.make(bench, "small")
    bench.facts["small_objects"] = truth["objects"]
    server.put(folder, "small")
    source = f"s3://{BUCKET}/small/"

    def download(*options):
        return program(bench, server, "download", "-q", *options, source, bench.fresh("download"))

    def sync(*options):
        return program(bench, server, "sync", "-q", *options, source, bench.fresh("s3logs"))

    def s5cmd():
        out = bench.fresh("s5cmd")
        os.makedirs(out)
        return server.s5cmd("cp", source + "*", out + "/")

    taken = in_turns(bench.rounds, {"download": download, "s5cmd": s5cmd, "sync": sync}, bench.log)
    for name in "download", "s5cmd":
        out = os.path.join(bench.scratch, "out", name)
        found = sum(1 for _ in files_below(out)), bytes_below(out)
        same(f"objects and bytes of {name}", found, (truth["objects"], truth["bytes_on_disk"]))
    bench.check_sums(truth, "s3logs")
    bench.against("net.download.wall", taken["download"], taken["s5cmd"], "wall")
    bench.against("net.download.cpu", taken["download"], taken["s5cmd"], "cpu")
    bench.against("net.sync.wall", taken["sync"], taken["s5cmd"], "wall")
    bench.notes.append(f"peak memory of s5cmd, download: {most(taken['s5cmd']):,.0f} MiB")
    for name, work in ("download", download), ("sync", sync):
        bench.value(f"net.{name}.peak", most(taken[name]))
        bench.value(f"net.{name}.peak64", work("--memory", "64MiB").peak)


def many_keys(bench, server):
    folder, truth = data.make(bench, "keys")
    bench.facts["keys"] = truth["objects"]
    bench.log("putting the keys")
    server.put(folder, "keys")
    source = f"s3://{BUCKET}/keys/"
    dataset = bench.fresh("s3logs")
    first = program(bench, server, "sync", "-q", source, dataset)
    bench.notes.append(f"first `sync` of {truth['objects']:,} objects with a row each: {first.wall:.1f} s, {first.peak:.0f} MiB")
    bench.check_sums(truth, "s3logs")

    def listing():
        usage = program(bench, server, "list", "--json", source)
        same("objects listed", objects_listed(usage.out), truth["objects"])
        return usage

    def s5cmd():
        usage = server.s5cmd("ls", source + "*")
        same("objects that s5cmd lists", usage.out.count("\n"), truth["objects"])
        return usage

    def noop(*options):
        return program(bench, server, "sync", "-q", *options, source, dataset)

    taken = in_turns(bench.rounds, {"list": listing, "s5cmd ls": s5cmd, "sync, nothing new": noop}, bench.log)
    bench.against("net.list.wall", taken["list"], taken["s5cmd ls"], "wall")
    bench.against("net.noop.wall", taken["sync, nothing new"], taken["s5cmd ls"], "wall")
    bench.check_sums(truth, "s3logs")
    bench.value("net.list.peak", most(taken["list"]))
    bench.value("net.noop.peak", most(taken["sync, nothing new"]))
    bench.value("net.noop.peak64", noop("--memory", "64MiB").peak)


def objects_listed(text):
    """What the days add up to, which the summary behind them must say too."""
    *days, summary = map(json.loads, text.splitlines())
    same("objects in the summary", summary["objects"], sum(day["objects"] for day in days))
    return summary["objects"]
