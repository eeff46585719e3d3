"""Options of a configuration: ranges of numbers, paths of the home folder."""

import math
import runpy
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ml_collections import ConfigDict

from lfw_jax.configs import base
from lfw_jax.errors import UserError
from lfw_jax.jobs.dispatch import JOBS, Request, run_job
from lfw_jax.options import DECLARED, FilePath, Number, check_ranges, checked, declare, expand_home, expand_user

CONFIGS = sorted(path for path in (Path(__file__).parents[1] / "configs").glob("*.py") if path.stem != "__init__")
# Groups whose options are checked against the signature or the class of what they name.
CHECKED_ELSEWHERE = ("loss.", "miner.", "augmentation.")


def numbers(config: ConfigDict, prefix: str = "") -> dict[str, float]:
    found: dict[str, float] = {}
    for name, value in config.items():
        if isinstance(value, ConfigDict):
            found |= numbers(value, f"{prefix}{name}.")
        elif isinstance(value, int | float) and not isinstance(value, bool):
            found[f"{prefix}{name}"] = value
    return found


def test_every_number_of_the_base_configuration_has_a_range():
    found = {key for key in numbers(base.get_config()) if not key.startswith(CHECKED_ELSEWHERE)}
    assert found == {key for key, option in DECLARED.items() if isinstance(option, Number)}


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_every_configuration_is_within_its_ranges(path):
    check_ranges(runpy.run_path(str(path))["get_config"]())


@given(st.floats(allow_nan=False, allow_infinity=False), st.floats(0, 10), st.floats(0, 10))
def test_a_number_is_in_a_range_exactly_if_it_meets_both_bounds(value, low, width):
    high = low + width
    assert (value in Number(low, at_least=low, at_most=high)) == (low <= value <= high)
    assert (value in Number(low, above=low, below=high)) == (low < value < high)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, True, "1", None, 1.5])
def test_what_is_not_a_finite_number_of_the_kind_is_in_no_range(value):
    assert value not in Number(1)
    assert value == 1.5 or value not in Number(1.0)


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("training.epochs", math.nan, "a number above 0 and up to 1,000,000"),
        ("training.epochs", math.inf, "a number above 0 and up to 1,000,000"),
        ("training.max_minutes", -1.0, "a number of at least 0"),
        ("evaluation.every_epochs", -5.0, "a number above 0"),
        ("optimizer.warmup_epochs", math.nan, "a number of at least 0"),
        ("optimizer.clip_norm", -1.0, "a number of at least 0"),
        ("optimizer.learning_rate", -1e-3, "a number above 0"),
        ("sampler.batch_size", 10**12, "a whole number of at least 2 and up to 1,000,000"),
        ("model.embedding_dim", 0, "a whole number of at least 1 and up to 65,536"),
        ("training.log_every", 0, "a whole number of at least 1"),
        ("evaluation.batch_size", 0, "a whole number of at least 1 and up to 1,000,000"),
        ("seed", -1, "a whole number of at least 0 and below 4,294,967,296"),
        ("seed", 2**32, "a whole number of at least 0 and below 4,294,967,296"),
        ("data.synthetic.people", 0, "a whole number of at least 1 and up to 1,000,000"),
    ],
)
def test_a_value_outside_its_range_is_refused_by_key(key, value, expected):
    config = base.get_config()
    config.update_from_flattened_dict({key: value})
    with pytest.raises(UserError) as caught:
        check_ranges(config)
    assert str(caught.value) == f"--config.{key} is {value}; expected {expected}."


@pytest.mark.parametrize("mode", JOBS)
def test_every_job_refuses_a_value_outside_its_range_before_anything_else(mode, tmp_path):
    config = base.get_config()
    config.seed = -1
    with pytest.raises(UserError, match=r"--config.seed is -1; expected"):
        run_job(Request(mode=mode, config=config, name="base", workdir=str(tmp_path / "run")))
    assert list(tmp_path.iterdir()) == []


def test_sets_that_are_no_paths_are_refused():
    config = base.get_config()
    config.evaluation.sets = (None,)
    with pytest.raises(UserError, match=r"--config.evaluation.sets is \(None,\); expected paths separated by commas"):
        check_ranges(config)


def test_an_option_that_a_configuration_lacks_is_not_checked():
    check_ranges(ConfigDict(dict(seed=0, model=dict(name="siamese"))))


def test_a_tilde_is_the_home_folder_in_every_declared_path(monkeypatch):
    monkeypatch.setenv("HOME", "/home/me")
    config = base.get_config().lock()
    paths = [key for key, option in DECLARED.items() if isinstance(option, FilePath)]
    several = ["evaluation.sets", "evaluation.identification"]
    assert paths == ["data.dir", "data.lists_dir", "data.pairs_file", "data.align_dir", "align.model", *several]
    config.update_from_flattened_dict({key: "~/x" for key in paths if key not in several})
    config.evaluation.sets = ("~/a.bin", "b.bin@~/c", "d~e")
    config.evaluation.identification = ("~/protocol.csv",)
    found = expand_home(config)
    assert [found.data[key] for key in ("dir", "lists_dir", "pairs_file", "align_dir")] == ["/home/me/x"] * 4
    assert found.evaluation.sets == ("/home/me/a.bin", "b.bin@/home/me/c", "d~e")
    assert found.evaluation.identification == ("/home/me/protocol.csv",)
    assert config.data.dir == "~/x"


def test_a_home_folder_that_is_not_there_is_refused():
    with pytest.raises(UserError, match=r"--workdir is ~nobody-here/x; there is no home folder of that name"):
        expand_user("~nobody-here/x", "--workdir")


def test_a_declared_group_holds_the_defaults():
    group = declare("data", dir=FilePath("here"), fold=Number(0, at_least=0), source="lfw")
    assert group.to_dict() == dict(dir="here", fold=0, source="lfw")
    base.get_config()  # declares these keys again, with their own ranges


def test_none_passes_for_an_option_that_may_be_none_only():
    def function(*, either: int | None = None, number: int = 1):
        return either, number

    assert checked("group", function, {"either": None}) == {"either": None}
    with pytest.raises(UserError, match=r"--config.group.number is None; expected a whole number"):
        checked("group", function, {"number": None})
    with pytest.raises(UserError, match=r"--config.group.either is 'x'; expected a whole number"):
        checked("group", function, {"either": "x"})
