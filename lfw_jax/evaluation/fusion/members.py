"""Evaluation of the members of a fused system, alone and together, on the same pairs."""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Bool, Float

from lfw_jax.errors import UserError
from lfw_jax.evaluation.comparison.compare import ACCURACY, AUC, Decisions, compare
from lfw_jax.evaluation.comparison.compare import RESAMPLES as PAIRED_RESAMPLES
from lfw_jax.evaluation.comparison.results import PairedDifference
from lfw_jax.evaluation.comparison.same_pairs import difference
from lfw_jax.evaluation.fusion.gaussian import GaussianMembers, correlations
from lfw_jax.evaluation.fusion.results import Member, MembersResult, SystemScores
from lfw_jax.evaluation.fusion.systems import DecidedPairs, has_folds, system_scores
from lfw_jax.evaluation.intervals.identity_graph import graph_of
from lfw_jax.evaluation.scores import ScoredPairs

FUSED = "fusion"
"""The name of the fused system, which no member may have."""


def members_result(
    members: Mapping[str, ScoredPairs],
    fused: ScoredPairs,
    weights: Mapping[str, float],
    *,
    held_out: Mapping[str, ScoredPairs] | None,
    fused_held_out: ScoredPairs | None,
    seed: int,
    resamples: int = PAIRED_RESAMPLES,
) -> MembersResult:
    """Evaluate a fused system: its members, their correlations, and the gain over the best member.

    Each system's threshold has the best accuracy on its held-out pairs. Without held-out pairs, each fold is evaluated at the
    threshold of the other folds; a list without folds has no accuracies then. The best member is the best one on the evaluated
    pairs, by AUC for the gain in AUC and by accuracy for the gain in accuracy: a choice that favours the member.

    Args:
      members: the scored pairs by the name of the member.
      fused: the same pairs in the same order, scored by the fusion.
      weights: the weight of each member's scores in the fusion.
      held_out: the members' scores of pairs of identities that neither the members nor the evaluated pairs contain; None if
        there are none.
      fused_held_out: the same pairs, scored by the fusion; None if there are none.
      seed: seed of the resamples.
      resamples: number of resamples for the intervals of the gains.

    Returns:
      The result. The intervals of the AUC are those of `with_intervals`.

    Raises:
      UserError: systems with different pairs, or too few identities to resample them.
      ValueError: no member, members, weights and held-out pairs with different names, a weight that is not finite, held-out
        pairs for the members or for the fusion alone, or thresholds to be chosen on the evaluated pairs.
    """
    _check(members, fused, weights, held_out, fused_held_out)
    held = {**held_out, FUSED: fused_held_out} if held_out and fused_held_out else {}
    decided = {name: DecidedPairs.of(pairs, held.get(name)) for name, pairs in {**members, FUSED: fused}.items()}
    graph = graph_of(fused)
    systems = system_scores(decided, graph, seed=seed)
    distances = np.stack([pairs.distances for pairs in members.values()])
    gaussian = GaussianMembers.of(distances, fused.same)
    shares = _weight_shares(distances, fused.same, np.asarray([weights[name] for name in members], np.float64))
    count = len(members)
    return MembersResult(
        list=fused.name,
        pairs=len(fused),
        same_pairs=int(fused.same.sum()),
        chosen_on=_chosen_on(fused, fused_held_out),
        members=tuple(
            Member(
                scores=systems[name],
                weight=float(weights[name]),
                weight_share=shares[index],
                d_prime_without=gaussian.d_prime([other for other in range(count) if other != index]),
            )
            for index, name in enumerate(members)
        ),
        fused=systems[FUSED],
        same_correlations=correlations(distances[:, fused.same]),
        different_correlations=correlations(distances[:, ~fused.same]),
        pair_d_primes=gaussian.of_pairs(),
        gaussian=gaussian.fusion(),
        gains=_gains(decided, systems, resamples=resamples, seed=seed),
        resampled="identities" if graph.known else "pairs",
        resamples=resamples,
    )


def _check(
    members: Mapping[str, ScoredPairs],
    fused: ScoredPairs,
    weights: Mapping[str, float],
    held_out: Mapping[str, ScoredPairs] | None,
    fused_held_out: ScoredPairs | None,
) -> None:
    if not members or FUSED in members:
        raise ValueError(f"expected at least one member, none of them named {FUSED!r}, found {list(members)}")
    for part, names in (("weights", weights), ("held-out pairs", members if held_out is None else held_out)):
        if set(names) != set(members):
            raise ValueError(f"found members {list(members)} and {part} of {list(names)}; expected the same names")
    if not all(np.isfinite(weight) for weight in weights.values()):
        raise ValueError(f"expected finite weights, found {dict(weights)}")
    if (held_out is None) != (fused_held_out is None):
        raise ValueError("found held-out pairs for the members or for the fusion alone; expected both or neither")
    _check_same(members, fused)
    if held_out is None or fused_held_out is None:
        return
    _check_same(held_out, fused_held_out)
    # Pairs without identities may have equal labels by chance, so that equal scores count.
    if fused_held_out.name == fused.name or np.array_equal(fused_held_out.distances, fused.distances):
        raise ValueError(f"{fused.name}: a threshold must not be chosen on the pairs that it is evaluated on")


def _check_same(members: Mapping[str, ScoredPairs], fused: ScoredPairs) -> None:
    for name, pairs in members.items():
        if found := difference(fused, pairs):
            raise UserError(
                f"{fused.name}: the fused system and its member {name} differ in {found}. Expected the same pairs in the same "
                "order. Score all members on one list and fuse them again."
            )


def _chosen_on(fused: ScoredPairs, held_out: ScoredPairs | None) -> str | None:
    if held_out is not None:
        return held_out.name
    return f"the other folds of {fused.name}" if has_folds(fused) else None


def _weight_shares(
    distances: Float[np.ndarray, "members pairs"],
    same: Bool[np.ndarray, "pairs"],
    weights: Float[np.ndarray, "members"],
) -> tuple[float | None, ...]:
    """Return the weights in units of the pooled deviation of each member's distances, as shares of their sum."""
    deviations = np.sqrt((distances[:, same].var(axis=1) + distances[:, ~same].var(axis=1)) / 2)
    scaled = weights * deviations
    total = np.abs(scaled).sum()
    return tuple(float(value / total) if total > 0 else None for value in scaled)


def _gains(
    decided: Mapping[str, DecidedPairs], systems: Mapping[str, SystemScores], *, resamples: int, seed: int
) -> tuple[PairedDifference, ...]:
    """Return the differences between the fusion and the best member by AUC, and by accuracy if there are decisions."""
    members = [name for name in decided if name != FUSED]
    best = {AUC: max(members, key=lambda name: systems[name].auc)}
    if decided[FUSED].correct is not None:
        best[ACCURACY] = max(members, key=lambda name: systems[name].accuracy or 0.0)
    decisions = {
        name: Decisions(one.pairs, {} if one.correct is None else {ACCURACY: one.correct})
        for name, one in decided.items()
    }
    found: list[PairedDifference] = []
    for member in dict.fromkeys(best.values()):
        two = {name: decisions[name] for name in (member, FUSED)}
        compared = compare(two, resamples=resamples, seed=seed).differences
        found += [one for one in compared if best.get(one.measure) == member]
    return tuple(sorted(found, key=lambda one: one.measure))
