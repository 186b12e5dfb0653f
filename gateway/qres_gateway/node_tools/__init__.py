# SPDX-License-Identifier: Apache-2.0
"""
What is read out of a node that hangs on the cable.

`raw_log` reads the ring of raw samples that the firmware keeps in flash, `raw_log_table` makes
tables of it. Neither knows a port: boards are driven by `qres_gateway.flash`.
"""
