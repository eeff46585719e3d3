"""The summary of a list, told in the terminal and on the page."""

import dataclasses
import io

import pytest
from rich.console import Console

from lfw_jax.evaluation.intervals.interval import (
    PAIR_BOOTSTRAP,
    VERTEX_BOOTSTRAP,
    WILSON_BY_IDENTITIES,
    WILSON_INDEPENDENT,
    Interval,
)
from lfw_jax.evaluation.results import FoldsResult, ListResult, ThresholdIntervals, ThresholdResult
from lfw_jax.evaluation.scores import ScoredPairs
from lfw_jax.report.formatting import interval, number, percent
from lfw_jax.report.sections import training_section, verification_headline, verification_section
from lfw_jax.report.tables import print_table, verification_table
from lfw_jax.training.history import HistoryRow


def threshold(rule="accuracy", value=1.0234, **changes):
    fields = dict(
        rule=rule,
        threshold=value,
        chosen_on="pairsDevTrain",
        accuracy=0.881,
        accuracy_interval=(0.859, 0.9),
        f1=0.8765,
        precision=0.9,
        recall=0.854,
        false_accept_rate=0.095,
        false_reject_rate=0.146,
    )
    return ThresholdResult(**(fields | changes))


def summary(**changes):
    fields = dict(
        name="pairsDevTest",
        pairs=1000,
        same_pairs=400,
        auc=0.93456,
        positive_distance_mean=0.81,
        negative_distance_mean=1.27,
        thresholds=(threshold(), threshold("f1", 1.05, f1=0.882)),
        held_out_threshold=None,
        folds=None,
        insightface=None,
        true_accept_rates=(),
    )
    return ListResult(**(fields | changes))


HELD_OUT = threshold(value=1.111, chosen_on="validation identities", accuracy=0.914, f1=0.915)
FOLDS = FoldsResult("accuracy", (0.88,) * 5 + (0.9,) * 5, (1.0,) * 10, 0.89, 0.00333, 0.01)
NAN = float("nan")
PAIRS = ScoredPairs("pairsDevTest", [0.5, 0.9, 1.1, 1.4], [True, True, False, False])


def printed(given, width=80):
    stream = io.StringIO()
    print_table(verification_table(given), console=Console(file=stream, width=width))
    return stream.getvalue()


def test_the_terminal_table_shows_every_number_once_for_each_threshold():
    text = printed(summary(folds=FOLDS))
    assert "pairsDevTest: 400 same, 600 different pairs" in text
    rows = {line[:15].strip(): line[15:].split() for line in text.splitlines() if line.startswith("  ")}
    assert rows["Threshold"] == ["1.023", "1.050"]
    assert rows["Accuracy"] == ["88.1", "%", "88.1", "%"]
    assert rows["95 % interval"] == ["85.9–90.0", "%", "85.9–90.0", "%"]
    assert rows["F1"] == ["0.876", "0.882"]
    assert rows["FMR (FAR)"] == ["9.5", "%", "9.5", "%"]
    assert "AUC 0.9346" in text
    assert "10 folds: 89.00 ± 0.33 % (standard error)" in text
    assert "population standard deviation: 1.00 %" in text


@pytest.mark.parametrize("width", [80, 200])
def test_the_terminal_table_stays_within_80_columns(width):
    rules = tuple(threshold(f"false accept rate {i}", chosen_on="a_list_with_a_long_name") for i in range(5))
    text = printed(summary(name="name " * 30, thresholds=rules), width)
    assert max(map(len, text.splitlines())) <= 80


def test_a_list_without_thresholds_still_has_its_auc():
    text = printed(summary(thresholds=()))
    assert "AUC 0.9346" in text
    assert "Precision" not in text


def test_square_brackets_in_a_name_are_no_markup():
    assert "pairs[bold]" in printed(summary(name="pairs[bold]"))


def test_the_headline_leads_with_accuracy_and_its_interval():
    cards = verification_headline(summary())
    assert cards[0] == ("Accuracy on pairsDevTest", "88.1 %", "95 % interval 85.9–90.0 %")
    assert [value for _, value, _ in cards] == ["88.1 %", "0.882", "0.935", "1.023"]


def test_with_folds_the_headline_is_their_mean_with_the_standard_error_labelled():
    label, value, note = verification_headline(summary(folds=FOLDS))[0]
    assert (label, value) == ("Accuracy on pairsDevTest", "89.00 %")
    assert note == "± 0.33 %, standard error of 10 folds"


def test_the_section_holds_words_table_explorer_and_charts():
    section = verification_section(summary(), PAIRS)
    assert section.title == "Verification on pairsDevTest"
    assert section.table is not None
    assert section.table[0] == ["", "best accuracy", "best F1", "Meaning"]
    assert ["Threshold", "1.023", "1.050", "Pairs at a smaller distance are accepted as one identity."] in section.table
    assert "chosen on pairsDevTrain, not on the pairs evaluated here" in section.text
    charts = [chart for _, chart in section.figures]
    assert [chart.key for chart in charts] == ["distances", "roc"]
    assert [chart.follows for chart in charts] == ["threshold", "fmr-tmr"]
    assert charts[0].verticals == [("best accuracy", 1.0234), ("best F1", 1.05)]
    assert section.explorer is not None
    assert section.explorer.presets == {"best accuracy": 1.0234, "best F1": 1.05}
    assert {1.0234, 1.05} <= set(section.explorer.counts.thresholds)


def test_a_threshold_chosen_on_the_list_itself_is_called_too_optimistic():
    text = verification_section(summary(thresholds=(threshold(chosen_on="pairsDevTest"),)), PAIRS).text
    assert "too optimistic" in text


def test_a_collapsed_embedding_is_called_one():
    assert "near chance" in verification_section(summary(auc=0.52), PAIRS).text
    assert "near chance" not in verification_section(summary(), PAIRS).text


def test_both_spreads_of_the_folds_are_named():
    text = verification_section(summary(folds=FOLDS), PAIRS).text
    assert "89.00 ± 0.33 %: the number after ± is the standard error" in text
    assert "population standard deviation, which other projects print in its place, is 1.00 %" in text


def test_a_number_that_does_not_exist_is_a_dash():
    assert [number(None), percent(NAN), interval((NAN, NAN))] == ["–"] * 3
    cell = (threshold(precision=NAN, accuracy_interval=(NAN, NAN)),)
    table = verification_section(summary(thresholds=cell), PAIRS).table
    assert table is not None
    values = {row[0]: row[1] for row in table}
    assert (values["Precision"], values["95 % interval"]) == ("–", "–")


def test_the_training_section_tells_length_and_loss():
    section = training_section([HistoryRow(10, epoch=0.5, loss=9.0), HistoryRow(1200, epoch=60.0, loss=0.5)])
    assert section.text == "1,200 steps, 60 epochs; the training loss went from 9.000 to 0.500."
    assert len(section.figures) == 1


def test_the_threshold_of_held_out_identities_is_the_last_column_everywhere():
    given = summary(held_out_threshold=HELD_OUT)
    text = printed(given)
    assert max(map(len, text.splitlines())) <= 80
    rows = {line[:15].strip(): line[15:].split() for line in text.splitlines() if line.startswith("  ")}
    assert rows["Threshold"] == ["1.023", "1.050", "1.111"]
    assert rows["Chosen on"] == ["pairsDevTrain", "pairsDevTrain", "validation", "identities"]
    assert rows["Accuracy"] == ["88.1", "%", "88.1", "%", "91.4", "%"]
    assert ("At the threshold of validation identities", "91.4 %", "95 % interval 85.9–90.0 %; threshold 1.111") in (
        verification_headline(given)
    )
    section = verification_section(given, PAIRS)
    assert "The last column has the threshold chosen on validation identities, which are not used" in section.text
    assert section.table is not None
    assert section.table[0][:4] == ["", "best accuracy", "best F1", "validation identities"]
    assert section.table[1][:4] == ["Threshold", "1.023", "1.050", "1.111"]


def with_intervals(known=True):
    rate = WILSON_BY_IDENTITIES if known else WILSON_INDEPENDENT
    bootstrap = VERTEX_BOOTSTRAP if known else PAIR_BOOTSTRAP
    intervals = ThresholdIntervals(
        accuracy=Interval(0.84, 0.92, 0.95, rate, 512.4),
        false_accept_rate=Interval(0.06, 0.13, 0.95, rate, 300.0),
        false_reject_rate=Interval(0.1, 0.2, 0.95, rate, 1234.0),
        threshold=Interval(0.98, 1.06, 0.95, bootstrap),
    )
    folds = dataclasses.replace(FOLDS, mean_interval=Interval(0.861, 0.912, 0.95, bootstrap))
    one = threshold(intervals=intervals)
    return summary(
        thresholds=(one, dataclasses.replace(one, rule="f1")),
        held_out_threshold=dataclasses.replace(HELD_OUT, intervals=intervals),
        folds=folds,
        auc_interval=Interval(0.91, 0.95678, 0.95, bootstrap),
    )


def test_on_the_terminal_intervals_stand_below_their_metrics_within_80_columns():
    text = printed(with_intervals())
    assert max(map(len, text.splitlines())) <= 80
    rows = {line[:19].strip(): line[19:].split() for line in text.splitlines() if line.startswith("  ")}
    assert rows["Threshold, 95 %"] == ["0.980–1.060"] * 3
    assert rows["Accuracy, 95 %"] == ["84.0–92.0", "%"] * 3
    assert rows["FMR, 95 %"] == ["6.0–13.0", "%"] * 3
    assert rows["FNMR, 95 %"] == ["10.0–20.0", "%"] * 3
    assert "85.9" not in text, "the interval of independent pairs is on the page only"
    assert "AUC 0.9346, 95 % interval 0.9100–0.9568" in text
    assert "95 % interval of that mean: 86.1–91.2 %" in text
    assert "intervals count identities, not pairs" in text
    assert "as if pairs were independent" in printed(with_intervals(known=False))


def test_the_page_names_the_method_of_each_interval_and_the_naive_one_once():
    section = verification_section(with_intervals(), PAIRS)
    assert section.table is not None
    rows = {row[0]: row[1:] for row in section.table}
    assert rows["Accuracy, 95 %"][-1] == (
        "95 % interval: Wilson, dependence through identities, worth 512 independent pairs."
    )
    assert rows["Threshold, 95 %"][-1] == "95 % interval: vertex bootstrap, corrected."
    assert rows["naive 95 %"][0] == "85.9–90.0 %"
    assert [row[0] for row in section.table].count("naive 95 %") == 1
    assert "count identities, not pairs" in section.text
    assert "count identities" not in verification_section(summary(), PAIRS).text


def test_the_headline_shows_the_interval_that_respects_identities():
    notes = {label: note for label, _, note in verification_headline(with_intervals())}
    assert notes["Accuracy on pairsDevTest"].endswith("standard error of 10 folds; 95 % interval 86.1–91.2 %")
    assert notes["At the threshold of validation identities"].startswith("95 % interval 84.0–92.0 %")
    assert notes["AUC"] == "95 % interval 0.910–0.957; 0.5 is guessing, 1 is perfect"
    assert notes["Threshold"] == "95 % interval 0.980–1.060; chosen on pairsDevTrain"
