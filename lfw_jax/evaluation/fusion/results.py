"""Typed results of the evaluation of fused systems, as they stand in `metrics.json`."""

import dataclasses

from lfw_jax.evaluation.comparison.results import PairedDifference
from lfw_jax.evaluation.intervals.interval import Interval

Matrix = tuple[tuple[float | None, ...], ...]
"""A symmetric matrix of the members in their order, as rows; None where a member's scores do not vary."""


@dataclasses.dataclass(frozen=True)
class SystemScores:
    """The separation of same and different pairs by one system: a member, or the fusion of all.

    Attributes:
      name: name of the system.
      d_prime: difference of the mean distances in units of the pooled standard deviation; None if neither kind varies.
      auc: area under the ROC curve.
      auc_interval: 95 % interval of the AUC, over samples of the identities; None if all samples agree.
      equal_error_rate: the rate at which FMR and FNMR are equal.
      threshold: distances below it are accepted; the mean over folds if each fold has its own, and None if there are no pairs to
        choose it on.
      accuracy: share of the pairs that are classified correctly at the threshold; None without a threshold.
      accuracy_interval: 95 % interval of the accuracy, for pairs that share identities; None without a threshold.
      curve: points (FMR, FNMR) of the DET curve, FMR rising, without rates of 0 and 1.
    """

    name: str
    d_prime: float | None
    auc: float
    auc_interval: Interval | None
    equal_error_rate: float
    threshold: float | None
    accuracy: float | None
    accuracy_interval: Interval | None
    curve: tuple[tuple[float, float], ...]


@dataclasses.dataclass(frozen=True)
class Member:
    """One member of a fused system.

    Attributes:
      scores: its separation by itself.
      weight: weight of its scores in the fusion.
      weight_share: weight times standard deviation of its scores, as a share of the sum over the members without regard to sign:
        weights of scores on different scales cannot be compared, shares can. Negative for a negative weight, and None if no
        weighted scores vary.
      d_prime_without: the d′ to which Gaussian scores of the other members would fuse: the nearer to that of all members, the
        less this one adds; None if there is no other member whose scores vary.
    """

    scores: SystemScores
    weight: float
    weight_share: float | None
    d_prime_without: float | None


@dataclasses.dataclass(frozen=True)
class GaussianFusion:
    """The best linear fusion of Gaussian scores with the members' means, variances and correlations.

    Attributes:
      d_prime: its d′, √(δᵀ Σ⁻¹ δ), for the differences δ of the mean distances and the pooled covariance Σ.
      auc: its area under the ROC curve, Φ(d′/√2).
      accuracy: its best accuracy on as many pairs of either kind, Φ(d′/2).
    """

    d_prime: float
    auc: float
    accuracy: float


@dataclasses.dataclass(frozen=True)
class MembersResult:
    """The evaluation of a fused system: its members, how alike they are, and the gain of the fusion.

    Attributes:
      list: name of the evaluated list.
      pairs: number of pairs.
      same_pairs: number of pairs that show one identity.
      chosen_on: name of the pairs on which each system's threshold was chosen; None if there are no thresholds.
      members: the members, in the order of the fusion.
      fused: the fused system.
      same_correlations: correlation (Pearson) of the members' scores within the same pairs.
      different_correlations: the same within the different pairs.
      pair_d_primes: the d′ to which Gaussian scores of two members would fuse; on the diagonal, that of one, |d′|.
      gaussian: what Gaussian scores of all members would fuse to; None if no member's scores vary.
      gains: fused system minus the best member by the same measure on these pairs: in accuracy if there are thresholds, and in
        AUC.
      resampled: the unit of the bootstrap: "identities", or "pairs" for a list without identities.
      resamples: number of resamples of the intervals of the gains.
    """

    list: str
    pairs: int
    same_pairs: int
    chosen_on: str | None
    members: tuple[Member, ...]
    fused: SystemScores
    same_correlations: Matrix
    different_correlations: Matrix
    pair_d_primes: Matrix
    gaussian: GaussianFusion | None
    gains: tuple[PairedDifference, ...]
    resampled: str
    resamples: int

    @property
    def systems(self) -> tuple[SystemScores, ...]:
        """The scores of the members, then of the fused system."""
        return (*(member.scores for member in self.members), self.fused)
