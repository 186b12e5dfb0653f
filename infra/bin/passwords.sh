#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Show the passwords that people need: Grafana's admin, the broker's reader and receiver.
. "$(dirname "$0")/common.sh"
job show
