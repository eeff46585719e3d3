"""Rules about images and identities: labels, quality, single identities, hubs, size of the test set."""

from lfw_jax.evaluation.diagnosis.conditions import Condition
from lfw_jax.evaluation.diagnosis.evidence import Evidence
from lfw_jax.evaluation.diagnosis.rule import Rule, share

FALSE_ALARM_FACTOR = 3
WORSE_CONDITION = 0.05
DOMINANT_SHARE, DOMINANT_FACTOR, DOMINANT_ERRORS = 0.2, 3, 5
HUB_SKEWNESS, HUB_IMAGES = 1.4, 200
WIDE_INTERVAL, FEW_IDENTITIES = 0.06, 50
_REMEDIES = {
    "sharpness": "Train for it: --config.augmentation.blur, --config.augmentation.downscale and --config.augmentation.jpeg.",
    "face size": "Train for it: --config.augmentation.downscale, and a larger --config.data.side if the images have the detail.",
    "roll": "Train for it: --config.augmentation.rotation, or align the faces: --config.data.align=True.",
    "yaw": "No augmentation turns a head: add training images of turned faces.",
}
_OTHER_REMEDY = "Add training images like these."


def label_errors(found: Evidence) -> str | None:
    """Return the sentence about likely label errors."""
    errors = found.label_errors
    if errors is None:
        return None
    count, chance = errors.pair_count + errors.image_count, errors.pair_false_alarms + errors.image_false_alarms
    if not count or count <= FALSE_ALARM_FACTOR * chance:
        return None
    parts = ((errors.pair_count, "pair"), (errors.image_count, "image"))
    found_in = " and ".join(f"{number} {noun}{'s' * (number > 1)}" for number, noun in parts if number)
    contradict = "contradicts its label" if count == 1 else "contradict their labels"
    return f"{found_in} {contradict}, where {chance:.1f} are expected by chance: look at the pictures of likely label errors."


def hard_condition(found: Evidence) -> str | None:
    """Return the sentence about the attribute against which accuracy falls most."""
    drop, worst = max(
        ((_drop(item), item) for item in found.conditions.values()), key=lambda pair: pair[0], default=(0.0, None)
    )
    if worst is None or drop < WORSE_CONDITION:
        return None
    hard, easy = worst.hard_bin, worst.easy_bin
    return (
        f"Errors concentrate on images of {worst.harder} {worst.name}: accuracy is {share(hard.accuracy, 1)} on the hardest "
        f"third of the pairs and {share(easy.accuracy, 1)} on the easiest. {_REMEDIES.get(worst.name, _OTHER_REMEDY)}"
    )


def _drop(item: Condition) -> float:
    """Return the drop of accuracy from the easy to the hard bin; 0 if their intervals overlap."""
    if len(item.bins) < 2 or item.hard_bin.interval[1] >= item.easy_bin.interval[0]:
        return 0.0
    return item.easy_bin.accuracy - item.hard_bin.accuracy


def dominant_identity(found: Evidence) -> str | None:
    """Return the sentence about one identity that takes part in many errors."""
    people = found.identities
    if people is None or people.most_errors is None or people.most_errors_share < DOMINANT_SHARE:
        return None
    if people.most_errors_share < DOMINANT_FACTOR * people.most_errors_pair_share:
        return None
    if round(people.most_errors_share * people.errors) < DOMINANT_ERRORS:
        return None
    return (
        f"One identity, {people.most_errors}, takes part in {share(people.most_errors_share)} of the errors but in only "
        f"{share(people.most_errors_pair_share, 1)} of the pairs."
    )


def hubs(found: Evidence) -> str | None:
    """Return the sentence about images that are neighbours of many others."""
    item = found.hubness
    images = found.space.images if found.space else 0
    if item is None or item.skewness is None or item.skewness <= HUB_SKEWNESS or images < HUB_IMAGES:
        return None
    return (
        f"Some images are hubs: one is among the {item.k} nearest neighbours of {item.largest} others (skewness "
        f"{item.skewness:.1f}), which gives false matches in a search."
    )


def too_few(found: Evidence) -> str | None:
    """Return the sentence about a test set that is too small for claims."""
    low, high = found.test.by_rule("accuracy").accuracy_bounds
    identities = found.data.test_identities
    if high - low > WIDE_INTERVAL:
        return (
            f"The test set is small: the 95 % interval of the accuracy spans {share(low, 1)} to {share(high, 1)}. Smaller "
            "differences from a published figure mean nothing; two runs on the same pairs are compared by --mode=compare."
        )
    if identities is not None and identities < FEW_IDENTITIES:
        return f"The test set has only {identities} identities, so that the figures depend on who they are."
    return None


IMAGE_RULES = (
    Rule(
        "label-errors",
        f"Pairs or images contradict their labels, more than {FALSE_ALARM_FACTOR} times as many as expected by chance.",
        label_errors,
        "Correct the list; a wrong label in the training set costs more (--mode=inspect lists likely duplicates).",
    ),
    Rule(
        "hard-condition",
        f"For an image attribute, accuracy on the hardest third is {WORSE_CONDITION} or more below that on the easiest, and "
        "their intervals are apart.",
        hard_condition,
        "A decision on such images needs error rates, and possibly a threshold, of its own.",
    ),
    Rule(
        "dominant-identity",
        f"One identity takes part in {share(DOMINANT_SHARE)} or more of the errors, {DOMINANT_ERRORS} or more, and in at least "
        f"{DOMINANT_FACTOR} times as large a share of the errors as of the pairs.",
        dominant_identity,
        "Look at its images for wrong labels or a second person; report the accuracy without it as well.",
    ),
    Rule(
        "hubs",
        f"The skewness of the number of times that an image is among the nearest neighbours of others is above {HUB_SKEWNESS}, "
        f"with {HUB_IMAGES} or more images.",
        hubs,
        "For a search, normalise scores by a cohort; for the training of a network, use more identities or a smaller "
        "--config.model.embedding_dim.",
    ),
    Rule(
        "too-few",
        f"The 95 % interval of the accuracy is wider than {WIDE_INTERVAL}, or the test pairs have fewer than {FEW_IDENTITIES} "
        "identities.",
        too_few,
        "Evaluate on a longer list: --config.data.pairs, --config.data.protocol=view2 or --config.evaluation.sets.",
    ),
)
"""Rules about images and identities, the most severe first."""
