"""Refusals: the one shape of all errors of the service."""

import json
import logging
import traceback
from collections.abc import Mapping


class RefusedError(Exception):
    """A request that the service does not answer, with the reason for the client.

    Args:
      status: the HTTP status.
      code: the reason as one word, which programs may test.
      message: the reason as a sentence.
      headers: further headers, such as Retry-After.

    Attributes:
      status: the HTTP status.
      code: the reason as one word.
      message: the reason as a sentence.
      headers: further headers.
    """

    def __init__(self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None):
        super().__init__(message)
        self.status, self.code, self.message = status, code, message
        self.headers = dict(headers or {})

    def body(self) -> bytes:
        """Return the JSON document of the refusal."""
        return json.dumps({"error": {"code": self.code, "message": self.message}}).encode("utf-8")


def logged_fault(error: BaseException) -> RefusedError:
    """Log a fault of the service, and return its refusal.

    The text of an exception may hold values of a photo, so only its kind and its place are logged.

    Args:
      error: the fault.
    """
    places = "".join(traceback.format_tb(error.__traceback__))
    logging.getLogger(__name__).error("a request failed: %s\n%s", type(error).__name__, places)
    return RefusedError(500, "internal", "The service has a fault, which its log states.")
