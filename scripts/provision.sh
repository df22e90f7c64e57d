#!/usr/bin/env bash
# Installs from Debian what the tests need from outside npm. With everything there it costs milliseconds
# and no network, so that `npm test` can start with it. It never fails: tests without what they need are
# skipped by name, and with CI=true scripts/report-skips.ts fails the run for it.
set -euo pipefail

# command:packages
needs=(
  chromium:chromium
  curl:curl
  "gcc:gcc libc6-dev"
  ip:iproute2
  mkfs.ext4:e2fsprogs
  openssl:openssl
  /usr/include/openssl/ssl.h:libssl-dev
  nginx:nginx
  haproxy:haproxy
  caddy:caddy
  varnishd:varnish
  redis-server:redis-server
  redis-sentinel:redis-sentinel
  /usr/lib/postgresql/*/bin/postgres:postgresql
  nats-server:nats-server
  /usr/lib/*/faketime/libfaketimeMT.so.1:libfaketime
)

have() {
  # Debian does not put the server of PostgreSQL on the PATH: a pattern may stand for its folder.
  [[ $1 == */* ]] && compgen -G "${PROVISION_ROOT:-}$1" >/dev/null || command -v "$1" >/dev/null || [[ $1 == chromium && -x ${CHROMIUM_PATH:-} ]]
}

find_missing() {
  missing=()
  packages=()
  local need named
  for need in "${needs[@]}"; do
    have "${need%%:*}" && continue
    missing+=("${need%%:*}")
    read -ra named <<<"${need#*:}"
    packages+=("${named[@]}")
  done
}

# Debian starts the servers that it installs, unless this file forbids it; one that is there already is left alone.
policy=${PROVISION_ROOT:-}/usr/sbin/policy-rc.d

forbid_starts() {
  [[ -e $policy ]] && return
  trap 'rm -f "$policy"' EXIT
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod +x "$policy"
}

install_missing() {
  export DEBIAN_FRONTEND=noninteractive
  forbid_starts && apt-get update && apt-get -o DPkg::Lock::Timeout=120 install -y --no-install-recommends "${packages[@]}"
}

find_missing
if ((${#missing[@]} > 0)) && [[ $(id -u) == 0 ]] && command -v apt-get >/dev/null; then
  echo "provision: installing ${packages[*]}"
  output=$(install_missing 2>&1) || printf '%s\n' "$output" 'provision: apt-get failed, see above'
  hash -r
  find_missing
fi

if ((${#missing[@]} > 0)); then
  echo "provision: missing: ${missing[*]}; the tests that need them will be named as skipped"
else
  echo 'provision: nothing is missing'
fi
