"""Learned similarity of vectors: projections, models of identities, score fusion.

Pure functions of arrays and frozen dataclasses of arrays. Nothing here is specific to faces. `docs/backends.md` says which to
use when.
"""
