"""Joint Bayesian on the features of a network before its last layer, on held-out identities.

    python -m benchmarks.network_features --workdir=runs/best_lfw/members/network --dimensions=256,600

The work directory is that of a trained network whose last layer is named `embedding`. Joint Bayesian is fitted on the training
images without shifted crops. The pairs of held-out identities are scored with the test-time augmentation of the run. The
accuracy is that of the best threshold on the same pairs.
"""

import argparse
import dataclasses
from pathlib import Path

import jax
import numpy as np
from flax import linen as nn
from jaxtyping import Array, Float, PyTree

from benchmarks.backend_scores import measured
from lfw_jax.backends.fitting import fit_backend
from lfw_jax.backends.unit_length import unit_length
from lfw_jax.inference.embedder import Apply, Embedder
from lfw_jax.jobs import network_run
from lfw_jax.jobs.experiment import build_experiment
from lfw_jax.jobs.run_config import config_of_run
from lfw_jax.jobs.workdir import Workdir

LAST = "embedding"
"""Name of a network's last layer."""


def main() -> None:
    """Print a table of the cosine of embeddings and of joint Bayesian on embeddings and on features."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workdir", type=Path, required=True, help="work directory of a trained network")
    parser.add_argument("--dimensions", default="256,600", help="dimensions after PCA, separated by commas")
    given = parser.parse_args()
    config = config_of_run(given.workdir)
    config.backend.name = "none"
    experiment = build_experiment(config, given.workdir)
    embedder = network_run.load(experiment, Workdir(given.workdir, config))
    assert isinstance(embedder, Embedder)
    held_out, training = experiment.split.validation, experiment.split.training
    images, (first, second) = experiment.data.images_of_list(held_out), held_out.indices()
    print(f"{len(held_out)} pairs of {len(held_out.identities())} held-out identities")
    print("| Score | AUC | accuracy |\n| --- | --- | --- |", flush=True)

    def show(name: str, vectors: Float[np.ndarray, "images dim"]) -> None:
        unit = unit_length(vectors)
        auc, best = measured(np.sum(unit[first] * unit[second], axis=1), held_out.same)
        print(f"| {name} | {auc:.4f} | {100 * best:.1f} % |", flush=True)

    embeddings = embedder.embed_images(images)
    show("cosine of embeddings", embeddings)
    backend = fit_backend("joint_bayesian", embedder.without_shifts().embed_images(training), training.labels)
    show("joint Bayesian on embeddings", np.asarray(backend.directions(embeddings)))
    inner = dataclasses.replace(embedder, apply=before_last(experiment.network))
    features = inner.without_shifts().embed_images(training)
    of_pairs = inner.embed_images(images)
    for dimension in map(int, given.dimensions.split(",")):
        backend = fit_backend("joint_bayesian", features, training.labels, pca_dimension=dimension, whitening=0.25)
        name = f"joint Bayesian on {features.shape[1]:,} features, PCA to {dimension:,}"
        show(name, np.asarray(backend.directions(of_pairs)))


def before_last(network: nn.Module) -> Apply:
    """Return the map of variables and images to the input of the last layer, in inference mode.

    Args:
      network: a network with a layer named `LAST`.
    """

    def apply(variables: PyTree, images: Float[Array, "batch side side 3"]) -> jax.Array:
        inputs: list[jax.Array] = []

        def intercept(call, args, kwargs, context):
            if context.module.name == LAST:
                inputs.append(args[0])
            return call(*args, **kwargs)

        with nn.intercept_methods(intercept):
            network.apply(variables, images, train=False)
        return inputs[0]

    return apply


if __name__ == "__main__":
    main()
