"""The sections of the diagnosis on the page, and its paragraph on the terminal."""

import dataclasses
import io

import numpy as np
import pytest
from PIL import Image

from lfw_jax.evaluation.diagnosis.conditions import ImageAttribute
from lfw_jax.evaluation.diagnosis.diagnose import Measured, diagnose
from lfw_jax.evaluation.diagnosis.evidence import DataFacts, TrainingRecord
from lfw_jax.evaluation.diagnosis.label_errors import LabelErrors, SuspectImage, SuspectPair
from lfw_jax.evaluation.diagnosis.results import DiagnosisResult
from lfw_jax.evaluation.diagnosis.rule import Finding
from lfw_jax.evaluation.embeddings import EmbeddedImages
from lfw_jax.evaluation.evaluated_split import EvaluatedSplit
from lfw_jax.evaluation.pair_thresholds import pair_thresholds
from lfw_jax.evaluation.run_metrics import RunMetrics
from lfw_jax.evaluation.scores import ScoredPairs
from lfw_jax.evaluation.verification import pair_distances, verify, verify_folds
from lfw_jax.report.diagnosis_charts import condition_charts, space_charts
from lfw_jax.report.diagnosis_section import (
    conditions_section,
    diagnosis_section,
    embeddings_section,
    identities_section,
)
from lfw_jax.report.gallery import Gallery
from lfw_jax.report.label_errors import label_errors_section
from lfw_jax.report.tables import print_results
from lfw_jax.typed_json import from_json, to_json
from tests.evaluation.finished_folders import run_metrics

PEOPLE, EACH = 30, 4
RNG = np.random.default_rng(0)
IMAGES = EmbeddedImages(
    "test",
    np.repeat(RNG.normal(size=(PEOPLE, 12)), EACH, axis=0) + 0.6 * RNG.normal(size=(PEOPLE * EACH, 12)),
    np.repeat([f"person {i}" for i in range(PEOPLE)], EACH),
    np.tile(np.arange(1, EACH + 1), PEOPLE),
)


def scored(name: str, seed: int) -> tuple[ScoredPairs, tuple[np.ndarray, np.ndarray]]:
    rng = np.random.default_rng(seed)
    first = rng.integers(0, PEOPLE * EACH, 200)
    second = np.where(np.arange(200) % 2, first // EACH * EACH + (first + 1) % EACH, (first + EACH * 7) % len(IMAGES))
    names = np.stack([IMAGES.identities[first], IMAGES.identities[second]], axis=1)
    numbers = np.stack([IMAGES.numbers[first], IMAGES.numbers[second]], axis=1)
    distances = pair_distances(IMAGES.embeddings, first, second)
    return ScoredPairs(name, distances, names[:, 0] == names[:, 1], names, numbers), (first, second)


@pytest.fixture(scope="module")
def result() -> DiagnosisResult:
    (test, indices), (development, _) = scored("test", 0), scored("development", 1)
    split = EvaluatedSplit(
        verify(test, development),
        verify(test, development),
        {"test": test, "development": development},
        {"test": IMAGES},
    )
    values = np.where(np.arange(len(IMAGES)) % 9 == 0, np.nan, np.arange(len(IMAGES)))
    attributes = {"face_size": ImageAttribute("face size", "pixels", values, "low")}
    return diagnose(
        split, Measured(attributes, indices, ("pose (no manifest)",)), TrainingRecord(), DataFacts(aligned=False)
    )


def test_a_diagnosis_survives_metrics_json(result):
    metrics = run_metrics(1, diagnosis=result)
    assert from_json(RunMetrics, to_json(metrics), source="metrics.json", remedy="") == metrics
    assert "diagnosis" not in to_json(run_metrics(1))


def test_the_diagnosis_holds_what_its_parts_measure(result):
    assert [finding.rule for finding in result.findings] == ["no-better-than-pixels", "unaligned", "too-few"]
    assert result.space.images == PEOPLE * EACH
    assert result.hubness is not None
    assert sum(result.hubness.counts) == len(IMAGES)
    assert result.identities is not None
    assert result.identities.identities == PEOPLE
    assert result.sampled_images is None
    assert result.conditions["face_size"].unknown > 0


def test_folds_are_diagnosed_at_their_own_thresholds():
    pairs, _ = scored("test", 0)
    pairs = dataclasses.replace(pairs, folds=np.arange(200) % 4 + 3)
    metrics = verify_folds(pairs).metrics
    assert metrics.folds is not None
    accuracy = np.mean((pairs.distances < pair_thresholds(metrics, pairs)) == pairs.same)
    assert accuracy == pytest.approx(np.mean(metrics.folds.accuracies))


def test_the_first_section_has_the_paragraph_and_a_later_one_every_figure(result):
    first, section = diagnosis_section(result), embeddings_section(result)
    assert (first.text, first.table, list(first.figures)) == (result.paragraph, None, [])
    assert section.table is not None
    assert [row[0] for row in section.table[1:]] == [
        "d′", "Overlap", "Gaussian accuracy", "Equal error rate", "Effective rank", "Participation ratio", "Mean direction",
        "Length", "Variance between identities", "Intraclass correlation", "Hubness",
    ]  # fmt: skip
    assert section.table[1][1] == f"{result.separation.d_prime:.2f}"
    assert section.table[5][1] == f"{result.space.effective_rank:.1f} of 12"


def test_findings_beyond_the_paragraph_and_samples_are_stated(result):
    many = tuple(Finding(f"rule {i}", f"Meaning {i}.", f"Advice {i}.") for i in range(7))
    changed = dataclasses.replace(result, findings=many, sampled_images=20_000)
    assert diagnosis_section(changed).text.split("\n\n")[1:] == ["Meaning 5. Advice 5.", "Meaning 6. Advice 6."]
    sample = "those of a sample of 20,000 images."
    assert [embeddings_section(one).text.endswith(sample) for one in (changed, result)] == [True, False]


def test_attributes_have_a_row_per_part_and_what_is_unavailable_is_named(result):
    section = conditions_section(result)
    assert section.table is not None
    assert [row[0] for row in section.table[1:]] == ["face size"] * 3
    assert sum(int(row[2]) for row in section.table[1:]) + result.conditions["face_size"].unknown == 200
    assert "Not measured: pose (no manifest)." in section.text
    assert "have an image of unknown face size" in section.text


def test_the_hardest_identities_are_listed_with_their_counts(result):
    section = identities_section(result)
    people = result.identities
    assert section is not None
    assert people is not None
    assert section.table is not None
    assert [row[0] for row in section.table[1:]] == [one.name for one in people.hardest]
    assert identities_section(dataclasses.replace(result, identities=None)) is None


def test_the_charts_hold_the_figures(result):
    spectrum, hubs = (chart for _, chart in space_charts(result))
    assert list(spectrum.series[0].y) == list(result.space.spectrum)
    assert spectrum.verticals == [("effective rank", result.space.effective_rank)]
    assert list(hubs.series[0].y) == list(result.hubness.counts)
    ((caption, chart),) = condition_charts(result)
    assert chart.key == "accuracy-face-size"
    assert list(embeddings_section(result).figures) == space_charts(result)
    assert list(conditions_section(result).figures) == condition_charts(result)
    assert "95 % intervals" in caption
    bins = result.conditions["face_size"].bins
    assert list(chart.series[0].y) == [one.accuracy for one in bins]
    assert list(chart.series[0].low) == [one.interval[0] for one in bins]
    flat = dataclasses.replace(
        result, hubness=None, space=dataclasses.replace(result.space, spectrum=()), conditions={}
    )
    assert (space_charts(flat), condition_charts(flat)) == ([], [])


def test_the_caption_of_hubness_names_the_last_bar_only_if_it_stands_for_more(result):
    assert result.hubness is not None
    full = dataclasses.replace(result.hubness, counts=(*range(40), 3))
    captions = [space_charts(dataclasses.replace(result, hubness=one))[-1][0] for one in (result.hubness, full)]
    assert "the last bar" not in captions[0]
    assert "the last bar has 40 and more" in captions[1]


def test_likely_label_errors_are_shown_beside_what_contradicts_them():
    pairs, indices = scored("test", 0)
    images = np.arange(len(IMAGES), dtype=np.uint8)[:, None, None, None] * np.ones((1, 6, 6, 3), np.uint8)
    index_of = {(str(n), int(i)): k for k, (n, i) in enumerate(zip(IMAGES.identities, IMAGES.numbers, strict=True))}
    errors = LabelErrors(
        1, (SuspectPair(5, "different", 0.31, 0.01),), 0.2,
        1, (SuspectImage("person 3", 2, "person 9", 4, 0.4, 1.2),), 0.0,
    )  # fmt: skip
    section = label_errors_section(errors, pairs, images, indices, index_of)
    expected = ((indices[0][5], indices[1][5]), (index_of["person 3", 2], index_of["person 9", 4]))
    for (_, gallery), numbers in zip(section.figures, expected, strict=True):
        assert isinstance(gallery, Gallery)
        (shown,) = gallery.pairs
        pixels = [np.asarray(Image.open(io.BytesIO(jpeg))) for jpeg in (shown.first, shown.second)]
        np.testing.assert_allclose([picture.mean() for picture in pixels], numbers, atol=2)
        assert shown.names == tuple(f"{IMAGES.identities[i]} {IMAGES.numbers[i]}" for i in numbers)
    assert section.table is not None
    assert [row[2] for row in section.table[1:]] == ["0.310", "0.400"]
    nothing = label_errors_section(LabelErrors(0, (), 0.2, 0, (), 0.0), pairs, images, indices, index_of)
    assert (nothing.table, list(nothing.figures)) == (None, [])


def test_the_terminal_ends_with_the_paragraph_in_80_columns(result, capsys):
    print_results(run_metrics(1, diagnosis=result))
    said = capsys.readouterr().out
    assert said.replace("\n", " ").rstrip().endswith(result.paragraph)
    assert max(len(line) for line in said.splitlines()) <= 80
