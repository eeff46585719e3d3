"""The time of calls that are compared with each other."""

import time
from collections.abc import Callable, Sequence


def seconds_of(calls: Sequence[Callable[[], object]], rounds: int) -> list[list[float]]:
    """Return the seconds of each call in each round, after a first one that is not counted.

    The calls take turns, so that other work on the machine slows all of them down.

    Args:
      calls: the calls.
      rounds: number of rounds.
    """
    seconds: list[list[float]] = [[] for _ in calls]
    for turn in range(rounds + 1):
        for call, found in zip(calls, seconds, strict=True):
            began = time.perf_counter()
            call()
            if turn:
                found.append(time.perf_counter() - began)
    return seconds
