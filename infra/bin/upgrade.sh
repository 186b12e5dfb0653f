#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# After `git pull`: back up, fetch and build the images that this version names, start them.
#
#   infra/bin/upgrade.sh
#
# If the new version does not become healthy: check out the old one and
# `infra/bin/restore.sh <the backup that was just made> --yes`.
. "$(dirname "$0")/common.sh"
file=qres-before-upgrade-$(date -u +%Y%m%dT%H%M%SZ).tar.gz
"$(dirname "$0")/backup.sh" "$file"
profile=
case $(running) in *demo-field*) profile="--profile demo" ;; esac
compose pull --ignore-buildable --policy missing
compose build --pull init
# shellcheck disable=SC2086  # two words or none
compose $profile up --detach --wait ||
    die "not healthy; to go back: check out the old version, infra/bin/restore.sh $file --yes"
say "upgraded; the state before it is in $file"
