# SPDX-License-Identifier: Apache-2.0
"""The bandwidth audit: what was on air, against the law, the budget and what peers would send."""
