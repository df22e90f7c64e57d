#!/usr/bin/env bash
# Installs or builds the peers that the bench compares with: Debian packages, and Go programs into
# node_modules/.cache/tailrace-bench/bin. What is there already costs nothing, and what cannot be had is no failure:
# the report names it as absent, with the last line of the log that is left here.
set -euo pipefail
cd "$(dirname "$0")"

# The newest whose modules the Go proxy has all of, when this was written: v6.9.1 needs an untagged one that it has not.
CENTRIFUGO=v5.4.9
BUILD_TIMEOUT=600

bin=$(cd .. && pwd)/node_modules/.cache/tailrace-bench/bin
mkdir -p "$bin"

# command:package
needs=(
  gcc:gcc
  nginx:nginx
  pushpin:pushpin
)
packages=()
for need in "${needs[@]}"; do
  command -v "${need%%:*}" >/dev/null || packages+=("${need#*:}")
done
[[ -e /usr/lib/nginx/modules/ngx_nchan_module.so ]] || packages+=(libnginx-mod-nchan)
[[ -e /usr/include/stdio.h ]] || packages+=(libc6-dev)
[[ -e /usr/include/openssl/ssl.h ]] || packages+=(libssl-dev)
command -v zurl >/dev/null || packages+=(zurl)

if ((${#packages[@]} > 0)) && [[ $(id -u) == 0 ]] && command -v apt-get >/dev/null; then
  echo "bench: installing ${packages[*]}"
  export DEBIAN_FRONTEND=noninteractive
  # Their services would hold ports and CPU; the bench starts each peer by itself.
  export RUNLEVEL=1
  { apt-get update && apt-get -o DPkg::Lock::Timeout=120 install -y --no-install-recommends "${packages[@]}"; } \
    >"$bin/apt.log" 2>&1 || echo "bench: apt-get failed: $(tail -n 1 "$bin/apt.log")"
elif ((${#packages[@]} > 0)); then
  echo "bench: missing: ${packages[*]}"
fi

build_mercure() (
  cd peers/mercure
  GOFLAGS=-mod=mod CGO_ENABLED=0 go build -modfile="$work/go.mod" -o "$bin/mercure" .
)

build_centrifugo() (
  cd "$work"
  go mod download "github.com/centrifugal/centrifugo/${CENTRIFUGO%%.*}@$CENTRIFUGO"
  cd "$(go env GOMODCACHE)/github.com/centrifugal/centrifugo/${CENTRIFUGO%%.*}@$CENTRIFUGO"
  CGO_ENABLED=0 go build -o "$bin/centrifugo" \
    -ldflags "-X github.com/centrifugal/centrifugo/${CENTRIFUGO%%.*}/internal/build.Version=${CENTRIFUGO#v}" .
)

build() {
  local name=$1
  [[ -x $bin/$name ]] && return
  if ! command -v go >/dev/null; then
    echo 'Go is not installed' >"$bin/$name.log"
    return
  fi
  echo "bench: building $name"
  export work bin CENTRIFUGO
  work=$(mktemp -d)
  # A copy, so that the build does not write its checksums into the repository.
  cp peers/mercure/go.mod "$work/go.mod"
  sed -i "s#=> ./#=> $PWD/peers/mercure/#" "$work/go.mod"
  export -f "build_$name"
  if ! timeout "$BUILD_TIMEOUT" bash -euo pipefail -c "build_$name" >"$bin/$name.log" 2>&1; then
    echo "bench: $name cannot be built: $(tail -n 1 "$bin/$name.log")"
  fi
  rm -rf "$work"
}

build mercure
build centrifugo
