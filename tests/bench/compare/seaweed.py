"""A throw-away SeaweedFS on loopback ports that are free right now."""

import glob
import os
import random
import shutil
import socket
import subprocess
import time

from measure import CLEAN, Failed, run

KEYS = {"AWS_ACCESS_KEY_ID": "benchaccess", "AWS_SECRET_ACCESS_KEY": "benchsecret123", "AWS_REGION": "us-east-1"}
BUCKET = "bench"


def free_ports(count):
    """Ports whose gRPC twins (+10000) are free as well; both stay below the range the kernel hands out by itself."""
    held, found = [], []
    while len(found) < count:
        port = random.randrange(10240, 22000)
        try:
            for number in (port, port + 10000):
                probe = socket.socket()
                held.append(probe)
                probe.bind(("127.0.0.1", number))
        except OSError:
            continue
        found.append(port)
    for probe in held:
        probe.close()
    return found


class SeaweedFS:
    """Runs while the block does; killed by its process id, as the data is thrown away."""

    def __init__(self, bench):
        self.bench = bench
        self.dir = os.path.join(bench.scratch, "seaweedfs")
        self.env = KEYS

    def __enter__(self):
        for _ in range(3):
            if self.start():
                self.bench.log(f"SeaweedFS at {self.endpoint} (pid {self.server.pid})")
                return self
        with open(os.path.join(self.dir, "weed.log")) as log:
            raise Failed("SeaweedFS did not get ready:\n" + log.read()[-2000:])

    def start(self):
        shutil.rmtree(self.dir, ignore_errors=True)
        os.makedirs(os.path.join(self.dir, "tmp"))
        self.ports = free_ports(5)
        self.endpoint = f"http://127.0.0.1:{self.ports[0]}"
        names = ["s3.port", "filer.port", "master.port", "volume.port", "admin.port"]
        # Telemetry and 0.0.0.0 are weed's defaults; a bucket takes about seven volumes.
        options = [
            f"-dir={self.dir}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-master.telemetry=false", "-webdav=false", "-admin.ui=false",
            f"-bucket={BUCKET}", "-s3.port.iceberg=0", "-s3.port.lance=0", "-volume.max=500",
            *(f"-{name}={port}" for name, port in zip(names, self.ports)),
        ]
        environment = CLEAN | KEYS | {"TMPDIR": os.path.join(self.dir, "tmp")}
        with open(os.path.join(self.dir, "weed.log"), "wb") as log:
            command = [self.bench.tool("weed"), "mini", *options]
            self.server = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and self.server.poll() is None:
            try:
                self.s5cmd("ls", f"s3://{BUCKET}", "--retry-count", "0")
                return True
            except Failed:
                time.sleep(0.2)
        self.stop()
        return False

    def __exit__(self, *_):
        self.stop()
        shutil.rmtree(self.dir, ignore_errors=True)

    def stop(self):
        self.server.kill()
        self.server.wait()
        for port in self.ports:  # weed's own, left behind by a kill
            for path in glob.glob(f"/tmp/seaweedfs-*-{port}.sock") + glob.glob(f"/tmp/seaweedfs-*-{port + 10000}.sock"):
                os.remove(path)

    def s5cmd(self, verb, *arguments):
        options = [argument for argument in arguments if argument.startswith("--") or argument.isdigit()]
        places = [argument for argument in arguments if argument not in options]
        command = [self.bench.tool("s5cmd"), "--endpoint-url", self.endpoint, "--numworkers", "32", *options, verb, *places]
        return run(command, KEYS)

    def put(self, folder, prefix):
        self.s5cmd("cp", folder + "/*", f"s3://{BUCKET}/{prefix}/")
