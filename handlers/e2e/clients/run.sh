#!/usr/bin/env bash
# The client matrix: real MCP clients, at pinned versions, against one running server. README.md has the options.
#   run.sh BASE_URL [options]       run the rows; exit 0 only when every client works
#   run.sh --install                only install, and print where: `node` and `home`, one NAME=VALUE a line
# The clients are installed once into a cache outside the repository, named by what they are made of.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cache=${TOOLGATE_E2E_CACHE:-${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/toolgate-e2e}
mkdir -p "$cache"
# The clients talk to loopback only, and a proxy would stand between.
proxies=(HTTP_PROXY HTTPS_PROXY http_proxy https_proxy ALL_PROXY all_proxy)

need() { command -v "$1" >/dev/null 2>&1 || { echo "run.sh: $1 is not installed (Debian: apt-get install $2)" >&2; exit 1; }; }
need npm npm
need go golang
need python3 python3
need curl curl
CHROMIUM=${CHROMIUM:-$(command -v chromium || true)}
[ -n "$CHROMIUM" ] || need chromium chromium

sum() { cat "$@" | sha256sum | cut -c1-12; }
home=$cache/npm-$(sum "$here"/npm/package.json "$here"/npm/package-lock.json)
rows=$home/rows-$(sum "$here"/rows/* "$here"/runner.mjs "$here"/roster.mjs)
bundle=$home/browser-$(sum "$here"/rows/browser-sdk.mjs).js
gobin=$cache/goclients-$(sum "$here"/go/main.go "$here"/go/go.mod "$here"/go/go.sum)

exec 9>"$cache/.lock"
flock -w 900 9 # one installer at a time; released before the rows run
if [ ! -e "$home/.done" ]; then
  echo "# first install into $cache" >&2
  rm -rf "$home"; mkdir -p "$home"
  cp "$here"/npm/package.json "$here"/npm/package-lock.json "$home"/
  (cd "$home" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >&2)
  touch "$home/.done"
fi
case $(uname -m) in aarch64|arm64) arch=arm64 ;; *) arch=x64 ;; esac
node=$home/node_modules/node-linux-$arch/bin/node # several clients need a newer Node than the system's
[ -e "$node" ] || { echo "run.sh: no pinned Node for $(uname -sm)" >&2; exit 1; }
chmod +x "$node"
if [ ! -e "$rows/runner.mjs" ]; then # beside node_modules, so that the rows' imports resolve
  tmp=$(mktemp -d "$home/rows.XXXXXX")
  cp "$here"/rows/* "$here"/runner.mjs "$here"/roster.mjs "$tmp"/
  mv -T "$tmp" "$rows" 2>/dev/null || rm -rf "$tmp"
fi
if [ ! -e "$bundle" ]; then
  (cd "$home" && "$node" node_modules/rolldown/bin/cli.mjs "$rows/browser-sdk.mjs" --platform browser --format esm --file "$bundle.tmp" --minify >/dev/null)
  mv "$bundle.tmp" "$bundle"
fi
if [ ! -x "$gobin" ]; then
  (cd "$here/go" && GOWORK=off GOFLAGS=-mod=readonly go build -o "$gobin.tmp" .)
  mv "$gobin.tmp" "$gobin"
fi
flock -u 9
exec 9>&-
if [ "${1:-}" = --install ]; then
  printf 'node=%s\nhome=%s\nchromium=%s\n' "$node" "$home" "$CHROMIUM"
  exit 0
fi

unset "${proxies[@]}"
export CHROMIUM MCP_CLIENTS_HOME=$home MCP_CLIENTS_GO=$gobin MCP_CLIENTS_BUNDLE=$bundle NODE_NO_WARNINGS=1
exec "$node" "$rows/runner.mjs" "$@"
