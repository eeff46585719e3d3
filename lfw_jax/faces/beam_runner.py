"""The same work as an Apache Beam pipeline, for sets that outgrow one machine: `pip install lfw-jax[beam]`.

Without options it runs on this machine, by Beam's own direct runner; `config.align.beam_options` names another, with its
options as Beam writes them. Workers elsewhere read and write the same paths, so that input and output lie on storage they
share; images of a `.rec`, a `.bin` or an `.npz` travel with their task.
"""

import shlex
import shutil
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path

from lfw_jax.errors import UserError
from lfw_jax.faces.aligner import Aligner, Task, in_batches
from lfw_jax.faces.manifest import Row, format_row, parse_rows

_IMAGES_A_PIPELINE = 65_536  # what a killed run may have to do again


def on_beam(
    align: Aligner, tasks: Iterable[Task], *, folder: Path, batch_size: int = 32, workers: int = 0, options: str = ""
) -> Iterator[list[Row]]:
    """The rows of each pipeline, in the order of its tasks, when all its crops are on disk.

    Args:
      align: does the work; each worker gets a copy, and makes a detector of its own.
      tasks: the images, in the order wanted.
      folder: where workers put their rows, in a hidden folder that is removed.
      batch_size: images a batch.
      workers: threads of the direct runner; 0 is one a core.
      options: of the pipeline, as on a command line, such as "--runner=FlinkRunner --parallelism=64".

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
        """Rows of a batch, as lines of a manifest."""

        def process(self, batch: list[Task]) -> Iterator[str]:
            return iter([format_row(row) for row in align(batch)])

    local = ["--runner=DirectRunner", "--direct_running_mode=multi_threading", f"--direct_num_workers={workers}"]
    for some in in_batches(tasks, _IMAGES_A_PIPELINE):
        lines = folder / f".beam-{uuid.uuid4().hex}"
        try:
            with beam.Pipeline(options=PipelineOptions(shlex.split(options) or local)) as pipeline:
                batches = pipeline | "Batches" >> beam.Create(list(in_batches(some, batch_size)))
                rows = batches | "Spread" >> beam.Reshuffle() | "Align" >> beam.ParDo(Align())
                _ = rows | "Rows" >> WriteToText(str(lines / "rows"))
            parts = (parse_rows(part, part.read_bytes()) for part in sorted(lines.iterdir()))
            found = {row.file or row.source: row for rows in parts for row in rows}  # one source may be listed twice
        finally:
            shutil.rmtree(lines, ignore_errors=True)
        yield [found[task.file] if task.file in found else found[task.source] for task in some]
