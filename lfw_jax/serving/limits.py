"""The limits of the service: sizes of uploads, numbers of requests, and memory."""

import dataclasses

FORMATS = ("JPEG", "PNG", "WEBP")
"""The accepted formats of photos, recognised by their content; Pillow's names."""


@dataclasses.dataclass(frozen=True)
class Limits:
    """The limits of the service.

    Attributes:
      photo_bytes: the largest upload of one photo.
      pixels: the most pixels of a photo. Detection needs about 150 bytes for each.
      photos: the most photos in one request.
      faces: the most faces in a photo.
      hits: the most hits of a search.
      requests_per_minute: the requests of one client in a minute on average, with bursts of as many; 0 for no limit.
      accepted: the most requests that are accepted and not answered yet. More are refused with 503.
      memory_bytes: the most bytes of uploads in memory, over all requests.
      head_seconds: the longest time from a connection to the end of a request's head; later the connection is closed.
      upload_seconds: the longest time that a client may take to send a request.
    """

    photo_bytes: int = 10 * 2**20
    pixels: int = 2**24
    photos: int = 16
    faces: int = 32
    hits: int = 50
    requests_per_minute: int = 600
    accepted: int = 128
    memory_bytes: int = 256 * 2**20
    head_seconds: float = 10.0
    upload_seconds: float = 30.0
