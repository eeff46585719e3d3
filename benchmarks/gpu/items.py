"""The measurements of the GPU kit, in order of execution. Imports only the standard library."""

import dataclasses
from collections.abc import Mapping
from typing import Any


@dataclasses.dataclass(frozen=True, eq=False)
class Item:
    """One measurement, made in a process of its own.

    Attributes:
      name: name of its result, `<name>.json`.
      title: what is measured, for tables.
      module: the module of `benchmarks.gpu` whose `measure` makes it.
      seconds: estimated time on an H100, start of the process and compilation included. An item starts only if that still
        fits.
      limit: time after which it is stopped, seconds.
      options: keyword arguments of `measure`.
    """

    name: str
    title: str
    module: str
    seconds: float
    limit: float
    options: Mapping[str, Any] = dataclasses.field(default_factory=dict)


def _correctness(part: str, title: str, seconds: float) -> Item:
    return Item(f"correctness_{part}", f"correctness: {title}", "correctness", seconds, 2.5 * seconds, {"part": part})


def _throughput(dtype: str, title: str) -> Item:
    return Item(f"throughput_{dtype}", f"ResNet-50 training step, {title}", "throughput", 110, 240, {"dtype": dtype})


def _training(config: str, title: str, seconds: float, *, module: str = "experiments") -> Item:
    # Twice the estimate, so that a run slower than expected can still finish.
    return Item(config, f"{config}: {title}", module, seconds, 2 * seconds, {"config": config})


ITEMS: tuple[Item, ...] = (
    _correctness("objectives", "one step of every loss, miner and head", 75),
    _correctness("network", "one step of ResNet-50", 90),
    _correctness("cascade", "faces found by the cascade", 45),
    _throughput("bfloat16", "bfloat16"),
    _throughput("float32", "float32 (TF32)"),
    _training("arcface", "experiment 3, 120 epochs", 230),
    _training("contrastive_semihard", "experiment 2a, 120 epochs", 230),
    _training("margin_histogram", "experiment 2b, 120 epochs", 230),
    _training("resnet_contrastive", "experiment 1.2, 120 epochs", 230),
    _training("siamese_contrastive", "experiment 1.1, 100 epochs", 120),
    Item("mining", "mining beside pytorch-metric-learning", "mining", 110, 300),
    Item("alignment", "the alignment cascade over originals", "alignment", 75, 180),
    _training("lfw_cpu", "the recipe for two CPU cores, 30 epochs", 90),
    _training("lfw_gpu", "a wider network, full schedule", 200),
)
"""Every measurement, the first to know first."""


def by_name(name: str) -> Item:
    """Return the item of a name. Raises KeyError where there is none."""
    return {item.name: item for item in ITEMS}[name]
