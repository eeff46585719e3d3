"""Tables of the GPU kit as Markdown, one function per module of items.

A row without measurements says so.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from benchmarks.gpu.items import Item

Figures = Mapping[Item, dict[str, Any] | None]

MISSING = "not measured yet"


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table; short rows are filled up."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join([*row, *[""] * (len(header) - len(row))]) + " |" for row in lines)


def experiments(figures: Figures) -> str:
    """Return the table of full trainings on View 1."""
    header = (
        "Configuration", "Accuracy by the threshold of held-out identities (95 %)", "by `pairsDevTrain`", "F1", "AUC",
        "Raw pixels", "Training loss", "Epochs", "Minutes", "Images/s",
    )  # fmt: skip
    rows = [_training(item, found) if found else [f"`{item.name}`", MISSING] for item, found in figures.items()]
    text = (
        "Trained in full on View 1, aligned faces (JPEG quality 66), from data on the device; the report's five in bfloat16 with "
        "the batch of their configuration. Evaluated on `pairsDevTest`."
    )
    return f"{text}\n\n{table(header, rows)}"


def _training(item: Item, found: Mapping[str, Any]) -> list[str]:
    evaluation, held_out = found["evaluation"], found["evaluation"]["held_out_threshold"]
    by_rule = {one["rule"]: one for one in evaluation["thresholds"]}
    rate = found["images_per_second"]
    return [
        f"`{item.name}`",
        f"{percent(held_out['accuracy'])} ({'–'.join(f'{100 * end:.1f}' for end in held_out['accuracy_interval'])})",
        percent(by_rule["accuracy"]["accuracy"]),
        f"{by_rule['f1']['f1']:.3f}",
        f"{evaluation['auc']:.3f}",
        percent(next(one["accuracy"] for one in found["raw_pixels"]["thresholds"] if one["rule"] == "accuracy")),
        f"{found['first_loss']:.3g} → {found['last_loss']:.3g}",
        f"{found['epochs']:g}",
        f"{found['training_seconds'] / 60:.1f}",
        f"{rate:,.0f}" if rate else "",
    ]


def percent(share: float) -> str:
    """Return a share in per cent with one decimal."""
    return f"{100 * share:.1f} %"


def throughput(figures: Figures) -> str:
    """Return the tables of a training step compared with PyTorch, with its bottlenecks."""
    header = ("Activations", "Batch", *_STEPS.values(), "compiled PyTorch = 1", "Share of peak", "Compiling, s")
    rows, notes = [], []
    for item, found in figures.items():
        dtype = str(item.options["dtype"])
        if not found:
            rows.append([dtype, "", MISSING])
            continue
        batches = sorted(found["batches"].items(), key=lambda batch: int(batch[0]))
        rows += [_step(dtype, batch, candidates) for batch, candidates in batches]
        notes += _bounds(dtype, found)
    text = (
        "Training step of ResNet-50 at 112×112, images/s (lowest–highest turn): this project with its data on the device or sent "
        "by the host as pixels or JPEG, beside PyTorch on the same device in the same run (channels_last, autocast). The peak is "
        "that of a large matrix product in the same run."
    )
    return "\n\n".join([text, table(header, rows), *notes])


_STEPS = {
    "lfw_jax_resident": "lfw_jax, device",
    "lfw_jax_host_pixels": "pixels",
    "lfw_jax_host_jpeg": "JPEG",
    "torch_eager": "PyTorch",
    "torch_compiled": "compiled",
}


def _step(dtype: str, batch: str, candidates: Mapping[str, Any]) -> list[str]:
    ours, peer = candidates["lfw_jax_resident"], candidates["torch_compiled"]
    both = not isinstance(ours, str) and not isinstance(peer, str)
    ratio = ours["images_per_second"]["median"] / peer["images_per_second"]["median"] if both else None
    share = None if isinstance(ours, str) else ours["share_of_peak"]
    compiling = None if isinstance(ours, str) else ours.get("compile_seconds")
    return [
        dtype,
        batch,
        *(rate(candidates[name]) for name in _STEPS),
        "" if ratio is None else f"{ratio:.2f}",
        "" if share is None else percent(share),
        "" if compiling is None else f"{compiling:.0f}",
    ]


def _bounds(dtype: str, found: Mapping[str, Any]) -> list[str]:
    """Return the summary of a trace: shares of the kinds of operations, and the five most expensive ones."""
    trace = found["trace"]
    if isinstance(trace, str):
        return [f"{dtype}: no trace ({trace})."]
    idle = trace["as_it_trains"]["idle_share_of_window"]
    kinds = ", ".join(f"{name} {percent(row['share'])}" for name, row in trace["by_kind"].items())
    rows = [
        [
            f"`{row['name']}`",
            row["kind"],
            row["scope"],
            f"{row['milliseconds_per_step']:.2f}",
            percent(row["share_of_operation_time"]),
        ]
        for row in trace["operations"]
    ]
    text = (
        f"{dtype}, batch {trace['batch']}: the device is idle for {percent(idle)} of a step; the time goes into {kinds}. The "
        f"most expensive of its operations:"
    )
    return [text, table(("Operation", "Kind", "Part of the step", "ms per step", "Share"), rows)]


def rate(row: Mapping[str, Any] | str) -> str:
    """Return images per second with their range, or the reason why there are none."""
    if isinstance(row, str):
        return row
    found = row["images_per_second"]
    return f"{found['median']:,.0f} ({found['lowest']:,.0f}–{found['highest']:,.0f})"


def correctness(figures: Figures) -> str:
    """Return the verdicts of the comparisons with the CPU, and what differs."""
    header = ("Compared with the CPU", "Comparisons", "Agree", "Largest error of loss, gradient", "Verdict")
    rows, notes = [], []
    for item, found in figures.items():
        title = item.title.removeprefix("correctness: ")
        if not found:
            rows.append([title, "", MISSING])
        elif "cases" in found:
            measured = [case for case in found["cases"] if "loss_error" in case]
            worst = [
                max((case[key] for case in measured), default=float("nan")) for key in ("loss_error", "gradient_error")
            ]
            errors = ", ".join(f"{error:.1e}" for error in worst)
            rows.append([title, str(found["comparisons"]), str(found["agree"]), errors, found["verdict"]])
            notes += [
                f"* {case['name']}: {_difference(case)}" for case in found["cases"] if case["verdict"] != "agrees"
            ]
        else:
            pixels = f"boxes {found['box_error']:.1e}, points {found['points_error']:.1e} pixels"
            differing = len({*found["images_with_other_counts"], *found["images_beyond_tolerance"]})
            images = found["images"]
            rows.append([title, f"{images} images", str(images - differing), pixels, found["verdict"]])
    text = (
        "One step on the GPU beside the same step on the CPU, both in float32 at the highest precision unless said otherwise: "
        "the loss and the raw gradients, before any optimiser, as relative errors."
    )
    return "\n\n".join([text, table(header, rows), *(["\n".join(notes)] if notes else [])])


def _difference(case: Mapping[str, Any]) -> str:
    if "error" in case:
        return f"{case['verdict']}: {case['error']}"
    return f"{case['verdict']}: loss {case['loss_error']:.1e}, gradient {case['gradient_error']:.1e}"


def mining(figures: Figures) -> str:
    """Return the table of mining compared with pytorch-metric-learning."""
    header = ("Mining and loss", "Batch", "lfw_jax ms", "peak MiB", "PML ms", "peak MiB", "times faster")
    rows = []
    for found in figures.values():
        if not found:
            rows.append(["all", "", MISSING])
            continue
        for case, sizes in found["cases"].items():
            rows += [_mined(case if not place else "", size, row) for place, (size, row) in enumerate(sizes.items())]
    text = (
        "Forward and backward pass of mining and loss, 128-d, 4 images per identity. PML is pytorch-metric-learning, measured in "
        "alternation."
    )
    return f"{text}\n\n{table(header, rows)}"


def _mined(case: str, size: str, row: Mapping[str, Any]) -> list[str]:
    cells, times = [], []
    for library in ("lfw_jax", "pytorch_metric_learning"):
        found = row[library]
        if isinstance(found, str):
            cells += [found, ""]
        else:
            times.append(found["milliseconds"]["median"])
            cells += [f"{times[-1]:.3g}", f"{found['peak_mebibytes']:.0f}"]
    return [case, size, *cells, f"{times[1] / times[0]:.1f}" if len(times) == 2 else ""]


def alignment(figures: Figures) -> str:
    """Return the table of the cascade's speed."""
    header = ("The JAX cascade over originals", "Images/s (lowest–highest)")
    rows, notes = [], []
    for found in figures.values():
        if not found:
            rows.append(["all", MISSING])
            continue
        rows += [[name, rate({"images_per_second": speed})] for name, speed in found["images_per_second"].items()]
        compiling = " + ".join(f"{seconds:.0f}" for seconds in found["compilation_seconds"])
        notes.append(
            f"{found['images']:,} images of 250×250, batches of {found['batch']}; {found['faces']:,} faces, "
            f"{found['images_without_face']} without one; compilation {compiling} s."
        )
    return "\n\n".join([table(header, rows), *notes])


TABLES: dict[str, Callable[[Figures], str]] = {
    "correctness": correctness,
    "throughput": throughput,
    "experiments": experiments,
    "mining": mining,
    "alignment": alignment,
}
"""Module of items → its table, in the order of the page."""
