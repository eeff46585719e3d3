"""Random distances and labels, with ties and with neighbouring floats."""

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

# A coarse set of values makes ties common; a fine one makes neighbouring floats possible.
values = st.one_of(st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0]), st.floats(0, 2), st.just(np.nextafter(0.5, 1)))


@st.composite
def labelled_pairs(draw, both_kinds=False, elements=values):
    same = draw(hnp.arrays(bool, st.integers(1, 30)))
    if both_kinds:
        same = np.concatenate([same, [True, False]])
    return draw(hnp.arrays(np.float64, len(same), elements=elements)), same
