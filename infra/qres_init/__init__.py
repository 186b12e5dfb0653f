# SPDX-License-Identifier: Apache-2.0
"""The jobs of the stack: first start, rotation of secrets, backup, health checks."""
