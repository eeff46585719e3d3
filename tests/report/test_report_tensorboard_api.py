"""A work directory as TensorBoard itself serves it: every tab shows what was written, once."""

import dataclasses
import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.metrics import precision_score, recall_score

from lfw_jax.evaluation.embeddings import EmbeddedImages
from lfw_jax.evaluation.scores import ScoredPairs
from lfw_jax.evaluation.verification import VerificationResult, verify_folds
from lfw_jax.report.projector import projected, sprite_sheet, write_projector
from lfw_jax.report.tensorboard import TensorBoard
from lfw_jax.report.tensorboard_logs import EVALUATION, log_results, log_validation
from tests.evaluation.finished_folders import run_metrics, scored
from tests.report.tensorboard_client import TensorBoardClient, without_tensorflow

RUN = "a/tensorboard"
OPTIONS = {
    "config.loss.name": "arcface", "config.loss.margin": 0.5, "config.data.align": True, "config.evaluation.sets": ["x"],
    "config.training.devices": None,
}  # fmt: skip
METRICS = run_metrics(1)
TEST = scored("test", 1)


def validation(seed: int) -> VerificationResult:
    pairs = scored("held out", seed)
    return verify_folds(dataclasses.replace(pairs, folds=np.arange(len(pairs)) % 10))


def faces(seed: int) -> tuple[EmbeddedImages, np.ndarray]:
    rng = np.random.default_rng(seed)
    names = np.array(["two\twords", "two\twords", "a\nline", "Zoë", "Zoë", "Zoë"])
    images = EmbeddedImages("test", rng.normal(size=(6, 4)), names, np.array([1, 2, 1, 4, 2, 9]))
    return images, rng.integers(0, 256, (6, 48, 48, 3), dtype=np.uint8)


def log_evaluation(events: Path, seed: int = 0, pairs: ScoredPairs = TEST, metrics=METRICS, options=OPTIONS) -> None:
    with TensorBoard(events, part=EVALUATION) as board:
        log_results(board, metrics, pairs, config="loss: arcface", options=options)
    write_projector(events, *faces(seed), step=metrics.step)


def log_training(events: Path) -> None:
    """Log a run that validated at steps 400 and 800, was killed, and resumed from step 400."""
    with TensorBoard(events) as board:
        board.image(0, "train/network_input", np.full((8, 16, 3), 7, np.uint8))
        for step in (400, 800):
            board.scalars(step, {"train/loss": 99.0})
            log_validation(board, step, validation(step))
    with TensorBoard(events, purge_step=401) as board:
        for step in (800, 1200, 1600):
            board.scalars(step, {"train/loss": step / 100})
            log_validation(board, step, validation(step))


@pytest.fixture(scope="module", autouse=True)
def _tensorboard_without_tensorflow() -> Iterator[None]:
    with without_tensorflow():
        yield


@pytest.fixture(scope="module")
def logdir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two work directories, of which the first was evaluated twice."""
    folder = tmp_path_factory.mktemp("runs")
    log_training(folder / RUN)
    log_evaluation(folder / RUN, seed=8, pairs=scored("test", 5), options=OPTIONS | {"config.loss.margin": 0.1})
    log_evaluation(folder / RUN)
    log_evaluation(folder / "b/tensorboard", options=OPTIONS | {"config.loss.margin": 0.25})
    return folder


@pytest.fixture(scope="module")
def client(logdir: Path) -> TensorBoardClient:
    return TensorBoardClient(logdir)


def test_scalars_go_on_after_a_resumption_and_the_final_ones_stand_there_once(client: TensorBoardClient):
    def curve(tag: str) -> list[tuple[int, float]]:
        return [(step, value) for _, step, value in client.json("scalars/scalars", run=RUN, tag=tag)]

    assert curve("train/loss") == [(400, 99), (800, 8), (1200, 12), (1600, 16)]
    assert [step for step, _ in curve("validation/auc")] == [400, 800, 1200, 1600]
    assert curve("test/auc") == [(1200, pytest.approx(METRICS.test.auc))]
    assert METRICS.test.error_rates is not None
    assert curve("test/equal_error_rate") == [(1200, pytest.approx(METRICS.test.error_rates.equal_error_rate))]


@pytest.mark.parametrize("kind", ["same", "different"])
def test_the_distances_of_each_kind_of_pairs_are_histograms_over_time(client: TensorBoardClient, kind: str):
    events = client.json("histograms/histograms", run=RUN, tag=f"validation/distances_{kind}")
    assert [step for _, step, _ in events] == [400, 800, 1200, 1600]
    for _, step, bins in events:
        pairs = validation(step).pairs
        distances = pairs.distances[pairs.same if kind == "same" else ~pairs.same]
        assert sum(count for _, _, count in bins) == pytest.approx(len(distances))
        centre = sum(count * (left + right) / 2 for left, right, count in bins) / len(distances)
        assert centre == pytest.approx(distances.mean(), abs=0.1)


def test_the_precision_recall_curves_are_those_of_scikit_learn_at_the_stated_score(client: TensorBoardClient):
    served = client.json("pr_curves/pr_curves", run=RUN, tag="validation/precision_recall")[RUN]
    assert [curve["step"] for curve in served] == [400, 800, 1200, 1600]
    final = client.json("pr_curves/pr_curves", run=RUN, tag="test/precision_recall")[RUN]
    assert [curve["step"] for curve in final] == [1200]
    for curve, pairs in ((served[2], validation(1200).pairs), (final[0], TEST)):
        for index in (20, 50, 63, 80):
            accepted = pairs.distances <= 2 * (1 - curve["thresholds"][index])
            assert curve["precision"][index] == pytest.approx(precision_score(pairs.same, accepted), abs=1e-5)
            assert curve["recall"][index] == pytest.approx(recall_score(pairs.same, accepted), abs=1e-5)


def test_the_first_batch_and_the_figures_are_images_at_their_steps(client: TensorBoardClient):
    tags = client.json("images/tags")[RUN]
    assert set(tags) == {"train/network_input", "test/distances", "test/roc"}
    for tag, step in (("train/network_input", 0), ("test/distances", 1200)):
        (image,) = client.json("images/images", run=RUN, tag=tag, sample=0)
        assert image["step"] == step
    (batch,) = client.json("images/images", run=RUN, tag="train/network_input", sample=0)
    pixels = client.content(f"images/individualImage?{batch['query']}")
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(pixels))), np.full((8, 16, 3), 7))


def test_the_projector_has_unit_embeddings_names_and_faces_of_the_last_evaluation(client: TensorBoardClient):
    assert set(client.json("projector/runs")) == {RUN, "b/tensorboard"}
    (embedding,) = client.json("projector/info", run=RUN)["embeddings"]
    name = embedding["tensorName"]
    assert (name, embedding["tensorShape"]) == ("test_images_step_1200", [6, 4])
    images, pixels = faces(0)
    served = np.frombuffer(client.content("projector/tensor", run=RUN, name=name), np.float32).reshape(6, 4)
    expected = images.embeddings / np.sqrt((images.embeddings**2).sum(axis=1, keepdims=True))
    np.testing.assert_allclose(served, expected, rtol=1e-5)
    table = client.content("projector/metadata", run=RUN, name=name).decode()
    assert table.splitlines() == [
        "identity\tnumber", r"two\twords" "\t1", r"two\twords" "\t2", r"a\nline" "\t1", "Zoë\t4", "Zoë\t2", "Zoë\t9",
    ]  # fmt: skip
    sheet = np.asarray(Image.open(io.BytesIO(client.content("projector/sprite_image", run=RUN, name=name))))
    side = embedding["sprite"]["singleImageDim"][0]
    assert sheet.shape == (3 * side, 3 * side, 3)
    fifth = sheet[side : 2 * side, side : 2 * side]
    small = Image.fromarray(pixels[4]).resize((side, side), Image.Resampling.LANCZOS)
    np.testing.assert_array_equal(fifth, np.asarray(small))
    assert not sheet[2 * side :].any()


def test_the_hyperparameters_are_one_row_per_work_directory_with_the_final_metrics(client: TensorBoardClient):
    experiment = client.json("hparams/experiment", body={"experimentName": ""})
    kinds = {info["name"]: info["type"] for info in experiment["hparamInfos"]}
    assert kinds == {
        "config.loss.name": "DATA_TYPE_STRING", "config.loss.margin": "DATA_TYPE_FLOAT64",
        "config.data.align": "DATA_TYPE_BOOL", "config.evaluation.sets": "DATA_TYPE_STRING",
    }  # fmt: skip
    tags = [info["name"]["tag"] for info in experiment["metricInfos"]]
    assert {"test/accuracy_by_accuracy", "test/auc", "test/equal_error_rate", "validation/accuracy"} <= set(tags)
    body = {
        "experimentName": "",
        "allowedStatuses": ["STATUS_UNKNOWN", "STATUS_SUCCESS", "STATUS_FAILURE", "STATUS_RUNNING"],
        "colParams": [{"metric": {"tag": tag, "group": ""}} for tag in tags],
        "startIndex": 0,
        "sliceSize": 10,
    }
    rows = {
        row["sessions"][0]["name"]: row for row in client.json("hparams/session_groups", body=body)["sessionGroups"]
    }
    assert set(rows) == {RUN, "b/tensorboard"}
    assert rows[RUN]["hparams"] == {
        "config.loss.name": "arcface", "config.loss.margin": 0.5, "config.data.align": True,
        "config.evaluation.sets": '["x"]',
    }  # fmt: skip
    assert rows["b/tensorboard"]["hparams"]["config.loss.margin"] == 0.25
    values = {value["name"]["tag"]: value for value in rows[RUN]["metricValues"]}
    assert values["test/auc"]["value"] == pytest.approx(METRICS.test.auc)
    last = validation(1600).metrics.folds
    assert last is not None
    assert values["validation/accuracy"]["value"] == pytest.approx(last.mean)
    assert values["validation/accuracy"]["trainingStep"] == 1600


def test_a_failed_evaluation_leaves_the_events_of_the_former_one(tmp_path: Path):
    def write(auc: float, *, fails: bool = False) -> None:
        with TensorBoard(tmp_path, part=EVALUATION) as board:
            board.scalars(1200, {"test/auc": auc})
            if fails:
                raise RuntimeError

    write(0.75)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(RuntimeError):
        write(0.0, fails=True)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before
    write(0.5)
    assert len(list(tmp_path.iterdir())) == 1
    assert not before.keys() & set(tmp_path.iterdir())


def test_a_projection_has_whole_identities_the_largest_first():
    identities = np.array([*"abbbccdddd"])
    assert "".join(identities[projected(identities, at_most=10)]) == "abbbccdddd"
    assert "".join(identities[projected(identities, at_most=6)]) == "ccdddd"
    assert "".join(identities[projected(identities, at_most=5)]) == "adddd"
    assert "".join(identities[projected(identities, at_most=3)]) == "bbb"
    assert projected(np.array([*"bbbaa"]), at_most=1).tolist() == [3]


def test_a_thousand_faces_fit_on_a_sheet_that_browsers_can_show():
    sheet = sprite_sheet(np.zeros((1000, 8, 8, 3), np.uint8))
    assert max(sheet.shape) <= 8192


def test_a_projection_of_other_images_is_refused(tmp_path: Path):
    images, pixels = faces(0)
    with pytest.raises(ValueError, match="found 5 images and 6 embeddings"):
        write_projector(tmp_path, images, pixels[:5], step=1)
    assert not list(tmp_path.iterdir())
