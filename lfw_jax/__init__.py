"""Deep metric learning on faces in JAX: train, evaluate and use embeddings for face verification."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lfw_jax.inference.model.face_verifier import FaceVerifier

__all__ = ["FaceVerifier"]


def __getattr__(name: str) -> object:
    # Imported when it is used: the metric core needs JAX and NumPy alone.
    if name == "FaceVerifier":
        from lfw_jax.inference.model.face_verifier import FaceVerifier

        return FaceVerifier
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
