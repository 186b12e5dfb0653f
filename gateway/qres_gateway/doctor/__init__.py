# SPDX-License-Identifier: Apache-2.0
"""What is wrong with an installation, in plain words, with the fix. Small checks, one a subject."""
