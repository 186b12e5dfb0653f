# SPDX-License-Identifier: Apache-2.0
"""Sources of raw frames: one seam (`base`), pure parsers, and a thin shell of I/O around each."""
