"""Rules about the results: leaks, raw pixels, distances, thresholds, alignment, the embedding space."""

import math

from lfw_jax.evaluation.diagnosis.evidence import Evidence
from lfw_jax.evaluation.diagnosis.rule import Rule, share
from lfw_jax.evaluation.diagnosis.training_rules import COLLAPSED_DISTANCE

ABOVE_PIXELS = 0.02
NEAR_MEANS, NEAR_D_PRIME, NEAR_VALUE = 0.15, 1.0, 0.15
UNEQUAL_RATES, BETTER_THRESHOLD = 0.05, 0.02
LOW_RANK, LOW_RANK_OF_DIMS = 8.0, 32
CONE = 0.5

ORTHOGONAL = math.sqrt(2)
"""Distance of orthogonal unit embeddings."""


def leak(found: Evidence) -> str | None:
    """Return the sentence about evaluated identities in the training set."""
    if not found.data.leaking:
        return None
    named = ", ".join(f"{name} ({count})" for name, count in found.data.leaking.items())
    return (
        f"Identities of evaluation sets are in the training set: {named}; the metrics of these sets are too optimistic."
    )


def no_better_than_pixels(found: Evidence) -> str | None:
    """Return the sentence about embeddings that are no better than the images themselves."""
    auc, baseline = found.test.auc, found.raw_pixels.auc
    if auc >= baseline + ABOVE_PIXELS:
        return None
    return f"The embeddings are no better than the raw pixels: AUC {auc:.3f} against {baseline:.3f}."


def nearly_equal(found: Evidence) -> str | None:
    """Return the sentence about distances that are all near one value."""
    same, different = found.separation.same_mean, found.separation.different_mean
    difference = found.separation.d_prime
    collapsed = different < COLLAPSED_DISTANCE  # a rule of its own
    if collapsed or abs(different - same) >= NEAR_MEANS or (difference is not None and difference >= NEAR_D_PRIME):
        return None
    text = (
        f"All distances are near {(same + different) / 2:.2f}: same pairs have a mean of {same:.2f} and different ones of "
        f"{different:.2f}, and the distributions overlap by {share(found.separation.overlap)}."
    )
    if abs(different - ORTHOGONAL) < NEAR_VALUE:
        text += f" Unit embeddings of unrelated directions are {ORTHOGONAL:.2f} apart: unseen identities get random directions."
    elif abs(different - 1) < NEAR_VALUE:
        text += " That is the margin up to which a contrastive loss pushes different identities apart, and same ones follow."
    return text


def threshold_misses(found: Evidence) -> str | None:
    """Return the sentence about a threshold that is too strict or too lenient for unseen identities."""
    at, held_out = found.test.by_rule("accuracy"), found.test.held_out_threshold
    better, name = 1 - found.separation.equal_error_rate, "the equal error rate, which is chosen on these pairs"
    if held_out and held_out.accuracy > better:
        better, name = held_out.accuracy, held_out.chosen_on
    false_matches, false_non_matches = at.false_accept_rate, at.false_reject_rate
    if abs(false_matches - false_non_matches) < UNEQUAL_RATES or better - at.accuracy < BETTER_THRESHOLD:
        return None
    kind = "strict" if false_matches < false_non_matches else "lenient"
    return (
        f"The threshold of {at.chosen_on} is too {kind} for unseen identities: it accepts {share(false_matches, 1)} of the "
        f"different pairs and rejects {share(false_non_matches, 1)} of the same ones. At the threshold of {name}, accuracy is "
        f"{share(better, 1)} instead of {share(at.accuracy, 1)}."
    )


def unaligned(found: Evidence) -> str | None:
    """Return the sentence about faces of which no alignment is known."""
    if found.data.aligned is not False:
        return None
    return (
        "No alignment of the faces is known: unless they were aligned elsewhere, the network must learn position, scale and "
        "rotation from the images."
    )


def low_rank(found: Evidence) -> str | None:
    """Return the sentence about embeddings that use few of their dimensions."""
    space = found.space
    if space is None or space.dim < LOW_RANK_OF_DIMS or space.effective_rank >= LOW_RANK:
        return None
    return (
        f"The embeddings use few of their dimensions: the effective rank is {space.effective_rank:.1f} of {space.dim}, which "
        "cannot hold many identities apart."
    )


def narrow_cone(found: Evidence) -> str | None:
    """Return the sentence about embeddings that share a direction."""
    if found.space is None or found.space.mean_direction <= CONE:
        return None
    return (
        f"The embeddings lie in a cone: their mean direction has length {found.space.mean_direction:.2f}, where directions that "
        "use the whole space have 0."
    )


FIRST_RULES = (
    Rule(
        "leak",
        "Identities of an evaluation set are in the training set.",
        leak,
        "Name the set in --config.evaluation.sets or --config.evaluation.identification before training, so that its identities "
        "are excluded.",
    ),
)
"""Rules that precede those about the training."""

RESULT_RULES = (
    Rule(
        "no-better-than-pixels",
        f"The AUC is less than {ABOVE_PIXELS} above that of the raw pixels.",
        no_better_than_pixels,
        "Check that images and labels belong together (--mode=inspect), and train longer (--config.training.epochs).",
    ),
    Rule(
        "nearly-equal-distances",
        f"The means of same and different pairs are less than {NEAR_MEANS} apart, d′ is below {NEAR_D_PRIME:g}, and the network "
        "has not collapsed.",
        nearly_equal,
        "Use a loss with a margin between identities (--config.loss.name=cosface or arcface), more training identities and "
        "stronger augmentation, and compare with the training curves.",
    ),
    Rule(
        "threshold",
        f"At the chosen threshold FMR and FNMR differ by {UNEQUAL_RATES} or more, and the threshold of held-out identities or "
        f"of the equal error rate is {BETTER_THRESHOLD} or more better.",
        threshold_misses,
        "Choose it on unseen identities: prefer the threshold of held-out identities where there is one, and hold out more of "
        "them (--config.data.validation_people).",
    ),
    Rule(
        "unaligned",
        "The source is not one of aligned faces (rec, bin, a folder of --mode=align, synthetic), and config.data.align is off.",
        unaligned,
        "Train with --config.data.align=True if they are not aligned.",
    ),
    Rule(
        "low-rank",
        f"The effective rank is below {LOW_RANK:g} of {LOW_RANK_OF_DIMS} or more dimensions.",
        low_rank,
        "Train on more identities or with a larger --config.sampler.batch_size, and lower --config.optimizer.weight_decay.",
    ),
    Rule(
        "narrow-cone",
        f"The mean unit embedding is longer than {CONE}.",
        narrow_cone,
        "Train longer (--config.training.epochs), or use an embedding with batch normalisation "
        "(--config.model.embedding_norm=True).",
    ),
)
"""Rules about the results, the most severe first."""
