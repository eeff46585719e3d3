"""Alignment as an Apache Beam pipeline, for sets too large for one machine.

It needs `pip install lfw-jax[beam]`. By default, Beam's direct runner runs it on this machine.
`config.align.beam_options` selects another runner, with the options of Beam's command line. All workers use the same
paths, so that input and output must be on shared storage; images of a `.rec`, a `.bin` or an `.npz` are sent with
their task.
"""

import shlex
import shutil
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path

from lfw_jax.errors import UserError
from lfw_jax.faces.aligner import Aligner, Task, in_batches
from lfw_jax.faces.manifest import Row, format_row, parse_rows

_IMAGES_PER_PIPELINE = 65_536  # at most so many images are aligned again after a run was killed


def on_beam(
    align: Aligner, tasks: Iterable[Task], *, folder: Path, batch_size: int = 32, workers: int = 0, options: str = ""
) -> Iterator[list[Row]]:
    """Align tasks with Apache Beam.

    Args:
      align: the aligner; each worker gets a copy, which builds its own detector.
      tasks: the images.
      folder: the folder in which workers write their rows, to a hidden subfolder that is removed at the end.
      batch_size: images per batch.
      workers: threads of the direct runner; 0 for one per core.
      options: pipeline options as on a command line, such as "--runner=FlinkRunner --parallelism=64".

    Yields:
      The rows of each pipeline, in the order of its tasks, when all its crops are written.

    Raises:
      UserError: Beam is not installed.
    """
    try:
        import apache_beam as beam
        from apache_beam.io import WriteToText
        from apache_beam.options.pipeline_options import PipelineOptions
    except ModuleNotFoundError as error:
        raise UserError(
            f"--config.align.runner=beam needs the package apache-beam ({error}); install it with `pip install lfw-jax[beam]`."
        ) from error

    class Align(beam.DoFn):
        """Aligns a batch and returns its rows as lines of a manifest."""

        def process(self, batch: list[Task]) -> Iterator[str]:
            return iter([format_row(row) for row in align(batch)])

    local = ["--runner=DirectRunner", "--direct_running_mode=multi_threading", f"--direct_num_workers={workers}"]
    for some in in_batches(tasks, _IMAGES_PER_PIPELINE):
        lines = folder / f".beam-{uuid.uuid4().hex}"
        try:
            with beam.Pipeline(options=PipelineOptions(shlex.split(options) or local)) as pipeline:
                batches = pipeline | "Batches" >> beam.Create(list(in_batches(some, batch_size)))
                rows = batches | "Spread" >> beam.Reshuffle() | "Align" >> beam.ParDo(Align())
                _ = rows | "Rows" >> WriteToText(str(lines / "rows"))
            crops, unreadable = {}, {}
            for part in sorted(lines.iterdir()):
                for row in parse_rows(part, part.read_bytes()):  # one source may be listed twice
                    if row.file:
                        crops[row.file] = row
                    else:
                        unreadable[row.source] = row
        finally:
            shutil.rmtree(lines, ignore_errors=True)
        yield [crops[task.file] if task.file in crops else unreadable[task.source] for task in some]
