# SPDX-License-Identifier: Apache-2.0
"""The core as the gateway sees it: a replica without a slot. `qres.core.Replica`, or a fake."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray


class Heard(Protocol):
    """What the replica says about one frame. `reason` is "" if it accepted it."""

    @property
    def kind(self) -> str: ...  # noqa: D102
    @property
    def node(self) -> int | None: ...  # noqa: D102
    @property
    def phase(self) -> int | None: ...  # noqa: D102
    @property
    def reason(self) -> str: ...  # noqa: D102


class Commit(Protocol):
    """One phase that the replica has committed."""

    @property
    def phase(self) -> int: ...  # noqa: D102


class Replica(Protocol):
    """The core as a listener: `qres.core.Replica`, or a fake."""

    @property
    def digest(self) -> int:
        """32 bits over the replicated state."""
        ...

    @property
    def values(self) -> NDArray[np.float64]:
        """Current predictions, nodes x channels, physical units."""
        ...

    @property
    def judged(self) -> NDArray[np.float64]:
        """Values at each node's own last sample, nodes x channels, physical units."""
        ...

    @property
    def status(self) -> NDArray[np.uint8]:
        """Provenance per node."""
        ...

    @property
    def health(self) -> Mapping[str, int]:
        """Counters and flags of its agreement with other replicas."""
        ...

    def advance(self, now_us: int, /) -> Sequence[Commit]:
        """Commit every phase whose window has closed by `now_us`."""
        ...

    def hear(self, frame: bytes, rx_us: int, /) -> Heard:
        """Take a frame whose reception ended at `rx_us`."""
        ...
