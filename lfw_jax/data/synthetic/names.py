"""Names for people who do not exist: pronounceable, in two parts, no two alike."""

import itertools
import math

import numpy as np

_FIRST_STARTS = ("Mi", "Ta", "Lo", "Ke", "Su", "Ve", "Da", "Ni", "Ro", "Fe", "Ja", "Bel", "Car", "Hel", "Or", "Il")
_FIRST_ENDS = ("ra", "lio", "nen", "vik", "sha", "mo", "dan", "le", "tis", "bor", "ya", "reth")
_LAST_STARTS = ("Tol", "Bran", "Ces", "Dur", "Fal", "Grel", "Hol", "Kar", "Lun", "Mar", "Ost", "Pel", "Rav", "Sil")
_LAST_MIDDLES = ("", "a", "e", "i", "o")
_LAST_ENDS = ("ven", "dor", "kin", "ster", "mund", "berg", "lund", "quist")

FIRST = ["".join(parts) for parts in itertools.product(_FIRST_STARTS, _FIRST_ENDS)]
LAST = ["".join(parts) for parts in itertools.product(_LAST_STARTS, _LAST_MIDDLES, _LAST_ENDS)]
COUNT = len(FIRST) * len(LAST)
"""How many names there are."""


def name_of(seed: int, person: int) -> str:
    """The name of person number `person` (from 0, below `COUNT`): `First_Last`, no two people of a seed alike."""
    # A walk through all names whose step shares no factor with their number meets each of them once.
    rng = np.random.default_rng(np.random.SeedSequence((seed, 0)))
    start, step = rng.integers(COUNT, size=2).tolist()
    while math.gcd(step, COUNT) != 1:
        step += 1
    first, last = divmod((start + person * step) % COUNT, len(LAST))
    return f"{FIRST[first]}_{LAST[last]}"
