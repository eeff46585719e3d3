"""Multipart forms read into memory; size, number and names of parts are checked while they arrive."""

import asyncio
import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import ClientDisconnect, Request

from lfw_jax.serving.admission import Reservation
from lfw_jax.serving.limits import Limits
from lfw_jax.serving.refusal import RefusedError

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

_TEXT_BYTES = 256  # of a field that is not a photo
_OVERHEAD = 4096  # bytes of a part besides its content


@dataclasses.dataclass(frozen=True)
class Fields:
    """The fields of a form.

    Attributes:
      photos: the names of fields with photos, and the most photos under each name.
      texts: the names of the other fields.
    """

    photos: Mapping[str, int]
    texts: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, eq=False)
class Form:
    """The content of a form.

    Attributes:
      photos: the content of the files by the name of the field.
      texts: the other fields.
    """

    photos: Mapping[str, list[bytes]]
    texts: Mapping[str, str]


async def read_form(request: Request, fields: Fields, limits: Limits, reservation: Reservation) -> Form:
    """Read the form of a request into memory. Nothing of it is written to a file.

    Args:
      request: the request.
      fields: the expected fields.
      limits: the limits of the service.
      reservation: the memory of the request.

    Raises:
      RefusedError: the request is not a form, has other fields, is too large, or arrives too slowly.
    """
    kind, options = parse_options_header(request.headers.get("content-type"))
    if kind != b"multipart/form-data" or not options.get(b"boundary"):
        raise RefusedError(415, "not_a_form", "Send the photos as multipart/form-data with a boundary.")
    most = sum(fields.photos.values()) * (limits.photo_bytes + _OVERHEAD) + _OVERHEAD * (1 + len(fields.texts))
    parts = _Parts(fields, limits)
    size = 0
    try:
        parser = MultipartParser(options[b"boundary"], parts.callbacks())
        async with asyncio.timeout(limits.upload_seconds):
            async for chunk in request.stream():
                size += len(chunk)
                if size > most:
                    raise RefusedError(
                        413, "too_large", f"The request has more than {most:,} bytes, which is the limit."
                    )
                reservation.grow(len(chunk))
                parser.write(chunk)
        parser.finalize()
    except TimeoutError as error:
        seconds = f"{limits.upload_seconds:g} seconds"
        raise RefusedError(408, "too_slow", f"The request did not arrive within {seconds}. Send it again.") from error
    except FormParserError as error:
        raise RefusedError(400, "damaged_form", "The multipart form is damaged, or ends too early.") from error
    except ClientDisconnect as error:
        raise RefusedError(400, "disconnected", "The client closed the connection.") from error
    if not parts.ended:
        raise RefusedError(400, "damaged_form", "The multipart form is damaged, or ends too early.")
    return parts.form()


class _Parts:
    """The parts of a form while they arrive: callbacks of the parser."""

    def __init__(self, fields: Fields, limits: Limits):
        self._fields, self._limits = fields, limits
        self._photos: dict[str, list[bytearray]] = {}
        self._texts: dict[str, bytearray] = {}
        self._header, self._value, self._disposition = b"", b"", b""
        self._content, self._most, self._name = bytearray(), 0, ""
        self.ended = False

    def callbacks(self) -> "MultipartCallbacks":
        return {
            "on_part_begin": self._begin,
            "on_header_field": self._on_header_field,
            "on_header_value": self._on_header_value,
            "on_header_end": self._on_header_end,
            "on_headers_finished": self._start,
            "on_part_data": self._on_data,
            "on_end": self._end,
        }

    def form(self) -> Form:
        for name in self._fields.photos:
            if not self._photos.get(name):
                raise RefusedError(422, "missing_photo", f"Found no file in the field {name}; expected a photo.")
        try:
            texts = {name: text.decode("utf-8") for name, text in self._texts.items()}
        except UnicodeDecodeError as error:
            raise RefusedError(422, "wrong_value", "A field is not UTF-8; expected text.") from error
        return Form({name: list(map(bytes, files)) for name, files in self._photos.items()}, texts)

    def _begin(self) -> None:
        self._header, self._value, self._disposition = b"", b"", b""

    def _on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _on_header_end(self) -> None:
        if self._header.lower() == b"content-disposition":
            self._disposition = self._value
        self._header, self._value = b"", b""

    def _start(self) -> None:
        """Start a part whose headers are complete: find its place by its name."""
        self._name = parse_options_header(self._disposition)[1].get(b"name", b"").decode("utf-8", "replace")
        self._content = bytearray()
        if self._name in self._fields.photos:
            files, most = self._photos.setdefault(self._name, []), self._fields.photos[self._name]
            if len(files) >= most:
                wanted = "one photo" if most == 1 else f"at most {most} photos"
                raise RefusedError(413, "too_many_photos", f"The field {self._name} has more files; expected {wanted}.")
            files.append(self._content)
            self._most = self._limits.photo_bytes
        elif self._name in self._fields.texts:
            if self._name in self._texts:
                raise RefusedError(422, "wrong_value", f"The field {self._name} is given twice; expected it once.")
            self._texts[self._name] = self._content
            self._most = _TEXT_BYTES
        else:
            names = ", ".join([*self._fields.photos, *self._fields.texts])
            raise RefusedError(422, "unknown_field", f"Found a field of another name; expected {names}.")

    def _on_data(self, data: bytes, start: int, end: int) -> None:
        if len(self._content) + end - start > self._most:
            code = "too_large" if self._name in self._fields.photos else "wrong_value"
            limit = f"The field {self._name} has more than {self._most:,} bytes, which is the limit."
            raise RefusedError(413 if code == "too_large" else 422, code, limit)
        self._content += data[start:end]

    def _end(self) -> None:
        self.ended = True
