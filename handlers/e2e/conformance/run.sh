#!/usr/bin/env bash
# The official conformance suite, at a pinned version, against one running server. README.md has the options.
#   run.sh URL [options] [MODE...]   run the modes; exit 0 only at full marks
# The suite and its Node are installed once into a cache outside the repository, named by what they are made of.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cache=${TOOLGATE_E2E_CACHE:-${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/toolgate-e2e}
mkdir -p "$cache"

command -v npm >/dev/null 2>&1 || { echo "run.sh: npm is not installed (Debian: apt-get install npm)" >&2; exit 2; }
[ $# -ge 1 ] || { echo "usage: run.sh URL [--only RE] [--out DIR] [MODE...]" >&2; exit 2; }

home=$cache/conformance-$(cat "$here"/package.json "$here"/package-lock.json | sha256sum | cut -c1-12)
exec 9>"$cache/.lock"
flock -w 900 9 # one installer at a time; released before the suite runs
if [ ! -e "$home/.done" ]; then
  echo "# first install into $home" >&2
  rm -rf "$home"; mkdir -p "$home"
  cp "$here"/package.json "$here"/package-lock.json "$home"/
  (cd "$home" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >&2)
  touch "$home/.done"
fi
flock -u 9
exec 9>&-
case $(uname -m) in aarch64|arm64) arch=arm64 ;; *) arch=x64 ;; esac
node=$home/node_modules/node-linux-$arch/bin/node # the suite needs a newer Node than the system's
[ -e "$node" ] || { echo "run.sh: no pinned Node for $(uname -sm)" >&2; exit 2; }
chmod +x "$node"

unset HTTP_PROXY HTTPS_PROXY http_proxy https_proxy ALL_PROXY all_proxy # the suite talks to loopback only
exec env NODE_NO_WARNINGS=1 "$node" "$here/drive.mjs" "$home/node_modules/@modelcontextprotocol/conformance/dist/index.js" "$@"
