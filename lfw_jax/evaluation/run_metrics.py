"""The content of `metrics.json`: the metrics of a run, and the data to interpret and reproduce them."""

import dataclasses
from collections.abc import Mapping

from lfw_jax.evaluation.calibration.results import CalibrationResult, ScoreNormalisationResult
from lfw_jax.evaluation.diagnosis.results import DiagnosisResult
from lfw_jax.evaluation.fusion.results import MembersResult
from lfw_jax.evaluation.identification.results import IdentificationResult
from lfw_jax.evaluation.rate_results import AcquisitionResult, AllPairsResult
from lfw_jax.evaluation.results import ListResult

SCHEMA = 1
"""Version of the layout of `metrics.json`; it changes whenever a key is removed or redefined, or one without a default is added.

A key with a default, such as `failed_sets`, is absent while it holds it, so that files written before it existed stay valid."""


@dataclasses.dataclass(frozen=True)
class Protocol:
    """The protocol of an evaluation.

    Attributes:
      name: value of `config.data.protocol`.
      fold: View 2 only: the evaluated fold, from 1; 0 for all folds with one model.
      folds: View 2 only: the number of folds.
    """

    name: str
    fold: int | None = None
    folds: int | None = None


@dataclasses.dataclass(frozen=True)
class Views:
    """The test-time augmentation of an evaluation.

    Attributes:
      flip: true if the embedding of the mirror image is added.
      shift: offset in pixels of four additional, shifted crops; 0 for none.
    """

    flip: bool
    shift: int


@dataclasses.dataclass(frozen=True)
class RunMetrics:
    """The metrics of a run. The fields, in order, are the keys of `metrics.json`.

    Attributes:
      schema: version of the layout, `SCHEMA`.
      config: name of the configuration.
      command: command line that reproduces the run.
      seed: seed of the configuration.
      checkpoint: the evaluated checkpoint, "best" or "last".
      step: step of that checkpoint; 0 if nothing was trained step by step, as for descriptors and fused members.
      images_per_second: median training throughput; None if it was not measured.
      training_seconds: duration of the training.
      protocol: the protocol of the evaluation.
      views: the test-time augmentation.
      evaluation: the result of the embeddings, by the name of the test list.
      raw_pixels: the result of the raw pixels on the same list, as a baseline.
      sets: the results on evaluation sets, by their names.
      leaking: for each evaluation set, the number of its identities in the training set; sets without any are absent.
      notes: remarks on exclusions and their reasons, and on changes with which the training was resumed.
      environment: machine and package versions.
      failed_sets: the reason for each evaluation set that could not be evaluated, by its name.
      all_pairs: the error rates of all pairs of the test images; None if their identities are unknown.
      acquisition: the failures to acquire among the test images; None if faces were not detected.
      identification: identification and retrieval among the images of the test list; None if their identities are unknown, or
        fewer than two have two images.
      identification_sets: the results of identification protocols, by their names.
      parameters: number of parameters of the network; None in files written before they were counted.
      calibration: the calibration of the distances, and thresholds for false match rates.
      score_normalisation: AS-norm on the test pairs; None if `config.evaluation.cohort` is 0.
      diagnosis: the reasons behind the metrics of the test list; None in files of earlier versions.
      members: the members of a fused system on the test list, and the gain of their fusion; None for a single system.
      category: LFW's category of the run, by the data from outside LFW that contributed to it; None for other protocols than
        LFW's views, and in files of earlier versions.
    """

    schema: int
    config: str
    command: str
    seed: int
    checkpoint: str
    step: int
    images_per_second: float | None
    training_seconds: float
    protocol: Protocol
    views: Views
    evaluation: Mapping[str, ListResult]
    raw_pixels: Mapping[str, ListResult]
    sets: Mapping[str, ListResult]
    leaking: Mapping[str, int]
    notes: tuple[str, ...]
    environment: Mapping[str, str]
    failed_sets: Mapping[str, str] = dataclasses.field(default_factory=dict)
    all_pairs: AllPairsResult | None = None
    acquisition: AcquisitionResult | None = None
    identification: IdentificationResult | None = None
    identification_sets: Mapping[str, IdentificationResult] = dataclasses.field(default_factory=dict)
    parameters: int | None = None
    calibration: CalibrationResult | None = None
    score_normalisation: ScoreNormalisationResult | None = None
    diagnosis: DiagnosisResult | None = None
    members: MembersResult | None = None
    category: str | None = None

    @property
    def identified(self) -> tuple[IdentificationResult, ...]:
        """All results of identification: of the test images, then of the protocols."""
        own = () if self.identification is None else (self.identification,)
        return (*own, *self.identification_sets.values())

    @property
    def test(self) -> ListResult:
        """The result of the embeddings on the test list."""
        return next(iter(self.evaluation.values()))

    @property
    def baseline(self) -> ListResult:
        """The result of the raw pixels on the test list."""
        return next(iter(self.raw_pixels.values()))
