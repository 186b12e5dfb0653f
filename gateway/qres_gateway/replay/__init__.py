# SPDX-License-Identifier: Apache-2.0
"""Frames from files, decoded after the fact: into a store, into figures, into a table of values."""
