"""Every rule fires on its condition, and not on a healthy run; the documentation lists exactly the rules."""

import dataclasses
import re
from pathlib import Path

import pytest

from configs import base
from lfw_jax.evaluation.diagnosis.evidence import Evidence, ends, last
from lfw_jax.evaluation.diagnosis.image_rules import label_errors
from lfw_jax.evaluation.diagnosis.label_errors import LabelErrors
from lfw_jax.evaluation.diagnosis.sentences import MOST_FINDINGS, RULES, findings, paragraph
from lfw_jax.training.objectives.build import build_objective
from tests.evaluation.diagnosis.evidence_cases import DATA, FAULTS, TRAINING, course, healthy, trained, weak

DOCS = Path(__file__).parents[3] / "docs" / "evaluation" / "diagnosis.md"
BY_KEY = {rule.key: rule for rule in RULES}


def triggered(found: Evidence) -> list[str]:
    return [finding.rule for finding in findings(found)]


def test_a_healthy_run_triggers_nothing_and_the_paragraph_says_so_with_the_figures():
    found = healthy()
    assert triggered(found) == []
    text = paragraph(found, [])
    assert f"AUC {found.test.auc:.3f}" in text
    assert f"d′ {found.separation.d_prime:.2f}" in text
    assert text.endswith(f"None of {len(RULES)} checks, from collapse to label errors, found a fault.")


@pytest.mark.parametrize(("key", "number"), [(key, i) for key, cases in FAULTS.items() for i in range(len(cases))])
def test_a_rule_fires_on_its_condition(key, number):
    found = FAULTS[key][number]()
    assert key in triggered(found)
    sentence = BY_KEY[key].meaning(found)
    assert sentence is not None
    assert sentence[0].isupper() or sentence[0].isdigit()
    assert sentence.endswith(".")


def test_every_rule_has_a_case():
    assert list(FAULTS) == [rule.key for rule in RULES]


def test_a_strict_and_a_lenient_threshold_are_told_apart():
    strict, lenient = (BY_KEY["threshold"].meaning(case()) or "" for case in FAULTS["threshold"])
    assert "is too strict for unseen identities" in strict
    assert "is too lenient for unseen identities" in lenient


def test_distances_near_one_value_are_explained_by_that_value():
    orthogonal, margin = (
        BY_KEY["nearly-equal-distances"].meaning(case()) or "" for case in FAULTS["nearly-equal-distances"]
    )
    assert "All distances are near 1.39" in orthogonal or "All distances are near 1.40" in orthogonal
    assert "random directions" in orthogonal
    assert "All distances are near 0.99" in margin
    assert "contrastive loss" in margin


def test_a_rule_stays_silent_just_beyond_its_limit():
    quiet = {
        "stuck-at-margin": trained(losses=course(0.3, 0.215)),
        "dead-miner": trained(active_anchors=course(0.5, 0.03)),
        "overfitting": trained(validation_aucs=((100, 0.95), (400, 0.945)), losses=course(9, 1)),
        "not-converged": trained(losses=tuple((10 * i, 9.0 - 0.02 * i) for i in range(40))),
        "unfinished": trained(total_steps=0),
        "memorised": weak(training=dataclasses.replace(TRAINING, training_accuracies=course(0, 0.8))),
        "unaligned": healthy(data=dataclasses.replace(DATA, aligned=None)),
    }
    for key, found in quiet.items():
        assert key not in triggered(found), key


def test_a_decayed_learning_rate_explains_a_loss_that_still_falls():
    falling = tuple((10 * i, 9.0 - 0.2 * i) for i in range(40))
    assert "not-converged" not in triggered(trained(losses=falling, learning_rates=((0, 1e-3), (400, 1e-5))))


def test_a_run_without_a_history_or_embeddings_has_rules_about_its_pairs_only():
    bare = Evidence(healthy().test, healthy().raw_pixels, healthy().separation)
    assert triggered(bare) == []


def test_the_paragraph_names_the_most_severe_and_counts_the_others():
    found = dataclasses.replace(
        FAULTS["collapse"][0](), data=dataclasses.replace(DATA, leaking={"a": 1}, aligned=False)
    )
    items = findings(found)
    keys = [item.rule for item in items]
    assert keys == [key for key in BY_KEY if key in keys]
    assert keys[:2] == ["leak", "collapse"]
    many = [*items, *items, *items]
    text = paragraph(found, many)
    assert text.count(items[0].meaning) == 1
    assert f"{len(many) - MOST_FINDINGS} more findings are listed below." in text
    assert "1 more finding is listed below." in paragraph(found, many[: MOST_FINDINGS + 1])
    assert "listed below" not in paragraph(found, many[:MOST_FINDINGS])


def test_the_ends_of_a_curve_are_medians_of_its_quarters():
    curve = [(i, float(i)) for i in range(8)]
    assert ends(curve) == (0.5, 6.5)
    assert last(curve) == 6.5
    assert last(curve[:7]) is None


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.key)
def test_advice_names_only_options_of_the_configuration(rule):
    config, named = base.get_config(), ("loss", "miner")
    for group, option in re.findall(r"--config\.(\w+)\.(\w+)", rule.advice):
        if group in named and option != "name":
            # A miner that has the option: an unknown one is an error.
            value = "semihard" if option == "kind" else 0.2
            miner = {"name": "triplet_margin", option: value}
            assert group == "miner"
            build_objective({"name": "triplet"}, miner, classes=4, embedding_dim=4, paired=False)
        else:
            assert option in config[group], f"--config.{group}.{option}"


def test_the_documentation_lists_exactly_the_rules_with_their_conditions():
    rows = re.findall(r"^\| `([\w-]+)` \| (.+?) \| (.+?) \|$", DOCS.read_text(encoding="utf-8"), re.MULTILINE)
    assert rows == [(rule.key, rule.condition, rule.advice) for rule in RULES]


@pytest.mark.parametrize(
    ("pairs", "images", "words"),
    [
        (1, 0, "1 pair contradicts its label, where 0.2 are expected by chance"),
        (0, 2, "2 images contradict their labels"),
        (1, 3, "1 pair and 3 images contradict their labels"),
    ],
)
def test_likely_label_errors_are_counted_in_words(pairs: int, images: int, words: str):
    found = dataclasses.replace(healthy(), label_errors=LabelErrors(pairs, (), 0.1, images, (), 0.1))
    assert words in (label_errors(found) or "")
