"""A trained system as a service: the objects that its routes share."""

import asyncio
from typing import TypeVar

import numpy as np
from starlette.types import Receive

from lfw_jax.inference.model.face_verifier import FaceVerifier
from lfw_jax.inference.model.photos import FacePhoto
from lfw_jax.serving.admission import Admission
from lfw_jax.serving.engine import MOST_FACES, Engine, Work
from lfw_jax.serving.gallery import ServedGallery
from lfw_jax.serving.limits import Limits
from lfw_jax.serving.metrics import Metrics
from lfw_jax.serving.refusal import RefusedError, logged_fault
from lfw_jax.serving.tasks import Tasks

T = TypeVar("T")

_SMALLEST_BATCH = 2
_WARM_SIDE = 250


class Service:
    """A trained system as a service.

    Args:
      verifier: the trained system.
      fmr: the false match rate of decisions if a request names none.
      gallery: the gallery; None for none.
      limits: the limits.
      threads: the number of threads that find faces; 0 for one per core.

    Attributes:
      card: the card of the model.
      fmr: the false match rate of decisions if a request names none.
      gallery: the gallery; None for none.
      limits: the limits.
      metrics: the metrics.
      admission: the accepted requests.
      tasks: the work behind each route.

    Raises:
      UserError: the model's evaluation does not support the false match rate.
    """

    def __init__(
        self,
        verifier: FaceVerifier,
        *,
        fmr: float,
        gallery: ServedGallery | None = None,
        limits: Limits | None = None,
        threads: int = 0,
    ):
        verifier.operating_point(fmr)
        self.card, self.fmr, self.gallery = verifier.card, fmr, gallery
        self.limits, self.metrics = limits or Limits(), Metrics()
        self.admission = Admission(self.limits)
        self.tasks = Tasks(verifier, self.limits, self.metrics, gallery)
        self._verifier, self._engine = verifier, Engine(verifier.system, threads)

    async def run(self, work: Work[T], receive: Receive) -> T:
        """Return the answer of the work of a request.

        If its client goes away, work that is not begun is cancelled.

        Args:
          work: the work.
          receive: yields the parts of the request, of which all but the end of the connection are read.

        Raises:
          RefusedError: the photos do not permit an answer, the client is gone, or the service has a fault, which is logged
            without the photos.
        """
        future = self._engine.submit(work)
        answer, gone = asyncio.wrap_future(future), asyncio.create_task(_disconnected(receive))
        try:
            await asyncio.wait({answer, gone}, return_when=asyncio.FIRST_COMPLETED)
            if not future.done() and future.cancel():
                raise RefusedError(400, "disconnected", "The client closed the connection.")
            return await answer  # what is begun holds its photos until its end, and counts as long
        except RefusedError:
            raise
        except Exception as error:
            raise logged_fault(error) from error
        finally:
            gone.cancel()
            answer.cancel()
            del future, answer  # or the traceback of an error would hold them, and they the error

    def warm_up(self) -> None:
        """Compile what requests need, so that the first of them does not wait for it."""
        grey = np.full((_WARM_SIDE, _WARM_SIDE, 3), 128, np.uint8)
        if self._verifier.aligns:
            self._verifier.finder.detect([grey])
        face = self._verifier.system.prepare(FacePhoto(grey))
        for size in (_SMALLEST_BATCH, MOST_FACES):
            self._verifier.system.embed([face] * size)

    def start(self) -> None:
        """Start the threads."""
        self._engine.start()

    def close(self) -> None:
        """Finish the accepted work, and end the threads."""
        self._engine.close()


async def _disconnected(receive: Receive) -> None:
    """Wait until the client closes the connection."""
    while (await receive())["type"] != "http.disconnect":
        pass
