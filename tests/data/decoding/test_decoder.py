"""One decoder for many images: its state after one image never affects another."""

import struct
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lfw_jax.data.decoding import decoder as decoder_module
from lfw_jax.data.decoding.crop import CropGeometry
from lfw_jax.data.decoding.decoder import Decoder, Decoders, decode
from lfw_jax.data.decoding.image_headers import jpeg_preface
from tests.data.decoding.test_decoding import BAD, JPEG, picture, saved, turned


def directory_beyond(value: int) -> bytes:
    """Return a JPEG whose EXIF pointer leads past its pixels to an orientation."""
    segment = b"Exif\0\0II*\0" + struct.pack("<I", 20_000)
    start = JPEG[:2] + b"\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment + JPEG[2:]
    tiff = start.index(b"II*\0")
    directory = struct.pack("<HHHIHHI", 1, 0x0112, 3, 1, value, 0, 0)
    return start.ljust(tiff + 20_000, b"\0") + directory


GEOMETRIES = (CropGeometry(24, 0.8), CropGeometry(112, 0.544), CropGeometry(60), CropGeometry(24, 1.0, 4))
IMAGES = [
    *(saved(picture(seed=seed), "JPEG", quality=92) for seed in range(4)),
    saved(picture(seed=1), "JPEG", quality=92, optimize=True),
    saved(picture(seed=2), "JPEG", quality=92, progressive=True),
    saved(picture(seed=3).convert("L"), "JPEG", quality=92),
    saved(picture(60, 60), "JPEG", quality=92),
    saved(picture(600, 440), "JPEG", quality=92),
    turned(JPEG, 6),
    turned(JPEG, 3),
    turned(saved(picture(60, 60), "JPEG"), 5),
    *(directory_beyond(value) for value in (1, 6)),
    b"no preface of a JPEG",
    saved(picture(), "PNG"),
    saved(picture(120, 90), "GIF"),
    np.asarray(picture(130, 130)),
    *(encoded for encoded, _ in BAD.values()),
]


def result_of(decode_one: Callable[[np.ndarray], object], geometry: CropGeometry) -> np.ndarray | str:
    out = np.zeros((geometry.stored_side, geometry.stored_side, 3), np.uint8)
    try:
        decode_one(out)
    except OSError as error:
        return str(error)
    return out


@given(
    st.sampled_from(GEOMETRIES), st.lists(st.integers(0, len(IMAGES) - 1), min_size=2, max_size=12), st.integers(0, 3)
)
@settings(max_examples=200, deadline=None)
def test_an_image_is_the_same_after_whatever_came_before(geometry: CropGeometry, order: list[int], tries: int):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(decoder_module, "_TRIES", tries)
        decoder = Decoder(geometry)
        for index in order:
            image = IMAGES[index]
            again = result_of(lambda out, image=image: decoder(image, out), geometry)
            once = result_of(lambda out, image=image: decode(image, geometry, out), geometry)
            if isinstance(once, str):  # Pillow names an object by its address
                assert isinstance(again, str)
            else:
                np.testing.assert_array_equal(again, once)


def test_images_with_the_same_preface_have_their_header_read_once(monkeypatch: pytest.MonkeyPatch):
    asked = []

    def header(encoded: bytes) -> object:
        asked.append(encoded)
        return ask(encoded)

    ask = decoder_module.decode_jpeg_header
    monkeypatch.setattr(decoder_module, "decode_jpeg_header", header)
    decoder, out = Decoder(GEOMETRIES[0]), np.empty((24, 24, 3), np.uint8)
    for index in (0, 1, 2, 3, 8, 1, 2):
        decoder(IMAGES[index], out)
    assert asked == [IMAGES[0], IMAGES[8], IMAGES[1]]


def test_with_a_new_preface_in_every_image_the_attempts_end(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(decoder_module, "_TRIES", 3)
    tried = []
    monkeypatch.setattr(decoder_module, "jpeg_preface", lambda encoded: tried.append(encoded) or jpeg_preface(encoded))
    decoder, out = Decoder(GEOMETRIES[0]), np.empty((24, 24, 3), np.uint8)
    for quality in range(50, 60):
        decoder(saved(picture(), "JPEG", quality=quality), out)
    assert len(tried) == 3


def test_a_preface_ends_where_the_pixels_begin():
    preface = jpeg_preface(JPEG)
    assert preface is not None
    assert JPEG[len(preface) :].startswith(b"\xff\xda")
    thumbnail = b"Exif\0\0" + JPEG[:400] + b"\xff\xda"
    inside = JPEG[:2] + b"\xff\xe1" + (len(thumbnail) + 2).to_bytes(2, "big") + thumbnail + JPEG[2:]
    assert jpeg_preface(inside) == inside[: len(inside) - len(JPEG) + len(preface)]
    for cut in (*range(0, len(preface), 7), len(preface)):
        assert jpeg_preface(JPEG[:cut]) is None
    assert jpeg_preface(saved(picture(), "PNG")) is None


def test_a_preface_of_megabytes_is_not_retained():
    segment = b"\xff\xe2\xff\xff" + bytes(65533)
    with Decoders(GEOMETRIES[0]).lend() as decoder:
        decoder(JPEG[:2] + 80 * segment + JPEG[2:], np.empty((24, 24, 3), np.uint8))
        assert not vars(decoder)["_preface"]


def test_an_orientation_behind_the_pixels_is_ignored():
    np.testing.assert_array_equal(decode(directory_beyond(6), GEOMETRIES[0]), decode(JPEG, GEOMETRIES[0]))


def test_decoders_are_lent_to_one_thread_at_a_time_and_reused():
    decoders, seen = Decoders(GEOMETRIES[0]), set()

    def work(_: int) -> None:
        with decoders.lend() as decoder:
            assert not vars(decoder).get("lent")
            vars(decoder)["lent"] = True
            decoder(JPEG, np.empty((24, 24, 3), np.uint8))
            vars(decoder)["lent"] = False
            seen.add(id(decoder))

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(work, range(200)))
    assert 1 <= len(seen) <= 4


def test_memory_for_a_huge_image_is_not_retained():
    decoders = Decoders(GEOMETRIES[0])
    with decoders.lend() as first:
        first(saved(picture(2000, 1000), "JPEG"), np.empty((24, 24, 3), np.uint8))
        assert first.memory < 2**20  # it is shrunk while it is decoded
    with decoders.lend() as second:
        assert second is first
    wide = CropGeometry(700, 1.0)
    decoders = Decoders(wide)
    with decoders.lend() as first:
        first(saved(picture(6000, 700), "JPEG"), np.empty((700, 700, 3), np.uint8))
        assert first.memory == 6000 * 700 * 3
    with decoders.lend() as second:
        assert second is not first
