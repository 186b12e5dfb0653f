# SPDX-License-Identifier: Apache-2.0
"""
Flashing: from a site file to a provisioned node on a USB port.

`firmware` reads what is to be written, `plan` says who gets what, `runner` starts one `worker`
process a port, and the worker drives esptool. The field key goes to the worker through a pipe:
never onto a command line, into a file, or into a log. Nothing here can burn an eFuse. `node_time`
tells a new node the time.
"""
