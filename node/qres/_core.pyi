# SPDX-License-Identifier: Apache-2.0
"""The compiled C core, by cffi: `lib` holds what qres.h declares, `ffi` makes its types."""

from typing import Any

ffi: Any
lib: Any
