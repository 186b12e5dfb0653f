#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Replace all data and secrets of the stack by those of a backup, and start it.
#
#   infra/bin/restore.sh FILE --yes
. "$(dirname "$0")/common.sh"
[ $# -ge 1 ] || die "usage: restore.sh FILE --yes"
file=$1
[ -r "$file" ] || die "$file cannot be read"
[ "${2:-}" = --yes ] || die "this deletes what the stack holds now; say --yes"

compose build --quiet init
ops verify <"$file" || die "$file is not used; nothing was changed"
was=$(running)
compose --profile demo down --timeout 60
ops restore <"$file"
profile=
case $was in *demo-field*) profile="--profile demo" ;; esac
# shellcheck disable=SC2086  # two words or none
compose $profile up --detach --wait
say "restored from $file"
