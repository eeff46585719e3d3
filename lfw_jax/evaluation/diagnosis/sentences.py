"""The sentences of the diagnosis: the triggered rules, and the paragraph that they form."""

from collections.abc import Sequence

from lfw_jax.evaluation.diagnosis.evidence import Evidence
from lfw_jax.evaluation.diagnosis.image_rules import IMAGE_RULES
from lfw_jax.evaluation.diagnosis.result_rules import FIRST_RULES, RESULT_RULES
from lfw_jax.evaluation.diagnosis.rule import Finding, Rule, share
from lfw_jax.evaluation.diagnosis.training_rules import TRAINING_RULES

RULES: tuple[Rule, ...] = (*FIRST_RULES, *TRAINING_RULES, *RESULT_RULES, *IMAGE_RULES)
"""All rules, the most severe first."""

MOST_FINDINGS = 5
"""Number of findings in the paragraph; the others are listed below it."""


def findings(found: Evidence, rules: Sequence[Rule] = RULES) -> tuple[Finding, ...]:
    """Return the triggered rules, the most severe first.

    Args:
      found: the figures.
      rules: the rules to try.
    """
    return tuple(
        Finding(rule.key, meaning, rule.advice) for rule in rules if (meaning := rule.meaning(found)) is not None
    )


def paragraph(found: Evidence, triggered: Sequence[Finding]) -> str:
    """Return the paragraph at the top of a report: the figures, what they mean, and what to try next.

    Args:
      found: the figures.
      triggered: the triggered rules, the most severe first.
    """
    shown = triggered[:MOST_FINDINGS]
    sentences = [_figures(found), *(f"{item.meaning} {item.advice}" for item in shown)]
    if not triggered:
        sentences.append(f"None of {len(RULES)} checks, from collapse to label errors, found a fault.")
    elif more := len(triggered) - len(shown):
        sentences.append(f"{more} more {'finding is' if more == 1 else 'findings are'} listed below.")
    return " ".join(sentences)


def _figures(found: Evidence) -> str:
    """Return the sentence with the main figures."""
    test, apart = found.test, found.separation
    best = test.by_rule("accuracy")
    low, high = best.accuracy_bounds
    text = (
        f"On {test.name}, {share(best.accuracy, 1)} of the pairs are classified correctly (95 % interval {share(low, 1)} to "
        f"{share(high, 1)}); AUC {test.auc:.3f}, and the distributions overlap by {share(apart.overlap)}"
    )
    return f"{text} (d′ {apart.d_prime:.2f})." if apart.d_prime is not None else f"{text}."
