"""A run's figures for people: one JSON line, a point of each curve and of TensorBoard per epoch."""

import json
import shutil
from pathlib import Path

from training.runs import CURVES, METRICS, TENSORBOARD


def publish(history: list[dict[str, float]], folder: Path) -> None:
    """Write METRICS, CURVES and the folder TENSORBOARD anew, so that a resumed run has one line
    per epoch whatever was written before it died."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / METRICS).write_text("".join(json.dumps(row) + "\n" for row in history))
    _curves(history, folder / CURVES)
    _tensorboard(history, folder / TENSORBOARD)


def _is_loss(name: str) -> bool:
    return name.startswith("loss")


def _is_figure(name: str) -> bool:
    return "ap" in name.split("_") or "ap50" in name.split("_") or name.endswith("accuracy")


def _curves(history: list[dict[str, float]], path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(13, 5))
    epochs = [row["epoch"] for row in history]
    for name in history[-1]:
        axes = left if _is_loss(name) else right if _is_figure(name) else None
        if axes is not None:
            axes.plot(epochs, [row.get(name) for row in history], marker=".", label=name)
    left.set(xlabel="epoch", ylabel="loss", yscale="log", title="training losses")
    right.set(xlabel="epoch", title="validation photos, averaged weights")
    for axes in (left, right):
        axes.grid(alpha=0.3)
        if axes.lines:
            axes.legend()
    figure.savefig(path, dpi=110, bbox_inches="tight")
    pyplot.close(figure)


def _tensorboard(history: list[dict[str, float]], folder: Path) -> None:
    from torch.utils.tensorboard import SummaryWriter

    shutil.rmtree(folder, ignore_errors=True)
    with SummaryWriter(str(folder)) as writer:
        for row in history:
            for name, value in row.items():
                kind = "loss" if _is_loss(name) else "validation" if _is_figure(name) else "run"
                writer.add_scalar(f"{kind}/{name}", value, int(row["step"]))
