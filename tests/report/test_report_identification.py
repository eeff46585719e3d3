"""The section of identification: words and table from the results, charts as data."""

import dataclasses

import numpy as np
import pytest
from rich.console import Console

from lfw_jax.evaluation.embeddings import EmbeddedImages
from lfw_jax.evaluation.identification.identify import identify_images
from lfw_jax.evaluation.identification.results import IdentificationResult, OpenSetResult
from lfw_jax.evaluation.verification import verify
from lfw_jax.report.identification_section import (
    identification_charts,
    identification_section,
    identification_table,
)
from tests.evaluation.finished_folders import scored


@pytest.fixture(scope="module")
def result() -> IdentificationResult:
    rng = np.random.default_rng(0)
    labels = np.concatenate([np.repeat(np.arange(20), 5), np.arange(20, 70)])
    embeddings = np.random.default_rng(1).normal(size=(70, 6))[labels] + 0.7 * rng.normal(size=(150, 6))
    found = identify_images(EmbeddedImages("faces", embeddings, labels.astype(str), np.arange(150)))
    assert found is not None
    return found


def test_the_table_states_the_rates_of_every_set(result: IdentificationResult):
    bare = IdentificationResult("templates", 0, 0, 0, retrieval=result.retrieval)
    table = identification_section([result, bare]).table
    assert table is not None
    closed, opened, retrieval = result.closed_set, result.open_set, result.retrieval
    assert closed is not None
    assert opened is not None
    assert retrieval is not None
    row = dict(zip(table[0], table[1], strict=True))
    assert (row["Set"], row["Gallery"], row["Probes"]) == ("faces", "20", "80")
    assert row["Rank 1"] == f"{100 * closed.cmc[0].rate:.1f} %"
    assert row["Rank 10"] == f"{100 * closed.cmc[9].rate:.1f} %"
    assert row["TPIR at FPIR 10 %"] == f"{100 * opened.points[2].true_positive_rate:.1f} %"
    assert row["TPIR at FPIR 1 %"] == "–"  # 50 searches without mate
    assert row["MAP@R"] == f"{100 * retrieval.over_queries.map_at_r:.1f} %"
    other = dict(zip(table[0], table[2], strict=True))
    assert other["Gallery"] == other["Rank 1"] == other["TPIR at FPIR 10 %"] == "–"
    assert other["P@1"] == row["P@1"]


def test_the_words_state_sizes_and_what_cannot_be_measured(result: IdentificationResult):
    text = identification_section([result]).text
    assert "80 probes are searched among 20 entries of 20 identities; the 95 % interval of rank 1 is" in text
    assert "50 probes have no mate" in text
    assert "FPIR below 2 % cannot be measured on 50 searches." in text
    assert "100 queries of 20 identities among 150 items" in text
    few = dataclasses.replace(result, open_set=OpenSetResult(3, 1, ()), distractors=1000)
    text = identification_section([few]).text
    assert "too few non-mated searches" in text
    assert "and 1,000 distractors" in text
    pairs = verify(scored("pairs"), scored("development", 1)).metrics
    text = identification_section([dataclasses.replace(result, verification=pairs)]).text
    assert f"Verification of 40 pairs of templates: accuracy {100 * pairs.by_rule('accuracy').accuracy:.2f} %" in text
    assert "at FAR 10 %" in text


def test_the_charts_are_the_results(result: IdentificationResult):
    (_, cmc), (_, opened) = identification_charts([result, dataclasses.replace(result, name="second")])
    assert (cmc.key, opened.key) == ("cmc", "open-set")
    assert [series.name for series in cmc.series] == ["faces", "second"]
    assert [series.role for series in cmc.series] == ["first", "second"]
    assert result.closed_set is not None
    assert result.open_set is not None
    assert list(cmc.series[0].y) == [point.rate for point in result.closed_set.cmc]
    assert cmc.x.scale == opened.x.scale == "log"
    assert list(opened.series[0].x) == [0.02, 0.05, 0.1, 0.2, 0.5]
    assert list(opened.series[0].y) == [point.true_positive_rate for point in reversed(result.open_set.points)]
    assert identification_section([result]).figures == identification_charts([result])
    assert identification_charts([IdentificationResult("none", 0, 0, 0)]) == []


def test_the_terminal_table_fits_80_columns(result: IdentificationResult):
    console = Console(width=80, record=True)
    console.print(identification_table([result, *[dataclasses.replace(result, name="IJB-C gallery")] * 3]))
    lines = console.export_text().splitlines()
    assert max(map(len, lines)) <= 80
    assert any(line.split()[:3] == ["Rank", "1", f"{100 * result.closed_set.cmc[0].rate:.1f}"] for line in lines)
