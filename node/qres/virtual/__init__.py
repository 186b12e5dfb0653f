# SPDX-License-Identifier: Apache-2.0
"""
A virtual field: real weather, real frames, the real core in every node; radio and clocks simulated.

Figures from here are on simulated radio. What is simulated and what is not stands in `air`.
"""
