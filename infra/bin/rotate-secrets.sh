#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Replace every secret but the field key, which the nodes hold: passwords of broker, dashboards and
# database, tokens of gateway and dashboards. The old ones end with this.
#
#   infra/bin/rotate-secrets.sh
. "$(dirname "$0")/common.sh"
for name in influxdb mosquitto grafana gateway; do
    running | grep -qx "$name" || die "$name is not running: docker compose up --detach --wait"
done
job rotate
compose restart mosquitto grafana gateway
compose up --detach --wait --no-recreate mosquitto grafana gateway
job revoke
say "done; infra/bin/passwords.sh shows the new ones. Clients of the broker need theirs"
