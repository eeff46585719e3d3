"""Decoding of image files: the right pixels, or a reason for the failure."""

import io
import os
import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from lfw_jax.data.decoding import validity
from lfw_jax.data.decoding.crop import CropGeometry
from lfw_jax.data.decoding.decoder import decode
from lfw_jax.data.decoding.file_formats import FORMATS
from lfw_jax.data.decoding.image_headers import MOST_PIXELS, read_header
from lfw_jax.data.decoding.validity import fault
from lfw_jax.data.decoding.whole import decode_whole

GEOMETRY = CropGeometry(24, 0.8)


def picture(width: int = 250, height: int = 250, seed: int = 0) -> Image.Image:
    """Return smooth noise, which JPEG compression and resizing preserve."""
    small = np.random.default_rng(seed).integers(0, 256, (5, 5, 3), np.uint8)
    return Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC)


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def antialiased(image: Image.Image, geometry: CropGeometry) -> np.ndarray:
    top, left, side = geometry.box(image.height, image.width)
    box = (left, top, left + side, top + side)
    inside = np.asarray(image.resize((geometry.filled_side,) * 2, Image.Resampling.BILINEAR, box=box)).astype(int)
    missing = (geometry.stored_side - geometry.filled_side) // 2
    return np.pad(inside, ((missing, missing), (missing, missing), (0, 0)), mode="edge")


def header_of_png(width: int, height: int) -> bytes:
    """Return the start of a PNG that claims a size but has almost no data."""
    chunks = b""
    for kind, content in (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)), (b"IDAT", zlib.compress(bytes(1000))), (b"IEND", b""),
    ):  # fmt: skip
        chunks += struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
    return b"\x89PNG\r\n\x1a\n" + chunks


def with_jpeg_size(encoded: bytes, width: int, height: int) -> bytes:
    place = encoded.index(b"\xff\xc0")
    return encoded[: place + 5] + struct.pack(">HH", height, width) + encoded[place + 9 :]


def turned(encoded: bytes, value: int, order: str = "<") -> bytes:
    """Return a JPEG with an EXIF orientation."""
    tiff = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}IHHHIHHI", 8, 1, 0x0112, 3, 1, value, 0, 0)
    segment = b"Exif\0\0" + tiff
    return encoded[:2] + b"\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment + encoded[2:]


JPEG = saved(picture(), "JPEG", quality=92)
SEVERAL = dict(save_all=True, append_images=[picture(seed=1), picture(seed=2)])


@pytest.mark.parametrize("side", [16, 24, 31, 40, 56, 62, 100, 112, 125, 160, 200, 300])
@pytest.mark.parametrize("crop", [0.544, 1.0])
def test_a_jpeg_shrunk_while_decoding_looks_like_one_decoded_in_full_and_antialiased(side: int, crop: float):
    geometry = CropGeometry(side, crop)
    found = decode(JPEG, geometry).astype(int)
    expected = antialiased(Image.open(io.BytesIO(JPEG)), geometry)
    assert np.abs(found - expected).mean() < 1.5
    assert np.abs(found - expected).max() < 24


@pytest.mark.parametrize("side", [20, 40, 56, 80, 112, 125])
def test_scaled_decoding_is_as_accurate_on_real_faces(side: int, lfw_dir: Path):
    files = sorted(lfw_dir.glob("A*/*.jpg"))[::40][:10]
    geometry = CropGeometry(side, 0.544)
    found = np.stack([decode(file, geometry) for file in files]).astype(int)
    expected = np.stack([antialiased(Image.open(file), geometry) for file in files])
    assert np.abs(found - expected).mean() < 1.2
    # Plain subsampling deviates more.
    steps = [CropGeometry(side, 0.544).box(250, 250)] * len(files)
    sampled = [
        np.asarray(Image.open(f))[t + np.arange(side) * s // side][:, left + np.arange(side) * s // side]
        for f, (t, left, s) in zip(files, steps, strict=True)
    ]
    assert np.abs(found - expected).mean() < 0.5 * np.abs(np.stack(sampled).astype(int) - expected).mean()


@given(
    st.integers(24, 300),
    st.integers(24, 300),
    st.integers(8, 64),
    st.floats(0.3, 1.0),
    st.sampled_from(["JPEG", "PNG"]),
)
@settings(max_examples=60)
def test_every_shape_crop_and_size_has_the_same_crop_geometry(
    width: int, height: int, side: int, crop: float, kind: str
):
    encoded = saved(picture(width, height), kind, **({"quality": 95, "subsampling": 0} if kind == "JPEG" else {}))
    geometry = CropGeometry(side, crop, margin=2)
    found = decode(encoded, geometry)
    assert found.shape == (side + 4, side + 4, 3)
    assert np.abs(found.astype(int) - antialiased(Image.open(io.BytesIO(encoded)), geometry)).mean() < 4


def test_an_image_of_the_right_size_is_not_changed():
    whole = np.asarray(Image.open(io.BytesIO(JPEG)))
    for image in (JPEG, whole):
        np.testing.assert_array_equal(decode(image, CropGeometry(250)), whole)


def test_the_output_array_is_filled(tmp_path: Path):
    file = tmp_path / "a.jpg"
    file.write_bytes(JPEG)
    batch = np.zeros((3, 24, 24, 3), np.uint8)
    assert decode(file, GEOMETRY, batch[1]) is not None
    np.testing.assert_array_equal(batch[1], decode(JPEG, GEOMETRY))
    assert not batch[[0, 2]].any()


@pytest.mark.parametrize("value", range(1, 9))
@pytest.mark.parametrize("order", ["<", ">"])
def test_the_exif_orientation_is_applied(value: int, order: str):
    encoded = turned(saved(picture(), "JPEG", quality=95), value, order)
    upright = ImageOps.exif_transpose(Image.open(io.BytesIO(encoded)))
    assert np.abs(decode(encoded, GEOMETRY).astype(int) - antialiased(upright, GEOMETRY)).mean() < 1.5
    assert fault(encoded) is None


WITH_EXIF = ["PNG", "WEBP", "TIFF", *(["AVIF"] if "AVIF" in FORMATS else [])]


@pytest.mark.parametrize("value", range(1, 9))
@pytest.mark.parametrize("kind", WITH_EXIF)
def test_the_exif_orientation_is_applied_in_every_format_that_has_it(value: int, kind: str, tmp_path: Path):
    exif = Image.Exif()
    exif[0x0112] = value
    encoded = saved(picture(200, 160), kind, exif=exif, **({"lossless": True} if kind == "WEBP" else {}))
    assert fault(encoded) is None
    upright = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(encoded))))
    whole = decode_whole(encoded)
    np.testing.assert_array_equal(whole, upright)
    assert whole.shape[:2] == ((160, 200) if value < 5 else (200, 160))
    (tmp_path / "misnamed.jpg").write_bytes(encoded)
    found = decode(tmp_path / "misnamed.jpg", GEOMETRY).astype(int)
    assert np.abs(found - antialiased(Image.fromarray(upright), GEOMETRY)).mean() < 1.5


@pytest.mark.skipif("AVIF" not in FORMATS, reason="this Pillow is built without AVIF")
def test_an_avif_is_read_and_its_size_checked_before_it_is_decoded():
    encoded = saved(picture(200, 160), "AVIF", quality=95)
    assert fault(encoded) is None
    assert np.abs(decode(encoded, GEOMETRY).astype(int) - antialiased(picture(200, 160), GEOMETRY)).mean() < 2.5
    place = encoded.index(b"ispe") + 8
    bomb = encoded[:place] + struct.pack(">II", 60_000, 50_000) + encoded[place + 8 :]
    assert str(fault(bomb)).startswith("unreadable (60,000×50,000 pixels")
    assert fault(saved(picture(), "AVIF", **SEVERAL)) == "an animated AVIF, expected a still image"


def test_a_format_that_this_pillow_was_built_without_is_refused_with_the_version_that_has_it(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(validity, "FORMATS", ("JPEG", "PNG"))
    reason = fault(b"\0\0\0\x1cftypavif\0\0\0\0avifmif1miaf" + bytes(100))
    assert str(reason).startswith("an AVIF file, expected JPEG")
    assert "is installed without AVIF, which Pillow 11.3 and newer read" in str(reason)


@pytest.mark.parametrize("damage", [b"Exif\0\0II", b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0XX*\0\x08\0\0\0"])
def test_invalid_exif_is_ignored(damage: bytes):
    spoilt = JPEG[:2] + b"\xff\xe1" + struct.pack(">H", len(damage) + 2) + damage + JPEG[2:]
    np.testing.assert_array_equal(decode(spoilt, GEOMETRY), decode(JPEG, GEOMETRY))


GREY = picture().convert("L")
GREY_16 = Image.fromarray(np.asarray(GREY).astype(np.uint16) * 257)


@pytest.mark.parametrize(
    ("encoded", "like"),
    [
        (saved(GREY, "JPEG", quality=95), GREY.convert("RGB")),
        (saved(GREY, "PNG"), GREY.convert("RGB")),
        (saved(GREY_16, "PNG"), GREY.convert("RGB")),
        (saved(GREY.convert("LA"), "PNG"), GREY.convert("RGB")),
        (saved(picture().convert("P"), "PNG"), picture().convert("P").convert("RGB")),
        (saved(picture().convert("P"), "PNG", transparency=bytes(range(256))), picture().convert("P").convert("RGB")),
        (saved(picture().convert("P"), "GIF", transparency=7), picture().convert("P").convert("RGB")),
        (saved(picture().convert("RGBA"), "PNG"), picture()),
        (saved(picture().convert("1"), "PNG"), picture().convert("1").convert("RGB")),
        (saved(picture(), "BMP"), picture()),
        (saved(picture(), "JPEG", progressive=True, quality=95), picture()),
        (saved(picture(), "JPEG", quality=95, subsampling=0) + b"something else" * 20, picture()),
        (saved(picture(), "MPO", quality=95, save_all=True, append_images=[picture(seed=4)]), picture()),
        (saved(GREY, "PPM"), GREY.convert("RGB")),
        (saved(picture(), "PPM"), picture()),
        (saved(picture().convert("1"), "PPM"), picture().convert("1").convert("RGB")),
        (b"P5\n# a comment\n250 250\n65535\n" + np.asarray(GREY_16, ">u2").tobytes(), GREY.convert("RGB")),
        (b"P2 250 250 255\n" + " ".join(map(str, np.asarray(GREY).ravel())).encode(), GREY.convert("RGB")),
        (saved(picture(), "WEBP", quality=98), picture()),
        (saved(picture().convert("RGBA"), "WEBP", lossless=True), picture()),
        (saved(picture(), "TIFF"), picture()),
        (saved(picture(), "TIFF", compression="tiff_lzw"), picture()),
        (saved(GREY_16, "TIFF"), GREY.convert("RGB")),
        (saved(picture().convert("P"), "TIFF"), picture().convert("P").convert("RGB")),
    ],
    ids=["grey JPEG", "grey PNG", "16-bit PNG", "grey with alpha", "palette", "palette with alpha", "transparent GIF",
         "alpha", "black and white", "BMP", "progressive", "something behind it", "two pictures of a phone",
         "PGM", "PPM", "PBM", "16-bit PGM", "PGM in text", "WebP", "WebP with alpha", "TIFF", "packed TIFF", "16-bit TIFF",
         "TIFF palette"],
)  # fmt: skip
def test_unusual_images_are_decoded_correctly(encoded: bytes, like: Image.Image):
    assert fault(encoded) is None
    assert np.abs(decode(encoded, GEOMETRY).astype(int) - antialiased(like, GEOMETRY)).mean() < 2.5


def bits_12() -> bytes:
    place = JPEG.index(b"\xff\xc0") + 4
    return JPEG[:place] + b"\x0c" + JPEG[place + 1 :]


BAD = {
    "cut in half": (JPEG[: len(JPEG) // 2], "a JPEG that is cut off before its end"),
    "cut in its header": (JPEG[:40], "a JPEG that is cut off before its end"),
    "1×1": (saved(picture(1, 1), "PNG"), "1×1 pixels, expected at least 8 each way"),
    "a line": (saved(picture(400, 2), "JPEG"), "400×2 pixels, expected at least 8 each way"),
    "CMYK": (saved(picture().convert("CMYK"), "JPEG"), "a JPEG in CMYK, expected RGB or grey"),
    "12 bits": (bits_12(), "a JPEG of 12 bits per channel, expected 8"),
    "animated GIF": (saved(picture().convert("P"), "GIF", **SEVERAL), "an animated GIF, expected a still image"),
    "animated PNG": (saved(picture(), "PNG", **SEVERAL), "an animated PNG, expected a still image"),
    "animated WebP": (saved(picture(), "WEBP", **SEVERAL), "an animated WEBP, expected a still image"),
    "several pages": (saved(picture(), "TIFF", **SEVERAL), "a TIFF of several pages, expected one image"),
    "CMYK TIFF": (saved(picture().convert("CMYK"), "TIFF"), "unreadable (a TIFF in CMYK, expected RGB or grey"),
    "float TIFF": (saved(picture().convert("F"), "TIFF"), "unreadable (a TIFF in 32 bits, expected RGB or grey"),
    "HEIF": (b"\0\0\0\x18ftypheic" + bytes(100), "an HEIF file, expected JPEG, PNG, BMP, GIF, PPM, TIFF"),
    "JPEG 2000": (saved(picture(), "JPEG2000"), "a JPEG 2000 file, expected JPEG, PNG"),
    "a sound": (b"RIFF" + bytes(4) + b"WAVEfmt ", "not an image"),
    "a web page": (b"<!DOCTYPE html><html>404</html>", "not an image"),
    "empty": (b"", "not an image"),
    "PNG bomb": (header_of_png(50_000, 50_000), "unreadable (50,000×50,000 pixels, more than the 67,108,864 that are decoded)"),
    "JPEG bomb": (with_jpeg_size(JPEG, 65_000, 65_000), "unreadable (65,000×65,000 pixels, more than the 67,108,864"),
    "GIF bomb": (b"GIF89a" + struct.pack("<HH", 65_535, 65_535) + bytes(20), "unreadable (65,535×65,535 pixels"),
    "BMP bomb": (b"BM" + bytes(12) + struct.pack("<Iii", 40, 60_000, -60_000) + bytes(28), "unreadable (60,000×60,000 pixels"),
    "WebP bomb": (
        b"RIFF" + struct.pack("<I", 22) + b"WEBPVP8X" + struct.pack("<II", 10, 0) + 2 * b"\xff\xfe\0",
        "unreadable (65,280×65,280 pixels",
    ),
    "TIFF bomb": (
        b"II*\0" + struct.pack("<IHHHIIHHII", 8, 2, 0x0100, 4, 1, 60_000, 0x0101, 4, 1, 50_000) + bytes(20),
        "unreadable (60,000×50,000 pixels",
    ),
    "PGM bomb": (b"P5 # of a scanner\n70000 60000 255\n" + bytes(20), "unreadable (70,000×60,000 pixels"),
    "PGM cut off": (saved(picture().convert("L"), "PPM")[:3000], "unreadable ("),
    "WebP cut off": (saved(picture(), "WEBP")[:1000], "unreadable ("),
    "TIFF cut off": (saved(picture(), "TIFF")[:3000], "unreadable ("),
    "PNG without pixels": (header_of_png(100, 100), "unreadable ("),
    "PNG cut off": (saved(picture(), "PNG")[:3000], "unreadable ("),
}  # fmt: skip


# Files that a source skips, although their pixels can be read.
DECODABLE = {"1×1", "a line", "CMYK", "animated GIF", "animated PNG", "animated WebP", "several pages"}


@pytest.mark.parametrize("kind", BAD)
def test_bad_files_have_a_reason(kind: str, tmp_path: Path):
    encoded, reason = BAD[kind]
    file = tmp_path / "a.jpg"
    file.write_bytes(encoded)
    for image in (encoded, file):
        found = fault(image)
        assert found is not None
        assert found.startswith(reason)


@pytest.mark.parametrize("kind", sorted(BAD.keys() - DECODABLE))
def test_a_file_damaged_later_raises_oserror(kind: str):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(
            OSError, match=r"not an image|truncated|pixels|cut|broken|data|unpack|read|decod|precision|expected"
        ):
            decode(BAD[kind][0], GEOMETRY)


@pytest.mark.parametrize("kind", sorted(DECODABLE))
def test_images_that_a_source_skips_can_still_be_decoded(kind: str):
    assert decode(BAD[kind][0], GEOMETRY).shape == (24, 24, 3)


def test_a_claim_of_many_pixels_costs_no_memory():
    import tracemalloc

    tracemalloc.start()
    try:
        for kind in (kind for kind in BAD if kind.endswith("bomb")):
            assert fault(BAD[kind][0])
            with pytest.raises(OSError, match="more than the"):
                decode(BAD[kind][0], GEOMETRY)
        assert tracemalloc.get_traced_memory()[1] < 2**21 < MOST_PIXELS
    finally:
        tracemalloc.stop()


@given(
    st.binary(max_size=400),
    st.sampled_from(
        [
            b"",
            b"\xff\xd8",
            b"\x89PNG\r\n\x1a\n",
            b"GIF89a",
            b"BM",
            b"P5 9 9 255 ",
            b"II*\0\x08\0\0\0",
            b"RIFF\x99\0\0\0WEBPVP8X",
            saved(picture(30, 30), "TIFF")[:60],
            JPEG[:150],
            JPEG,
        ]
    ),
)
@settings(max_examples=200)
def test_any_bytes_give_a_reason_or_pixels(rest: bytes, start: bytes):
    encoded = start + rest
    header = read_header(encoded)
    assert header is None or header.height * header.width >= 0
    if fault(encoded) is None:
        assert decode(encoded, GEOMETRY).shape == (24, 24, 3)


@given(st.data())
@settings(max_examples=80)
def test_a_few_wrong_bytes_give_a_reason_or_pixels(data: st.DataObject):
    encoded = bytearray(
        data.draw(
            st.sampled_from([JPEG, *(saved(picture(60, 60), kind) for kind in ("PNG", "GIF", "TIFF", "WEBP", "PPM"))])
        )
    )
    for _ in range(data.draw(st.integers(1, 4))):
        encoded[data.draw(st.integers(0, len(encoded) - 1))] = data.draw(st.integers(0, 255))
    reason = fault(bytes(encoded))
    try:
        assert decode(bytes(encoded), GEOMETRY).shape == (24, 24, 3)
    except OSError:
        # A JPEG is not decoded by the check; other formats that pass it can be decoded.
        assert reason is not None or encoded.startswith(b"\xff\xd8")


def test_a_file_that_cannot_be_opened_has_a_reason(tmp_path: Path):
    missing = fault(tmp_path / "none.jpg")
    assert missing is not None
    assert missing.startswith("unreadable (")
    if os.geteuid():  # nothing is unreadable to root
        (tmp_path / "a.jpg").write_bytes(JPEG)
        (tmp_path / "a.jpg").chmod(0)
        assert "Permission" in str(fault(tmp_path / "a.jpg"))


def test_beyond_the_image_its_edge_is_repeated_and_the_crop_is_unchanged():
    image = np.random.default_rng(4).integers(0, 256, (64, 64, 3), np.uint8)
    shown = decode(image, CropGeometry(32))
    around = decode(image, CropGeometry(32, margin=3))
    np.testing.assert_array_equal(around[3:-3, 3:-3], shown)
    np.testing.assert_array_equal(around, np.pad(shown, ((3, 3), (3, 3), (0, 0)), mode="edge"))
    # The image covers two of the three margin pixels: its 64 pixels become 36 of 38.
    assert CropGeometry(32, 32 / 36, 3).filled_side == 36
    some = decode(image, CropGeometry(32, 32 / 36, 3))
    np.testing.assert_array_equal(some[1:-1, 1:-1], decode(image, CropGeometry(36)))
    assert CropGeometry(32, 0.5, 3).filled_side == 38
