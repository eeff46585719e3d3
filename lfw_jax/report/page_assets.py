"""Template, styles and script of a page, and the policy that permits nothing else."""

import base64
import hashlib
from functools import cache
from importlib import resources

_SCRIPTS = ("charts.js", "downloads.js", "explorer.js", "tables.js", "page.js")


@cache
def asset(name: str) -> str:
    """Return the text of a file of `lfw_jax.report.assets`."""
    return resources.files("lfw_jax.report.assets").joinpath(name).read_text(encoding="utf-8")


@cache
def script() -> str:
    """Return the script of every page."""
    return "\n'use strict';\n{\n" + "\n".join(asset(name) for name in _SCRIPTS) + "}\n"


@cache
def content_security_policy() -> str:
    """Return the policy of every page: no request, no script but its own, which is named by its hash."""
    digest = base64.b64encode(hashlib.sha256(script().encode("utf-8")).digest()).decode("ascii")
    return f"default-src 'none'; img-src data: blob:; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"
