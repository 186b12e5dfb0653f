# SPDX-License-Identifier: Apache-2.0
"""The field in a box: a virtual field on recorded weather, heard by a real gateway."""
