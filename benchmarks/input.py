"""Images a second of the input pipeline alone, beside bare JPEG decoding on the same cores, in one run.

    python -m benchmarks.input --dir=FOLDER [--batches=20] [--rounds=5]

FOLDER is one folder a person, such as LFW; without it a synthetic one is drawn. The target is 112×112 from the central 136
of 250 pixels, as in the experiments.
"""

import os
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from absl import app, flags

_DIR = flags.DEFINE_string("dir", "", "Folder of one folder a person; empty: a synthetic one.")
_BATCHES = flags.DEFINE_integer("batches", 20, "Batches of 128 in a round.")
_ROUNDS = flags.DEFINE_integer("rounds", 5, "Timed rounds; the candidates take turns in each.")
_SIZE = 128


def main(_: list[str]) -> None:
    """Measure and print."""
    import numpy as np
    import tensorflow as tf

    from benchmarks.measure import images_per_second, print_rates
    from lfw_jax.data.decoding import Framing
    from lfw_jax.data.folder import read_folder
    from lfw_jax.data.loading import stream
    from lfw_jax.data.sampling import Uniform
    from lfw_jax.data.synthetic import write_folder

    with tempfile.TemporaryDirectory() as scratch:
        folder = _DIR.value or write_folder(Path(scratch) / "faces", people=60, images_per_person=12, side=250, seed=0)
        images = read_folder(folder)
        count = min(_BATCHES.value, len(images) // _SIZE)
        sampler = Uniform(images.labels, batch_size=_SIZE, seed=0)
        places = np.concatenate([sampler.indices(step) for step in range(count)]).tolist()
        framing = Framing(112, 0.544)

        def pipeline(loader: str) -> Callable[[], object]:
            def call() -> object:
                batches = stream(images, sampler.indices, start=0, stop=count, framing=framing, loader=loader)
                return sum(int(batch[0, 0, 0, 0]) for batch in batches)

            return call

        def bare() -> object:
            """libjpeg-turbo on every core, from files to pixels: no crop, no resize, no batch."""

            def decode(place: int) -> int:
                return tf.io.decode_jpeg(tf.io.read_file(str(images.images[place])), channels=3).shape[0]

            with ThreadPoolExecutor(os.cpu_count()) as threads:
                return sum(threads.map(decode, places))

        candidates = {
            "tf.data pipeline": pipeline("tfdata"),
            "Pillow feeder": pipeline("pillow"),
            "bare JPEG decoding": bare,
        }
        rates = images_per_second(candidates, count * _SIZE, rounds=_ROUNDS.value)
        print_rates(f"Input, {count} batches of {_SIZE} to 112×112", rates, {})


if __name__ == "__main__":
    app.run(main)
