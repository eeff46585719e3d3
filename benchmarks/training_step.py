"""Throughput of a training step in images per second: ResNet-50 and the CPU backbone.

    python -m benchmarks.training_step [--batch_size=32] [--rounds=5] [--only=resnet50|patch_resnet]

ResNet-50: 112×112, 128-d embedding, softmax over 4,038 identities, Adam; compared with PyTorch in the same run if it
is installed. CPU backbone: 64×64, as in configs/lfw_cpu.py, with and without Winograd convolutions. On a GPU,
`--batch_size=256 --dtype=bfloat16` is the setting of interest. Set `GLIBC_TUNABLES=` (empty) to see the effect of
large memory pages on a CPU.
"""

import importlib.util
from collections.abc import Callable

from absl import app, flags

from lfw_jax.jobs import command_line

_BATCH = flags.DEFINE_integer("batch_size", 32, "Images per step.")
_ROUNDS = flags.DEFINE_integer("rounds", 5, "Timed rounds; the candidates take turns in each.")
_DTYPE = flags.DEFINE_enum("dtype", "float32", ["float32", "bfloat16"], "Type of the activations.")
_ONLY = flags.DEFINE_enum("only", "all", ["all", "resnet50", "patch_resnet"], "The table to print.")


def jax_step(model_config: dict, side: int, batch_size: int) -> Callable[[], object]:
    """Return a step of this project, called as in training."""
    import jax
    import numpy as np

    from benchmarks.gpu.throughput_step import CLASSES, build_step
    from lfw_jax.training.devices import choose_devices, on_each, replicate, spread

    devices = choose_devices(0, batch_size)
    state, step = build_step(model_config, side=side)
    state, mapped = replicate(state, devices), on_each(step, devices)
    rng = np.random.default_rng(0)
    images = spread(rng.integers(0, 256, (batch_size, side, side, 3), np.uint8), devices)
    labels = spread(rng.integers(0, CLASSES, batch_size), devices)

    def call() -> object:
        nonlocal state
        state, logs = mapped(state, images, labels)
        return jax.block_until_ready(logs)

    return call


def main(_: list[str]) -> None:
    """Measure and print."""
    from benchmarks.measure import images_per_second, print_rates

    size, dtype = _BATCH.value, _DTYPE.value
    if _ONLY.value != "patch_resnet":
        candidates = {"lfw_jax ResNet-50": jax_step(dict(name="resnet50", embedding_dim=128, dtype=dtype), 112, size)}
        if importlib.util.find_spec("torch"):
            from benchmarks.gpu.throughput_step import CLASSES
            from benchmarks.peer_torch import resnet50_step

            candidates["PyTorch ResNet-50"] = resnet50_step(CLASSES, size, dtype)
        rates = images_per_second(candidates, size, rounds=_ROUNDS.value)
        notes = {
            "lfw_jax ResNet-50": "12 plain Flax, 17.6 with 1×1 as Dense",
            "PyTorch ResNet-50": "about 30 (2 CPU cores)",
        }
        print_rates(f"ResNet-50 training step, 112×112, batch {size}, {dtype}", rates, notes)
    if _ONLY.value != "resnet50":
        model = dict(name="patch_resnet", embedding_dim=256, dtype=dtype)
        candidates = {
            "Winograd convolutions": jax_step(model | dict(winograd=True), 64, 128),
            "direct convolutions": jax_step(model | dict(winograd=False), 64, 128),
        }
        rates = images_per_second(candidates, 128, rounds=_ROUNDS.value)
        print_rates(
            f"CPU backbone training step, 64×64, batch 128, {dtype}",
            rates,
            {"direct convolutions": "110 (2 CPU cores)"},
        )


if __name__ == "__main__":
    command_line.use_large_pages()
    app.run(main)
