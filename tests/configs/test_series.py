"""The configurations that run together: each can be built, and differs from its original in what it declares alone."""

import importlib
import json
import sys

import pytest
from ml_collections import ConfigDict

from lfw_jax.configs import ablation, base, cpu, repair
from lfw_jax.jobs import config_files
from lfw_jax.jobs.experiment import check_values, objective_of
from lfw_jax.jobs.workdir import flat
from lfw_jax.models import build, check_side
from lfw_jax.options import check_ranges
from lfw_jax.training.optimizer import build_schedule

SERIES = {"cpu": cpu.RUNS, "repair": repair.RUNS, "ablation": ablation.RUNS}
NAMES = [f"{folder}/{name}" for folder, runs in SERIES.items() for name in runs]
# Batches of 128 in an epoch of View 1 with seed 0, by the share of held-out identities, and by sampler.
BATCHES = {(0.05, "uniform"): 70, (0.05, "people_images"): 120, (0.02, "uniform"): 72, (0.02, "people_images"): 123}
WITHOUT_SINGLETONS = 51


def load(name: str) -> ConfigDict:
    return importlib.import_module(f"lfw_jax.configs.{name.replace('/', '.')}").get_config()


def values(config: ConfigDict) -> dict:
    return flat(json.loads(config.to_json_best_effort()))


def differing(one: ConfigDict, other: ConfigDict) -> set[str]:
    old, new = values(one), values(other)
    return {key.removeprefix("config.") for key in old.keys() | new.keys() if old.get(key) != new.get(key)}


def steps(config: ConfigDict) -> int:
    sampler = "people_images" if config.sampler.name == "people_images" else "uniform"
    batches = BATCHES[config.data.validation_people, sampler]
    if config.data.min_images_per_identity == 2:
        batches = WITHOUT_SINGLETONS
    return round(config.training.epochs * batches)


@pytest.mark.parametrize("folder", SERIES)
def test_a_series_names_every_configuration_of_its_folder_once(folder):
    runs = list(importlib.import_module(f"lfw_jax.configs.{folder}").RUNS)
    assert sorted(runs) == config_files.known(folder)


@pytest.mark.parametrize("name", NAMES)
def test_the_parts_of_each_configuration_can_be_built(name):
    config = load(name)
    base.get_config()  # declares the ranges
    check_ranges(config)
    check_values(config)
    check_side(build(config.model), config.data.side)
    assert objective_of(config, classes=3960).describe


@pytest.mark.parametrize("name", NAMES)
def test_each_configuration_is_loaded_by_itself(name: str, monkeypatch: pytest.MonkeyPatch):
    for module in [one for one in sys.modules if one.startswith("lfw_jax.configs")]:
        monkeypatch.delitem(sys.modules, module)
    assert load(name).seed in range(3)


@pytest.mark.parametrize("name", ablation.RUNS)
def test_an_ablation_changes_what_it_declares_and_nothing_else(name):
    declared = ablation.RUNS[name]
    changed = differing(load("ablation/baseline"), load(f"ablation/{name}"))
    covered = {key: [one for one in changed if one == key or one.startswith(f"{key}.")] for key in declared}
    assert changed == {one for found in covered.values() for one in found}
    assert all(covered.values()), f"nothing of {[key for key, found in covered.items() if not found]} changed"


@pytest.mark.parametrize("name", ablation.RUNS)
def test_ablations_see_as_many_images_with_a_cycle_of_the_same_shape(name):
    config, original = load(f"ablation/{name}"), load("ablation/baseline")
    assert abs(steps(config) - 648) <= 1
    for shares in (
        [one.optimizer.warmup_epochs / one.training.epochs for one in (config, original)],
        [one.evaluation.every_epochs / one.training.epochs for one in (config, original)],
    ):
        assert shares[0] == pytest.approx(shares[1], abs=1e-4)


def test_the_baseline_is_the_recipe_for_two_cores_on_aligned_faces_but_shorter():
    changed = differing(importlib.import_module("lfw_jax.configs.lfw_cpu").get_config(), load("ablation/baseline"))
    length = {"training.epochs", "optimizer.warmup_epochs", "evaluation.every_epochs"}
    # embedding_norm has the value that the network has without the key.
    assert changed == length | {"data.align", "align.margin", "model.embedding_norm"}


@pytest.mark.parametrize("name", [name for name in cpu.RUNS if name != "arcface_resnet50"])
def test_the_experiments_keep_what_the_report_had_and_see_as_many_images(name):
    config, original = load(f"cpu/{name}"), importlib.import_module(f"lfw_jax.configs.{name}").get_config()
    for group in ("loss", "miner", "sampler", "augmentation", "memory"):
        assert config[group] == original[group]
    assert config.model.embedding_dim == original.model.embedding_dim
    assert abs(steps(config) - 1800) <= 1
    allowed = {"data", "align", "model"} if original.model.name == "resnet50" else {"data", "align"}
    length = {"training.epochs", "optimizer.constant_epochs", "evaluation.every_epochs"}
    assert {key for key in differing(config, original) if key.partition(".")[0] not in allowed} == length


@pytest.mark.parametrize("name", repair.RUNS)
def test_a_repaired_experiment_has_batch_normalisation_of_its_embedding_and_no_other_change(name):
    assert differing(load(f"cpu/{name}"), load(f"repair/{name}")) == {"model.embedding_norm"}
    assert load(f"repair/{name}").model.embedding_norm is True


@pytest.mark.parametrize(
    ("name", "constant"), [("arcface", 5 / 6), ("arcface_resnet50", 5 / 6), ("siamese_contrastive", 1.0)]
)
def test_the_schedule_is_constant_and_then_decays_as_in_the_report(name, constant):
    config = load(f"cpu/{name}")
    batches = 70
    schedule = build_schedule(config.optimizer, total_epochs=config.training.epochs, steps_per_epoch=batches)
    total = round(config.training.epochs * batches)
    assert float(schedule(round(0.99 * constant * total))) == pytest.approx(1e-3)
    assert float(schedule(total - 1)) < 1e-5 or constant == 1.0


def test_stretching_a_schedule_changes_nothing_but_its_lengths():
    config = base.experiment()
    stretched = base.with_epochs(base.experiment(), 60.0)
    assert differing(config, stretched) == {
        "training.epochs",
        "optimizer.constant_epochs",
        "evaluation.every_epochs",
    }
    assert (stretched.optimizer.constant_epochs, stretched.evaluation.every_epochs) == (50.0, 2.5)
