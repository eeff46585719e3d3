"""TensorBoard's web application within the process, asked over its own HTTP interface."""

import json
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest import mock

from werkzeug.test import Client


class TensorBoardClient:
    """A client of TensorBoard's application on a folder of logs, which is read whenever it is asked to.

    Args:
      logdir: the folder, as given to `tensorboard --logdir`.
    """

    def __init__(self, logdir: Path):
        application, self._multiplexer = _application(logdir)
        self._logdir = logdir
        self.reload()
        self._client = Client(application)

    def reload(self) -> None:
        """Read what was written since, as TensorBoard does every few seconds."""
        self._multiplexer.AddRunsFromDirectory(str(self._logdir))
        self._multiplexer.Reload()

    def content(self, path: str, **query: Any) -> bytes:
        """Return the content of an address below `/data/plugin/`."""
        response = self._client.get(f"/data/plugin/{path}", query_string=query or None)
        assert response.status_code == 200, f"{path}: {response.status} {response.text}"
        return response.data

    def json(self, path: str, *, body: dict[str, Any] | None = None, **query: Any) -> Any:
        """Return the JSON of an address below `/data/plugin/`; a body is posted."""
        if body is None:
            return json.loads(self.content(path, **query))
        response = self._client.post(f"/data/plugin/{path}", json=body)
        assert response.status_code == 200, f"{path}: {response.status} {response.text}"
        return json.loads(response.data)


def _application(logdir: Path) -> tuple[Any, Any]:
    """Return the application of a folder, and the part of it that reads event files."""
    # TensorBoard is imported here, after the choice between TensorFlow and its own stand-in was made.
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "html5lib's sanitizer is deprecated", DeprecationWarning)  # TensorBoard's own
        from tensorboard.backend.application import TensorBoardWSGIApp
        from tensorboard.backend.event_processing.data_ingester import LocalDataIngester
        from tensorboard.plugins.core.core_plugin import CorePluginLoader
        from tensorboard.plugins.histogram.histograms_plugin import HistogramsPlugin
        from tensorboard.plugins.hparams.hparams_plugin import HParamsPlugin
        from tensorboard.plugins.image.images_plugin import ImagesPlugin
        from tensorboard.plugins.pr_curve.pr_curves_plugin import PrCurvesPlugin
        from tensorboard.plugins.projector.projector_plugin import ProjectorPlugin
        from tensorboard.plugins.scalar.scalars_plugin import ScalarsPlugin
        from tensorboard.plugins.text.text_plugin import TextPlugin
        from tensorboard.program import TensorBoard

    plugins = [
        CorePluginLoader(), HistogramsPlugin, HParamsPlugin, ImagesPlugin, PrCurvesPlugin, ProjectorPlugin,
        ScalarsPlugin, TextPlugin,
    ]  # fmt: skip
    program = TensorBoard(plugins=plugins)
    program.configure(("tensorboard", "--logdir", str(logdir), "--samples_per_plugin", "images=100"))
    ingester = LocalDataIngester(program.flags)
    application = TensorBoardWSGIApp(program.flags, program.plugin_loaders, ingester.data_provider)
    return application, ingester.deprecated_multiplexer


@contextmanager
def without_tensorflow() -> Iterator[None]:
    """Make TensorBoard use its stand-in for TensorFlow, whose import takes 20 seconds."""
    with mock.patch.dict(sys.modules, {"tensorboard.compat.notf": ModuleType("notf")}):
        yield
