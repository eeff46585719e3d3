"""The evaluation of a system on the lists of a run, and its results."""

import traceback
from collections.abc import Callable, Mapping

from lfw_jax.data.protocols.evaluated_lists import EvaluatedList, lists_of_set, lists_of_split
from lfw_jax.errors import UserError
from lfw_jax.evaluation.embeddings import EmbeddedImages
from lfw_jax.evaluation.evaluated_split import EvaluatedSplit
from lfw_jax.evaluation.fusion.results import MembersResult
from lfw_jax.evaluation.run_metrics import RunMetrics
from lfw_jax.evaluation.scores import ScoredPairs
from lfw_jax.evaluation.verification import VerificationResult, verify, verify_folds, with_held_out_threshold
from lfw_jax.evaluation.with_intervals import with_intervals
from lfw_jax.inference.run_embedder import RunEmbedder
from lfw_jax.inference.scoring import embedded_images, score_embedded, score_raw_pixels
from lfw_jax.jobs.calibration import calibrated
from lfw_jax.jobs.identification import identify
from lfw_jax.jobs.results import Run, write_results
from lfw_jax.jobs.run_data import RunData
from lfw_jax.jobs.saved_model import SavedSystem, write_model_of
from lfw_jax.jobs.standard_output import Deliver
from lfw_jax.typed_json import to_json

MembersOf = Callable[[Mapping[str, ScoredPairs]], MembersResult]
"""Returns the evaluation of the members of a fused system, from its own scored pairs by their role."""


def evaluate_and_write(
    run: Run, embedder: RunEmbedder, deliver: Deliver, *, system: SavedSystem, members: MembersOf | None = None
) -> RunMetrics:
    """Evaluate a system on everything that a run is evaluated on, and write the results.

    Args:
      run: The run.
      embedder: What embeds the images.
      deliver: Takes the content of metrics.json.
      system: What embeds the images, for the model directory.
      members: Returns the evaluation of the members of a fused system, from the scored pairs by their role; None for others.

    Raises:
      UserError: If an evaluation set fails; it is reported after all other results are written.
    """
    data = run.data
    split = evaluate_split(data, embedder)
    split, calibration = calibrated(data, embedder, split, checkpoint=run.checkpoint, step=run.step)
    sets, set_scores, failed = evaluate_sets(data, embedder)
    identification = identify(data, embedder, split.images["test"])
    scores = {**split.scores, **set_scores}
    of_members = members(split.scores) if members else None
    metrics = write_results(run, split, scores, calibration, sets, failed, identification, of_members)
    write_model_of(run.workdir.path, system, data, split, metrics, calibration, run.system.objective)
    deliver(to_json(metrics))
    if failed := {**failed, **identification.failed}:
        raise UserError(
            f"--config.evaluation: {' '.join(f'{name} could not be evaluated: {why}' for name, why in failed.items())} All "
            "other results are written. Correct the set, and evaluate again with --mode=evaluate."
        )
    return metrics


def evaluate_split(run_data: RunData, embedder: RunEmbedder) -> EvaluatedSplit:
    """Evaluate the test pairs at thresholds chosen on the development pairs, or on the other folds.

    If the development pairs are not pairs of held-out identities, the test pairs are also evaluated at the threshold of
    the latter.

    Args:
      run_data: The pair lists and their images.
      embedder: What embeds the images.
    """
    split, geometry = run_data.split, run_data.data.geometry
    lists = lists_of_split(split)
    images = {role: _embedded(embedder, listed) for role, listed in lists.items()}
    scores = {role: score_embedded(listed.pairs, images[role]) for role, listed in lists.items()}
    pairs_of = [listed.pairs for role, listed in lists.items() if role != "held_out"]
    raw = [score_raw_pixels(geometry, pairs, run_data.pixels(pairs)) for pairs in pairs_of]
    result = _verify(scores["test"], scores.get("development"))
    if "held_out" in scores:
        result = with_held_out_threshold(result, scores["held_out"])
    result = with_intervals(result, development=scores.get("development"), held_out=scores.get("held_out"))
    return EvaluatedSplit(result, _verify(*raw), scores, images)


def evaluate_sets(
    run_data: RunData, embedder: RunEmbedder
) -> tuple[list[VerificationResult], dict[str, ScoredPairs], dict[str, str]]:
    """Evaluate each evaluation set at thresholds chosen on its development pairs or on its other folds.

    A set that fails costs no other result.

    Args:
      run_data: The evaluation sets and their images.
      embedder: What embeds the images.

    Returns:
      The results; the scored pairs of each set by their role, "sets/<name>", and "sets_development/<name>" for its own
      development pairs; and the reason for each set that failed, by its name.
    """
    results, scores, failed = [], {}, {}
    for item in run_data.evaluation_plan.sets:
        lists = lists_of_set(item)
        try:
            scored = [score_embedded(listed.pairs, _embedded(embedder, listed)) for listed in lists]
            results.append(with_intervals(_verify(*scored), development=scored[1] if len(scored) > 1 else None))
        except UserError as error:
            failed[item.name] = str(error)
        except Exception as error:  # whatever it is, a night of training must not end without its report
            traceback.print_exc()
            failed[item.name] = f"{type(error).__name__}: {error}."
        else:
            scores |= {listed.role: found for listed, found in zip(lists, scored, strict=True)}
    return results, scores, failed


def _embedded(embedder: RunEmbedder, listed: EvaluatedList) -> EmbeddedImages:
    return embedded_images(listed.pairs, embedder.embed_list(listed))


def _verify(test: ScoredPairs, development: ScoredPairs | None = None) -> VerificationResult:
    """Evaluate the test pairs at thresholds chosen on the development pairs, or on the other folds if there are none."""
    return verify_folds(test) if development is None else verify(test, development)
