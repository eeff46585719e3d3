"""Rules about the training: collapse, dead miners, memorisation, overfitting, convergence."""

import statistics

from lfw_jax.evaluation.diagnosis.evidence import FEWEST_LOGS, Evidence, ends, last
from lfw_jax.evaluation.diagnosis.rule import Rule, share

COLLAPSED_DISTANCE = 0.1
COLLAPSED_RANK, RANK_OF_DIMS = 2.0, 8
AT_MARGIN = 0.05
ACTIVE_ANCHORS = 0.02
STALLED, STALLED_AUC = 0.95, 0.8
MEMORISED_ACCURACY, MEMORISED_AUC = 0.9, 0.8
DEVELOPMENT_GAP = 0.1
AUC_DROP = 0.01
STILL_FALLING, FALLING_LOGS, RATE_LEFT = 0.05, 20, 0.1


def collapse(found: Evidence) -> str | None:
    """Return the sentence about embeddings that are all equal or lie on a line."""
    mean, space = found.separation.different_mean, found.space
    if mean < COLLAPSED_DISTANCE:
        return (
            f"The network has collapsed: even different identities are only {mean:.3f} apart on average, so that it maps all "
            "images to nearly the same embedding."
        )
    if space and space.dim >= RANK_OF_DIMS and space.effective_rank < COLLAPSED_RANK:
        return (
            f"The network has collapsed: its embeddings have an effective rank of {space.effective_rank:.1f} of {space.dim} "
            "dimensions, so that they lie nearly on a line."
        )
    return None


def stuck_at_margin(found: Evidence) -> str | None:
    """Return the sentence about a loss that equals that of a collapsed network."""
    loss, collapsed = last(found.training.losses), found.training.collapsed_loss
    if loss is None or not collapsed or abs(loss - collapsed) > AT_MARGIN * abs(collapsed):
        return None
    return (
        f"The training loss is stuck at {loss:.3f}, and a network that maps all images to one point has {collapsed:.3f}: the "
        "loss stays at its margin."
    )


def dead_miner(found: Evidence) -> str | None:
    """Return the sentence about batches without an active pair."""
    anchors, losses = last(found.training.active_anchors), [loss for _, loss in found.training.losses]
    if anchors is not None and anchors < ACTIVE_ANCHORS:
        return f"At the end the miner selects a pair for only {share(anchors, 1)} of the anchors, so that nothing is learned."
    if len(losses) >= FEWEST_LOGS:
        tail = losses[-(len(losses) // 4) :]
        zeros = sum(loss == 0 for loss in tail)
        if 2 * zeros >= len(tail):
            return f"The loss of {zeros} of the last {len(tail)} logged batches is exactly 0: they have no active pair."
    return None


def stalled(found: Evidence) -> str | None:
    """Return the sentence about a loss that does not fall."""
    course = ends(found.training.losses)
    if course is None or course[0] <= 0 or course[1] < STALLED * course[0] or found.test.auc >= STALLED_AUC:
        return None
    return f"The training loss has hardly fallen, from {course[0]:.3f} to {course[1]:.3f}: the network has not begun to learn."


def unfinished(found: Evidence) -> str | None:
    """Return the sentence about a training that ended early."""
    steps, total = found.training.steps, found.training.total_steps
    if not 0 < steps < total:
        return None
    return f"The training stopped at step {steps:,} of {total:,}, so these are figures of an unfinished run."


def not_converged(found: Evidence) -> str | None:
    """Return the sentence about a loss that still falls at the end."""
    training = found.training
    losses, rates = [loss for _, loss in training.losses], [rate for _, rate in training.learning_rates]
    if training.steps < training.total_steps or len(losses) < FALLING_LOGS or not rates:
        return None
    size = len(losses) // 5
    before, after = statistics.median(losses[-2 * size : -size]), statistics.median(losses[-size:])
    if before <= 0 or after > (1 - STILL_FALLING) * before or rates[-1] < RATE_LEFT * max(rates):
        return None
    return f"The training loss was still falling at the end, from {before:.3f} to {after:.3f} over the last fifths."


def memorised(found: Evidence) -> str | None:
    """Return the sentence about training identities that are recognised while unseen ones are not."""
    accuracy, auc, development = last(found.training.training_accuracies), found.test.auc, found.development_auc
    if accuracy is not None and accuracy >= MEMORISED_ACCURACY and auc < MEMORISED_AUC:
        return (
            f"The network has memorised its training identities: it recognises {share(accuracy)} of the training images, but the "
            f"AUC on unseen identities is only {auc:.3f}."
        )
    if found.data.development_trains and development is not None and development - auc >= DEVELOPMENT_GAP:
        return (
            f"The network has memorised its training identities: their AUC is {development:.3f} on the development pairs, and "
            f"that of unseen identities is {auc:.3f}."
        )
    return None


def overfitting(found: Evidence) -> str | None:
    """Return the sentence about a validation that falls while the training loss falls."""
    aucs, losses = found.training.validation_aucs, found.training.losses
    if len(aucs) < 2 or not losses:
        return None
    peak, best = max(aucs, key=lambda point: point[1])
    at_peak = [loss for step, loss in losses if step <= peak][-3:]
    after = [loss for step, loss in losses if step > peak][-3:]
    if best - aucs[-1][1] < AUC_DROP or not at_peak or not after:
        return None
    if statistics.median(after) >= statistics.median(at_peak):
        return None
    return (
        f"The training overfits: since step {peak:,} the AUC on held-out identities has fallen from {best:.3f} to "
        f"{aucs[-1][1]:.3f}, while the training loss went on falling."
    )


TRAINING_RULES = (
    Rule(
        "collapse",
        f"The mean distance of different pairs is below {COLLAPSED_DISTANCE}, or the effective rank is below {COLLAPSED_RANK:g} "
        f"of {RANK_OF_DIMS} or more dimensions.",
        collapse,
        "Lower --config.optimizer.learning_rate, warm up with --config.optimizer.warmup_epochs, and mine semihard instead of "
        "hard triplets (--config.miner.kind=semihard).",
    ),
    Rule(
        "stuck-at-margin",
        f"The median loss of the last quarter of the logs is within {share(AT_MARGIN)} of the loss of equal embeddings.",
        stuck_at_margin,
        "Begin with easier pairs (--config.miner.kind=semihard or --config.miner.name=distance_weighted), a lower "
        "--config.optimizer.learning_rate and --config.optimizer.warmup_epochs.",
    ),
    Rule(
        "dead-miner",
        f"In the last quarter of the logs the median share of anchors with a selected pair is below {share(ACTIVE_ANCHORS)}, or "
        "at least half of the losses are exactly 0.",
        dead_miner,
        "Use --config.sampler.name=people_images with more --config.sampler.images_per_person or a larger "
        "--config.sampler.batch_size, a harder --config.miner.kind, a larger --config.miner.margin, or a memory "
        "(--config.memory.size).",
    ),
    Rule(
        "stalled",
        f"The median loss of the last quarter of the logs is at least {share(STALLED)} of that of the first, and the AUC is "
        f"below {STALLED_AUC}.",
        stalled,
        "Change --config.optimizer.learning_rate by a factor of 3 in either direction, and look at the first batch in "
        "TensorBoard: are the images and labels right?",
    ),
    Rule(
        "unfinished",
        "The history ends before the last step of the configuration.",
        unfinished,
        "Run the same command with --mode=train to resume it; --config.training.max_minutes limits its time.",
    ),
    Rule(
        "not-converged",
        f"The median loss of the last fifth of at least {FALLING_LOGS} logs is {share(STILL_FALLING)} or more below that of the "
        f"fifth before it, at a learning rate of at least {share(RATE_LEFT)} of its peak, after the last step.",
        not_converged,
        "Train longer (--config.training.epochs), or let the learning rate decay (--config.optimizer.decay=cosine).",
    ),
    Rule(
        "memorised",
        f"Training accuracy is at least {share(MEMORISED_ACCURACY)} at an AUC below {MEMORISED_AUC}; or the development pairs "
        f"are of training identities, and their AUC is {DEVELOPMENT_GAP} or more above that of the test pairs.",
        memorised,
        "Train on more identities; with these, use stronger augmentation (--config.augmentation.erasing, "
        "--config.augmentation.scale), --config.model.dropout, --config.optimizer.weight_decay, or a smaller network.",
    ),
    Rule(
        "overfitting",
        f"The last validation AUC is {AUC_DROP} or more below the best one, and the training loss is lower than at the best.",
        overfitting,
        "Evaluate the best checkpoint (--config.evaluation.checkpoint=best), train for fewer --config.training.epochs, or "
        "regularise with --config.model.dropout, --config.optimizer.weight_decay and --config.augmentation.erasing.",
    ),
)
"""Rules about the training, the most severe first."""
