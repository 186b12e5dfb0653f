#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Build and start the stack, wait until all of it is healthy, and say where it is.
#
#   infra/bin/up.sh [demo]
. "$(dirname "$0")/common.sh"
profile=
[ "${1:-}" != demo ] || profile="--profile demo"
if [ -n "$profile" ] && ! running | grep -qx demo-field; then
    # The virtual field's past goes into the gateway's store while no gateway has it open.
    compose stop gateway >/dev/null 2>&1 || true
fi
compose build --quiet init
# shellcheck disable=SC2086  # two words or none
compose $profile up --detach --wait
for pair in "grafana 3000 Grafana" "gateway 8787 console"; do
    # shellcheck disable=SC2086  # three words
    set -- $pair
    say "$3: http://$(compose port "$1" "$2")/"
done
say "passwords: infra/bin/passwords.sh"
