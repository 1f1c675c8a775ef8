#!/usr/bin/env bash
# Imports this machine's Debian package index into a cluster of three processes while nodes are killed with SIGKILL:
# first the leader of a busy shard, then one more node; then both are started again. At the end a read of every acknowledged stanza through each of the
# three nodes must return the same bytes, also after all three were killed at once.
#
#   bash tests/Acceptance/import-under-kill.sh [package index file...]
#
# Without arguments it imports every package index under /var/lib/apt/lists. Needs the .NET 10 SDK. It ends only the processes that it
# started, and prints each step; exit code 0 means that no acknowledged stanza was lost.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/kvraft-import-XXXXXX")
base=${KVRAFT_ACCEPTANCE_PORT:-17400}
declare -A pid

cleanup() {
  for n in "${!pid[@]}"; do kill -9 "${pid[$n]}" 2>/dev/null || true; done
  wait 2>/dev/null || true
  rm -rf "$work"
}
trap cleanup EXIT

log() { echo "[$(date +%H:%M:%S)] $*"; }

# KVRAFT_NO_BUILD=1 uses the existing build.
if [ -z "${KVRAFT_NO_BUILD:-}" ]; then
  log "building"
  dotnet build "$root/src/Node" -c Release -v q --nologo >"$work/build.log" 2>&1 || { cat "$work/build.log"; exit 1; }
  dotnet build "$root/src/Cli" -c Release -v q --nologo >"$work/build.log" 2>&1 || { cat "$work/build.log"; exit 1; }
fi
kvraft=$root/artifacts/bin/KvRaft.Node/release/kvraft
kvctl=$root/artifacts/bin/KvRaft.Cli/release/kvctl
export KVCTL_ENDPOINTS=127.0.0.1:$((base + 1)),127.0.0.1:$((base + 2)),127.0.0.1:$((base + 3))

index=$work/Packages
if [ $# -gt 0 ]; then
  cat "$@" >"$index"
else
  for list in /var/lib/apt/lists/*Packages*; do
    [ -f "$list" ] || { echo "no package index under /var/lib/apt/lists; run apt-get update, or name a file"; exit 2; }
    case $list in
      *.lz4 | *.xz | *.gz) /usr/lib/apt/apt-helper cat-file "$list" ;;
      *) cat "$list" ;;
    esac
  done >"$index"
fi
log "$(grep -c '^Package:' "$index") stanzas, $(stat -c %s "$index") bytes"

nodes=$(for i in 1 2 3; do
  printf '{"id":"n%d","public":"127.0.0.1:%d","raft":"127.0.0.1:%d"}' $i $((base + i)) $((base + 100 + i))
  if [ $i -lt 3 ]; then printf ','; fi
done)
(umask 077 && od -An -N32 -tx1 /dev/urandom | tr -d ' \n' >"$work/cluster-secret")
for i in 1 2 3; do
  printf '{"clusterName":"import","nodeId":"n%d","dataDirectory":"%s/n%d","clusterSecretFile":"%s/cluster-secret","shardCount":8,"nodes":[%s]}' \
    $i "$work" $i "$work" "$nodes" >"$work/n$i.json"
done

start() { "$kvraft" node --config "$work/$1.json" >>"$work/$1.log" 2>&1 & pid[$1]=$!; }
kill9() { log "kill -9 $1"; kill -9 "${pid[$1]}"; wait "${pid[$1]}" 2>/dev/null || true; unset "pid[$1]"; }

# Waits until all eight shards have a leader and one answers a write.
led() {
  for _ in $(seq 600); do
    if [ "$("$kvctl" shard list -o json 2>/dev/null | grep -oE '"leader": *"n[123]"' | wc -l)" -ge 8 ] \
      && "$kvctl" put ready yes >/dev/null 2>&1; then return; fi
    sleep 0.2
  done
  echo "the cluster did not start"
  tail -5 "$work"/n?.log
  exit 1
}

acknowledged() { [ -f "$work/ack.log" ] && wc -l <"$work/ack.log" || echo 0; }
until_acknowledged() { while [ "$(acknowledged)" -lt "$1" ] && kill -0 "$import" 2>/dev/null; do sleep 0.05; done; }

for n in n1 n2 n3; do start $n; done
led
log "three nodes are up"

"$kvctl" import "$index" --format deb822 --ack-log "$work/ack.log" >"$work/import.out" 2>"$work/import.err" &
import=$!
until_acknowledged 2000
leader=$("$kvctl" shard list -o json | grep -oE '"leader": *"n[123]"' | head -1 | grep -oE 'n[123]')
kill9 "$leader"
until_acknowledged $(($(acknowledged) + 2000))
for other in n1 n2 n3; do [ "$other" != "$leader" ] && break; done
kill9 "$other"
log "$(acknowledged) acknowledged; two of three nodes are down: no write is acknowledged until one is started again"
start "$leader"
start "$other"
wait "$import" || { echo "import failed"; cat "$work/import.out" "$work/import.err"; exit 1; }
cat "$work/import.out"
log "$(acknowledged) acknowledged in total"

verify() {
  "$kvctl" import --verify "$index" --format deb822 -o plain
  "$kvctl" verify "$work/ack.log" -o plain
}
led
log "reading every stanza back from each node"
verify
log "killing all three at once"
for n in n1 n2 n3; do kill -9 "${pid[$n]}"; done
for n in n1 n2 n3; do wait "${pid[$n]}" 2>/dev/null || true; start $n; done
led
log "reading every stanza back from each node"
verify
log "nothing was lost"
