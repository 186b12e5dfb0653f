# SPDX-License-Identifier: Apache-2.0
"""Dashboards and alerts as code: queries, panels, boards, alerts and their runbook."""
