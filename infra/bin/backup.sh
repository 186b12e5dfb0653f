#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# All data and secrets of the stack in one file that only you can read.
#
#   infra/bin/backup.sh [FILE]      default: qres-backup-<time>.tar.gz
#
# The gateway goes on receiving. Broker, database and dashboards pause meanwhile; what the gateway
# could not deliver in that time it delivers afterwards.
. "$(dirname "$0")/common.sh"
file=${1:-qres-backup-$(date -u +%Y%m%dT%H%M%SZ).tar.gz}
[ ! -e "$file" ] || die "$file exists already"

paused=$(running | grep -E '^(mosquitto|influxdb|grafana|demo-field)$' || true)
resume() {
    # shellcheck disable=SC2086  # names of services
    [ -z "$paused" ] || compose --profile demo start $paused >&2
    paused=
}
trap 'rm -f "$file.part"; resume' EXIT
trap 'exit 130' INT TERM
# shellcheck disable=SC2086
[ -z "$paused" ] || compose --profile demo stop $paused >&2
ops backup >"$file.part"
resume
ops verify <"$file.part"
mv "$file.part" "$file"
say "$file: it holds the field key and every password; keep it like one"
