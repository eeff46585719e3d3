"""`--mode=serve`: a trained system as a local web service with a page."""

import dataclasses
import importlib.util
import os
import sys
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import UInt8

from lfw_jax.errors import UserError
from lfw_jax.inference.model.face_verifier import FaceVerifier
from lfw_jax.jobs.dispatch import Request
from lfw_jax.jobs.gallery_of_request import open_gallery
from lfw_jax.jobs.model_of_request import load_verifier
from lfw_jax.jobs.word_lists import listed
from lfw_jax.report.face_pictures import face_pictures
from lfw_jax.report.terminal_text import print_lines

if TYPE_CHECKING:
    from lfw_jax.serving.gallery import ServedGallery

# Module → package, for every package of the extra `serve` in pyproject.toml.
_PACKAGES = {
    "fastapi": "fastapi",
    "python_multipart": "python-multipart",
    "prometheus_client": "prometheus-client",
    "uvicorn": "uvicorn",
}


def serve(request: Request) -> None:
    """Serve a trained system until a signal ends it, then answer what is accepted.

    Args:
      request: the flags.

    Raises:
      UserError: a package or the model is missing, the address needs a token or is taken, or the false match rate is not
        supported.
    """
    if missing := [package for module, package in _PACKAGES.items() if importlib.util.find_spec(module) is None]:
        raise UserError(f"--mode=serve needs {listed(missing)}; run `pip install 'lfw-jax[serve]'`.")
    from lfw_jax.serving.access import allowed_hosts
    from lfw_jax.serving.app import create_app
    from lfw_jax.serving.limits import Limits
    from lfw_jax.serving.server import bound_socket, check_public_host, run_server, token_for, url_of
    from lfw_jax.serving.service import Service

    token = token_for(request.host)
    check_public_host(request.public_host)
    with bound_socket(request.host, request.port) as bound:
        verifier = load_verifier(request)
        fmr = default_rate(verifier) if request.fmr is None else request.fmr
        verifier.operating_point(fmr)  # refuses the rate before a gallery is embedded
        gallery = _gallery(request, verifier) if request.gallery else None
        limits = dataclasses.replace(Limits(), requests_per_minute=request.requests_per_minute)
        service = Service(verifier, fmr=fmr, gallery=gallery, limits=limits)
        print_lines(f"{verifier.card.name}: compiling")
        service.warm_up()
        hosts, url = allowed_hosts(request.host, request.public_host), url_of(bound)
        app = create_app(service, token=token, hosts=hosts, public_host=request.public_host)
        words = f"{url}: serving {verifier.card.name}; end it with Ctrl+C or SIGTERM"
        cut_off = run_server(app, bound, partial(_announce, words), limits.head_seconds)
    lost = f"{cut_off} {'request was' if cut_off == 1 else 'requests were'} cut off"
    print_lines(f"ended: {lost if cut_off else 'every accepted request is answered'}")
    request.deliver({"url": url, "model": verifier.card.sha256, **service.metrics.totals()})


def _announce(words: str) -> None:
    """Print a line at once, also where standard output is a file or a pipe, whose reader waits for the address."""
    print_lines(words)
    sys.stdout.flush()


def default_rate(verifier: FaceVerifier) -> float:
    """Return the false match rate of the model's training, or the smallest that its evaluation supports.

    Args:
      verifier: the trained system.

    Raises:
      UserError: its evaluation supports no rate.
    """
    rates = [point.target_rate for point in verifier.card.curve]
    if not rates:
        raise UserError(
            f"{verifier.card.name}: its evaluation is too small for any threshold. Hold out more identities."
        )
    return max(verifier.card.calibration.result.target_rate, min(rates))


def _gallery(request: Request, verifier: FaceVerifier) -> "ServedGallery":
    from lfw_jax.serving.gallery import ServedGallery, shown_sources

    gallery, skipped = open_gallery(verifier, request.gallery, "--gallery", aligned=False)
    table = gallery.table
    print_lines(f"gallery: {len(table):,} faces, {len(skipped):,} photos skipped", *filter(None, [gallery.note]))

    def picture(row: int) -> UInt8[np.ndarray, "side side 3"] | None:
        readable = os.access(str(table.sources[row]), os.R_OK)
        return face_pictures(table, [row])[0] if readable else None

    sources = shown_sources([str(source) for source in table.sources])
    return ServedGallery(gallery, sources, picture)
