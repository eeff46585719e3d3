"""Metrics of the service for Prometheus: requests, latency, faces and refusals; nothing of a photo."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Metrics:
    """The metrics of one service, in a registry of their own.

    Attributes:
      requests: answered requests by route and status.
      latency: seconds from the first byte of a request to its answer, by route.
      faces: faces that were found in photos.
      refused: refused requests by code.
      in_flight: requests that are not answered yet.
    """

    def __init__(self):
        registry = CollectorRegistry()
        self.requests = Counter("lfw_jax_requests", "Answered requests.", ["route", "status"], registry=registry)
        self.latency = Histogram(
            "lfw_jax_request_seconds", "Seconds until the answer.", ["route"], buckets=_SECONDS, registry=registry
        )
        self.faces = Counter("lfw_jax_faces", "Faces that were found in photos.", registry=registry)
        self.refused = Counter("lfw_jax_refused", "Refused requests.", ["code"], registry=registry)
        self.in_flight = Gauge("lfw_jax_in_flight", "Requests that are not answered yet.", registry=registry)
        self._registry = registry

    def text(self) -> bytes:
        """Return all metrics in the text format of Prometheus."""
        return generate_latest(self._registry)

    def totals(self) -> dict[str, int]:
        """Return the numbers of answered and of refused requests, and of faces."""
        counts = {"answered": 0, "refused": 0, "faces": 0}
        for family in self._registry.collect():
            for sample in family.samples:
                name = sample.name.removeprefix("lfw_jax_").removesuffix("_total")
                name = "answered" if name == "requests" else name
                if name in counts and sample.name.endswith("_total"):
                    counts[name] += int(sample.value)
        counts["answered"] -= counts["refused"]
        return counts
