"""Learned similarity of vectors: projections, generative models of identities, score normalisation and fusion.

Pure functions of arrays and frozen dataclasses of arrays. Nothing here is specific to faces. `docs/backends.md` says which to
use when.
"""
