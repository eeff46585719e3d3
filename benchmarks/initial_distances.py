"""Distances of embeddings of an untrained network, with and without batch normalisation of them.

    python -m benchmarks.initial_distances --aligned=ALIGNED --images=96

ALIGNED is a folder of `--mode=align`. Batch statistics are those of the images, as in the first step of a training.
"""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jaxtyping import Float, UInt8

from lfw_jax.backends.unit_length import unit_length
from lfw_jax.data.decoding.crop import CropGeometry
from lfw_jax.data.decoding.decoder import decode
from lfw_jax.data.formats.folder import read_folder
from lfw_jax.models import build, init

NETWORKS: dict[str, tuple[int, dict[str, Any]]] = {
    "ResNet-50 of the report": (112, dict(name="resnet50", embedding_dim=128)),
    "network of cpu/arcface": (64, dict(name="patch_resnet", embedding_dim=128, dropout=0.0, embedding_norm=False)),
    "the same, embedding_norm": (64, dict(name="patch_resnet", embedding_dim=128, dropout=0.0, embedding_norm=True)),
}


def first_embeddings(
    model: Mapping[str, Any], pixels: UInt8[np.ndarray, "images side side 3"], *, seed: int = 0
) -> Float[np.ndarray, "images dim"]:
    """Return the embeddings of images by an untrained network, of length 1."""
    network = build(model)
    variables = init(network, jax.random.key(seed), pixels.shape[1])
    images = pixels.astype(np.float32) / 127.5 - 1
    embeddings, _ = network.apply(variables, images, train=True, mutable=["batch_stats"])
    return unit_length(np.asarray(embeddings))


def main() -> None:
    """Print the mean direction and the distances of pairs of different identities for each network."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--aligned", type=Path, required=True, help="folder of aligned faces, one folder per identity")
    parser.add_argument("--images", type=int, default=96, help="number of identities, one image of each")
    flags = parser.parse_args()
    images = read_folder(flags.aligned)
    _, first = np.unique(images.labels, return_index=True)
    chosen = first[np.linspace(0, len(first) - 1, flags.images).astype(int)]
    print(f"{'untrained network':<28}{'mean direction':>16}{'distance':>18}")
    for name, (side, model) in NETWORKS.items():
        pixels = np.stack([decode(images.images[index], CropGeometry(side)) for index in chosen.tolist()])
        unit = first_embeddings(model, pixels)
        half = len(unit) // 2
        distances = np.linalg.norm(unit[:half] - unit[half : 2 * half], axis=1)
        direction = np.linalg.norm(unit.mean(axis=0))
        print(f"{name:<28}{direction:>16.2f}{distances.mean():>11.2f} ± {distances.std():.2f}")


if __name__ == "__main__":
    main()
