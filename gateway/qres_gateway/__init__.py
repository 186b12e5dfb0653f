# SPDX-License-Identifier: Apache-2.0
"""The receive-only gateway: sources, frame log, replica, airtime ledger, console, commands."""
