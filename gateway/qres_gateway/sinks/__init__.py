# SPDX-License-Identifier: Apache-2.0
"""Where the gateway's results go: fed from the store by cursor, at least once, never in the way."""
