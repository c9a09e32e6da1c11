"""Where the training loop runs: in this process, or in the workers of Ray Train."""

import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from pyarrow.fs import FileSystem, LocalFileSystem, copy_files
from torch import nn
from tqdm import tqdm

from training.history import TENSORBOARD, publish
from training.loop import best_of

LAST, BEST, PREVIOUS = "last", "best", "previous"
"""Folders of a run: the checkpoint to resume from, and the one to export."""

REPORT_S = 15


class LocalSession:
    """One process, one folder; run the same command again to resume."""

    rank, world = 0, 1

    def __init__(self, folder: Path, device: str) -> None:
        self.folder, self.device = folder, device
        self._bar: tqdm | None = None

    def prepare(self, network: nn.Module) -> nn.Module:
        """See `training.loop.Session`."""
        return network.to(self.device)

    def resume(self) -> Path | None:
        """See `training.loop.Session`."""
        folders = (self.folder / LAST, self.folder / PREVIOUS)
        return next((folder for folder in folders if folder.is_dir()), None)

    def progress(self, done: int, total: int, losses: dict[str, float]) -> None:
        """See `training.loop.Session`."""
        if self._bar is None:
            self._bar = tqdm(total=total, initial=done - 1, unit="step", mininterval=2)
        self._bar.set_postfix(loss=f"{sum(losses.values()):.3f}", refresh=False)
        self._bar.update()
        if done == total:
            self._bar.close()

    def report(self, history: list[dict[str, float]], write: Callable[[Path], None]) -> None:
        """See `training.loop.Session`."""
        partial = self.folder / "partial"
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        write(partial)
        if best_of(history) == len(history) - 1:
            shutil.rmtree(self.folder / BEST, ignore_errors=True)
            shutil.copytree(partial, self.folder / BEST)
        # At any moment one of the two is whole.
        if (self.folder / LAST).is_dir():
            shutil.rmtree(self.folder / PREVIOUS, ignore_errors=True)
            (self.folder / LAST).rename(self.folder / PREVIOUS)
        partial.rename(self.folder / LAST)
        shutil.rmtree(self.folder / PREVIOUS, ignore_errors=True)
        publish(history, self.folder)
        tqdm.write(summary(history), file=sys.stderr)


class RaySession:
    """A worker of Ray Train. Checkpoints go to the run's storage; worker 0 writes them."""

    def __init__(self, storage: FileSystem, folder: str) -> None:
        from ray import train
        from ray.train.torch import get_device

        self._train, self._storage, self._folder = train, storage, folder
        context = train.get_context()
        self.rank, self.world = context.get_world_rank(), context.get_world_size()
        self.device = str(get_device())
        self._began: tuple[float, int] | None = None
        self._printed = 0.0

    def prepare(self, network: nn.Module) -> nn.Module:
        """See `training.loop.Session`."""
        return self._train.torch.prepare_model(network)

    def resume(self) -> Path | None:
        """See `training.loop.Session`."""
        checkpoint = self._train.get_checkpoint()
        if checkpoint is None:
            return None
        return Path(checkpoint.to_directory(tempfile.mkdtemp(prefix="carpose-resume-")))

    def progress(self, done: int, total: int, losses: dict[str, float]) -> None:
        """See `training.loop.Session`. A line every quarter of a minute: logs have no cursor."""
        now = time.monotonic()
        if self._began is None:
            self._began, self._printed = (now, done), now
        if self.rank or now - self._printed < REPORT_S:
            return
        self._printed = now
        rate = (now - self._began[0]) / (done - self._began[1])
        left = time.strftime("%H:%M:%S", time.gmtime(rate * (total - done)))
        loss = sum(losses.values())
        _say(f"step {done}/{total}  loss {loss:.3f}  {rate:.2f} s/step  {left} left")

    def report(self, history: list[dict[str, float]], write: Callable[[Path], None]) -> None:
        """See `training.loop.Session`."""
        figures = {**history[-1], "selection": history[-1].get("ap", float(len(history)))}
        if self.rank:
            self._train.report(figures)
            return
        with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as shown:
            write(Path(folder))
            self._train.report(figures, self._train.Checkpoint.from_directory(folder))
            publish(history, Path(shown))
            # Event files have names of their own: those of a run before would stay.
            self._storage.delete_dir_contents(f"{self._folder}/{TENSORBOARD}", missing_dir_ok=True)
            copy_files(shown, self._folder, LocalFileSystem(), self._storage)
        _say(summary(history))


def _say(line: str) -> None:
    # Ray Train repeats what `print` prints in its own log, on the same terminal.
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def summary(history: list[dict[str, float]]) -> str:
    """One epoch in a line, with a star where it is the best so far."""
    row = history[-1]
    loss = sum(value for name, value in row.items() if name.startswith("loss"))
    words = [f"epoch {row['epoch']:.0f}", f"loss {loss:.3f}"]
    words += [
        f"{name.replace('_', ' ')} {row[name]:.3f}"
        for name in ("box_ap", "mask_ap", "side_accuracy")
        if name in row
    ]
    words.append(f"{row['photos_per_second']:.1f} photos/s")
    return "  ".join(words) + ("  *" if best_of(history) == len(history) - 1 else "")
