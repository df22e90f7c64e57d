#!/usr/bin/env bash
# Downloads a Kafka broker for the tests of @tailrace/log-kafka, once: 43 MB from Maven Central. Debian has no package
# of it. Like scripts/provision.sh, it never fails.
set -euo pipefail

# packages/testkit/src/kafka.ts starts this version.
version=4.1.1
cache=${XDG_CACHE_HOME:-$HOME/.cache}/tailrace
jars=$cache/kafka-$version

say() { printf 'provision: %s\n' "$1"; }

[[ -d $jars ]] && exit 0
for command in java mvn; do
  command -v "$command" >/dev/null && continue
  say "Kafka needs Java 17 and Maven, and there is no $command; the tests that need Kafka will be named as skipped"
  exit 0
done

say "downloading Kafka $version"
mkdir -p "$cache" || exit 0
# Complete or absent, also if it is interrupted, or runs twice.
partial=$(mktemp -d "$cache/kafka-$version.XXXXXX")
trap 'rm -rf "$partial"' EXIT
if output=$(mvn --batch-mode --quiet --file "$(dirname "$0")/kafka/pom.xml" "-Dkafka.version=$version" \
  dependency:copy-dependencies -DincludeScope=runtime "-DoutputDirectory=$partial" 2>&1); then
  chmod 755 "$partial"
  mv -T "$partial" "$jars" 2>/dev/null || true
else
  printf '%s\n' "$output"
  say 'Maven failed, see above; the tests that need Kafka will be named as skipped'
fi
