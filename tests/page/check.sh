#!/usr/bin/env bash
# Holds the page of `s3logs report --html` to what it promises, in a browser: valid HTML, accessible in light and dark, on a
# desk and on a phone, no request, nothing of a log but text, all of it without scripts and with a keyboard, small.
#
#   S3LOGS=target/debug/s3logs tests/page/check.sh [FOLDER FOR SCREENSHOTS]
#
# Needs node 18 or later, npm, a Java runtime, and Chromium (CHROMIUM names another than the first on the PATH). Packages from npm are
# those of package-lock.json, and lie in NODE_FOLDER if it is set, else in a temporary folder.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=$(dirname "$(dirname "$here")")
s3logs=$(realpath "${S3LOGS:?names the program}")
shots=${1:+$(realpath -m "$1")}
temp=$(mktemp -d)
trap 'rm -rf "$temp"' EXIT

node=${NODE_FOLDER:-$temp/node}
mkdir -p "$node"
cp "$here/package.json" "$here/package-lock.json" "$here/check.mjs" "$node/"
(cd "$node" && { cmp -s package-lock.json node_modules/.done || npm ci --silent --no-audit --no-fund --ignore-scripts; } &&
  cp package-lock.json node_modules/.done)

# The fixtures, and lines that want to be more than text.
mkdir -p "$temp/logs/cloudfront" "$temp/logs/s3" "$temp/pages"
cp -r "$top/fixtures/logs/." "$temp/logs/"
python3 - "$temp/logs" <<'PYTHON'
import sys

evil = ["</script><script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "<svg/onload=alert(1)>", "javascript:alert(1)",
        "\u202egnp.exe\u202c\u2066\u200f", "\x1b]0;title\x07\x1b[31mred", "&lt;b&gt;&amp;", "' onmouseover='alert(1)", "\u0645\u0631\u062d\u0628\u0627",
        "-->]]>{{7*7}}", "x" * 900, "/" + "y/" * 400]
fields = ("date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status cs(Referer) cs(User-Agent) "
          "cs-uri-query cs(Cookie) x-edge-result-type x-edge-request-id x-host-header cs-protocol cs-bytes time-taken")
lines = ["#Version: 1.0", "#Fields: " + fields]
for month in "02", "03":
    for number in range(240):
        text = evil[number % len(evil)]
        space = text.replace(" ", "%20")
        status = ("200", "404", "500", "000")[number % 4 if number % 5 else 0]
        lines.append("\t".join([
            f"2026-{month}-{1 + number % 28:02}", f"{number % 24:02}:07:09", ("FRA56-P4", "<b>1", "KEF50-C1")[number % 3], str(number * 997),
            f"198.51.100.{number % 200}", "GET", "d1.cloudfront.net", "/" + space if number % 2 else "/evil/" + space + ".js",
            status, "https://" + space.replace("/", "") + "/", space, "-", "-", ("Hit", "Miss", space)[number % 3],
            f"id{month}{number}", "www.example.com", "https", "100", f"{number / 100:.3f}"]))
with open(sys.argv[1] + "/cloudfront/E2EXAMPLE1ABCD.2026-03-04-09.ffffffff", "w", encoding="utf-8", newline="\n") as file:
    file.write("\n".join(lines) + "\n")
owner = "79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be"
lines = []
for number in range(120):
    text = evil[number % len(evil)]
    key = text.replace(" ", "%2520")
    lines.append(
        f"{owner} bucket{number % 3} [{1 + number % 28:02}/Mar/2026:{number % 24:02}:00:38 +0000] 192.0.2.{number} - {number:016X} "
        f'REST.GET.OBJECT {key} "GET /{key} HTTP/1.1" {403 if number % 2 else 200} {"AccessDenied" if number % 2 else "-"} {number} - 7 - '
        f'"{text}" "{text}" - hostid - - - - - - -')
with open(sys.argv[1] + "/s3/2026-03-04-11-22-33-FFFFFFFFFFFFFFFF", "w", encoding="utf-8", newline="\n") as file:
    file.write("\n".join(lines) + "\n")
PYTHON
"$s3logs" sync -q "$temp/logs" "$temp/dataset" || (($? == 3)) # lines that are no lines of a log may be rejected
"$s3logs" report -q "$temp/dataset" --html "$temp/pages/all.html"
"$s3logs" report -q "$temp/dataset" --by month --geoip "$top/fixtures/addresses.mmdb" --html "$temp/pages/months.html"
"$s3logs" report -q "$temp/dataset" --month 2026-03 --table cloudfront --top 100 --html "$temp/pages/month.html"
"$s3logs" report -q "$temp/dataset" --month 1999-01 --html "$temp/pages/none.html"

# The validator does not compute the hash of the script that the page allows; the browser does.
java -Xss2m -jar "$node/node_modules/vnu-jar/build/dist/vnu.jar" --stdout --Werror \
  --filterpattern 'Inline script violates Content Security Policy.*' "$temp"/pages/*.html
echo "the validator finds nothing in $(find "$temp/pages" -name '*.html' | wc -l) pages"
CHROMIUM=${CHROMIUM:-$(command -v chromium || command -v chromium-browser || command -v google-chrome)} \
  node "$node/check.mjs" "$temp/pages" ${shots:+"$shots"}
