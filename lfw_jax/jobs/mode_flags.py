"""The flags that only some modes use: their modes, defaults and help."""

import dataclasses

from absl import flags


@dataclasses.dataclass(frozen=True)
class ModeFlag:
    """A flag of some modes.

    Attributes:
      name: its name, which is that of a field of `Request`.
      modes: the modes that use it.
      default: its value if it is not given; its type is that of the flag, None that of an optional number.
      help: what `--help` says of it, after the modes, or with the modes where each uses it in its own way.
      lowest: the least value of a number; None for no limit.
      own_way: true if the help names the modes.
    """

    name: str
    modes: tuple[str, ...]
    default: str | float | int | bool | None
    help: str
    lowest: float | None = None
    own_way: bool = False


_FILES = ("align", "combine", "compare", "export", "verify", "embed", "search", "cluster", "dedupe", "export-model")

MODE_FLAGS = (
    ModeFlag(
        "input",
        _FILES,
        "",
        "align, export, embed: folder (or .csv, .npz, .rec, .bin) of images. Default: what --config names. combine, compare: "
        "work directories, such as 'runs/fold*'; the first run is the reference if there are many. verify: two images, as "
        "a.jpg,b.jpg, or a .csv of path1,path2. search, cluster, dedupe: photos, or a file of --mode=embed. export-model: "
        "faces to calibrate and check on.",
        own_way=True,
    ),
    ModeFlag(
        "output",
        _FILES,
        "",
        "align, combine: a folder. export: a folder, or a .rec, .bin or .npz file. compare: a folder, by default runs/compare. "
        "verify: a .csv file. embed: a .npz or .parquet file. search, cluster, dedupe: a folder. export-model: a .onnx or "
        ".stablehlo file, or a folder for a SavedModel.",
        own_way=True,
    ),
    ModeFlag(
        "folds", ("crossvalidate",), "", "the folds of this call, such as 1,2,3 or 1-3. Default: all unfinished ones."
    ),
    ModeFlag(
        "minutes",
        ("crossvalidate",),
        0.0,
        "pause after so many minutes over all folds, to be continued by the same command. 0: no limit.",
        lowest=0.0,
    ),
    ModeFlag(
        "model",
        ("embed", "verify", "search", "cluster", "dedupe", "export-model", "serve"),
        "",
        "a model directory, such as runs/mine/model, or a work directory with one. Default: --workdir.",
    ),
    ModeFlag(
        "aligned",
        ("embed", "search", "cluster", "dedupe", "export-model"),
        False,
        "the photos are crops of the model's alignment.",
    ),
    ModeFlag(
        "gallery",
        ("search", "serve"),
        "",
        "the faces to search: a .npz or .parquet file of --mode=embed, or a folder of photos.",
    ),
    ModeFlag("top", ("search",), 10, "number of hits per photo.", lowest=1),
    ModeFlag(
        "fmr",
        ("search", "cluster", "dedupe", "serve"),
        None,
        "the largest accepted false match rate, such as 0.001. Default: that of the model.",
    ),
    ModeFlag("int8", ("export-model",), False, "quantise to int8, calibrated on the faces of --input."),
    ModeFlag("host", ("serve",), "127.0.0.1", "the address to listen on; a public one needs LFW_JAX_TOKEN."),
    ModeFlag("port", ("serve",), 8000, "the port to listen on; 0 for any free one.", lowest=0),
    ModeFlag("public_host", ("serve",), "", "the host in the URL of a proxy in front, such as photos.example."),
    ModeFlag(
        "requests_per_minute",
        ("serve",),
        600,
        "the requests of one client in a minute on average, with bursts of as many; 0 for no limit.",
        lowest=0,
    ),
)
"""The flags, in the order of `--help`."""


def define_mode_flags() -> None:
    """Define the flags of `MODE_FLAGS` for absl."""
    for flag in MODE_FLAGS:
        text = flag.help if flag.own_way else f"{', '.join(flag.modes)}: {flag.help}"
        if isinstance(flag.default, bool):
            flags.DEFINE_bool(flag.name, flag.default, text)
        elif isinstance(flag.default, int):
            flags.DEFINE_integer(
                flag.name, flag.default, text, lower_bound=None if flag.lowest is None else int(flag.lowest)
            )
        elif isinstance(flag.default, float | None):
            flags.DEFINE_float(flag.name, flag.default, text, lower_bound=flag.lowest)
        else:
            flags.DEFINE_string(flag.name, flag.default, text)
