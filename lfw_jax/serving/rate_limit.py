"""The rate of requests of each client, limited by a token bucket."""

import time
from collections import OrderedDict
from collections.abc import Callable

_CLIENTS = 10_000  # buckets in memory; the one that was used longest ago goes first


class RateLimit:
    """A token bucket for each client: it holds the requests of a minute, and fills evenly.

    Args:
      per_minute: the requests of one client in a minute on average, with bursts of as many; 0 for no limit.
      clock: returns seconds.
    """

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic):
        self._per_minute, self._clock = per_minute, clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def seconds_to_wait(self, client: str) -> float:
        """Count a request, and return the seconds until the client may send it: 0 if it may now.

        A refused request takes nothing from the bucket.

        Args:
          client: the address of the client.
        """
        if not self._per_minute:
            return 0.0
        now, rate = self._clock(), self._per_minute / 60
        level, since = self._buckets.pop(client, (float(self._per_minute), now))
        level = min(float(self._per_minute), level + (now - since) * rate)
        allowed = level >= 1
        self._buckets[client] = (level - 1 if allowed else level, now)
        if len(self._buckets) > _CLIENTS:
            self._buckets.popitem(last=False)
        return 0.0 if allowed else (1 - level) / rate
