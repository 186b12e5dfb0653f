# SPDX-License-Identifier: Apache-2.0
"""
The anomaly score of SPEC 5.5 on data: what it finds, what it costs, and what it is blind to.

`evaluate` does it all; `drift` is the detector for what the score cannot see, for the gateway.
"""
