"""The work of the service, in threads: some find faces, one embeds them, and others answer."""

import dataclasses
import os
import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any, Generic, TypeVar

import numpy as np
from jaxtyping import Float

from lfw_jax.inference.model.systems import FaceEmbedder, Prepared

T = TypeVar("T")

MOST_FACES = 8
"""The most faces that are embedded together. On a CPU, more of them take as much longer."""

_MOST_THREADS = 8


@dataclasses.dataclass(frozen=True, eq=False)
class Work(Generic[T]):
    """The work of one request.

    Attributes:
      prepare: decodes the photos, finds their faces, and returns those to embed; none if there is nothing to embed.
      finish: makes the answer of the raw embedding of each of them.
    """

    prepare: Callable[[], Sequence[Prepared]]
    finish: Callable[[Float[np.ndarray, "faces dim"]], T]


@dataclasses.dataclass(frozen=True, eq=False)
class _Ready:
    """A request whose faces are prepared."""

    faces: Sequence[Prepared]
    finish: Callable[[Float[np.ndarray, "faces dim"]], Any]
    future: Future[Any]


class Engine:
    """Does the work of requests in the order of their arrival.

    Each request is prepared by one of several threads. Another thread embeds whatever is prepared, up to `MOST_FACES` at
    once, so that few sizes of batches are compiled. Further threads make the answers, so that pictures delay no embedding. The
    queues hold what the admission of the service lets in, and no more.

    Args:
      system: what embeds faces.
      threads: the number of threads that prepare, and of those that answer; 0 for one per core.
    """

    def __init__(self, system: FaceEmbedder, threads: int = 0):
        self._system = system
        self._count = threads or min(os.cpu_count() or 1, _MOST_THREADS)
        self._arrived: queue.SimpleQueue[tuple[Work[Any], Future[Any]] | None] = queue.SimpleQueue()
        self._prepared: queue.SimpleQueue[_Ready | None] = queue.SimpleQueue()
        self._embedded: queue.SimpleQueue[tuple[_Ready, Float[np.ndarray, "faces dim"]] | None] = queue.SimpleQueue()
        self._preparing: list[threading.Thread] = []
        self._answering: list[threading.Thread] = []
        self._embedding: threading.Thread | None = None

    def start(self) -> None:
        """Start the threads."""
        self._preparing, self._answering = (
            [threading.Thread(target=target, name=f"{name}-{number}", daemon=True) for number in range(self._count)]
            for target, name in ((self._prepare, "prepare"), (self._finish, "finish"))
        )
        self._embedding = threading.Thread(target=self._embed, name="embed", daemon=True)
        for thread in (*self._preparing, self._embedding, *self._answering):
            thread.start()

    def submit(self, work: Work[T]) -> "Future[T]":
        """Queue the work of a request, and return its answer to be.

        Args:
          work: the work.

        Raises:
          RuntimeError: the threads are not started.
        """
        if self._embedding is None:
            raise RuntimeError("the engine is not started")
        future: Future[T] = Future()
        self._arrived.put((work, future))
        return future

    def close(self) -> None:
        """Finish what is queued, and end the threads."""
        if self._embedding is None:
            return
        for _ in self._preparing:
            self._arrived.put(None)
        for thread in self._preparing:
            thread.join()
        self._prepared.put(None)
        self._embedding.join()
        for _ in self._answering:
            self._embedded.put(None)
        for thread in self._answering:
            thread.join()
        self._preparing, self._embedding, self._answering = [], None, []

    def _prepare(self) -> None:
        while self._prepare_next():
            pass

    def _prepare_next(self) -> bool:
        """Prepare the next request, and return false at the end.

        It is a function of its own so that a waiting thread holds nothing of the photos of the request before.
        """
        arrived = self._arrived.get()
        if arrived is None:
            return False
        work, future = arrived
        try:
            if not future.set_running_or_notify_cancel():
                return True
            if faces := work.prepare():
                self._prepared.put(_Ready(faces, work.finish, future))
            else:
                future.set_result(work.finish(np.zeros((0, 0), np.float32)))
        except BaseException as error:
            future.set_exception(error)
        finally:
            del arrived, work, future  # or the traceback of an error would hold them, and they the error
        return True

    def _embed(self) -> None:
        while together := self._gather():
            self._embed_together(together)

    def _gather(self) -> list[_Ready]:
        """Return the next requests, to embed together; none at the end."""
        first = self._prepared.get()
        together = [] if first is None else [first]
        while 0 < sum(len(ready.faces) for ready in together) < MOST_FACES and not self._prepared.empty():
            following = self._prepared.get()  # no other thread takes from this queue
            if following is None:
                self._prepared.put(None)
                break
            together.append(following)
        return together

    def _embed_together(self, together: list[_Ready]) -> None:
        """Embed the faces of requests, and hand them on. A fault fails only the request whose faces raise it alone.

        At the end the list is empty, so that nothing refers to the requests any more.
        """
        try:
            embeddings = embed_in_parts(self._system, [face for ready in together for face in ready.faces])
        except BaseException as error:
            if len(together) == 1:
                together.pop().future.set_exception(error)
        else:
            start = 0
            while together:
                own = embeddings[start : start + len(together[0].faces)]
                start += len(own)
                self._embedded.put((together.pop(0), own))
        while together:  # several, of which one has a fault
            self._embed_together([together.pop(0)])

    def _finish(self) -> None:
        while self._finish_next():
            pass

    def _finish_next(self) -> bool:
        """Answer the next request whose faces are embedded, and return false at the end."""
        embedded = self._embedded.get()
        if embedded is None:
            return False
        ready, embeddings = embedded
        try:
            ready.future.set_result(ready.finish(embeddings))
        except BaseException as error:
            ready.future.set_exception(error)
        finally:
            del embedded, ready  # as above
        return True


def embed_in_parts(system: FaceEmbedder, faces: Sequence[Prepared]) -> Float[np.ndarray, "faces dim"]:
    """Return the raw embedding of each face, a few faces at a time.

    Args:
      system: what embeds faces.
      faces: prepared faces, at least one.
    """
    starts = range(0, len(faces), MOST_FACES)
    return np.concatenate([system.embed(faces[start : start + MOST_FACES]) for start in starts])
