"""Where the training loop runs: in this process, or in the workers of Ray Train."""

import hashlib
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

from pyarrow.fs import LocalFileSystem, copy_files
from torch import nn
from tqdm import tqdm

from training.history import publish
from training.loop import History, is_best
from training.runs import BEST, LAST, PARTIAL, PREVIOUS, TENSORBOARD, WEIGHTS, Run

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

    def resume(self) -> AbstractContextManager[Path | None]:
        """See `training.loop.Session`."""
        folders = (self.folder / LAST, self.folder / PREVIOUS)
        return nullcontext(next((folder for folder in folders if folder.is_dir()), None))

    def progress(self, done: int, total: int, losses: dict[str, float]) -> None:
        """See `training.loop.Session`."""
        if self._bar is None:
            self._bar = tqdm(total=total, initial=done - 1, unit="step", mininterval=2)
        self._bar.set_postfix(loss=f"{sum(losses.values()):.3f}", refresh=False)
        self._bar.update()
        if done == total:
            self._bar.close()

    def report(self, history: History, write: Callable[[Path], None] | None) -> None:
        """See `training.loop.Session`."""
        if write is not None:
            self._write(write, is_best(history))
        publish(history, self.folder)
        tqdm.write(summary(history), file=sys.stderr)

    def _write(self, write: Callable[[Path], None], best: bool) -> None:
        partial = self.folder / PARTIAL
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        write(partial)
        if best:
            self._keep_best(partial / WEIGHTS)
        # At any moment one of the two is whole.
        if (self.folder / LAST).is_dir():
            shutil.rmtree(self.folder / PREVIOUS, ignore_errors=True)
            (self.folder / LAST).rename(self.folder / PREVIOUS)
        partial.rename(self.folder / LAST)
        shutil.rmtree(self.folder / PREVIOUS, ignore_errors=True)

    def _keep_best(self, weights: Path) -> None:
        best = self.folder / BEST
        best.mkdir(exist_ok=True)
        # A second name for the same file where the disk can do that: the next epoch writes its own.
        link = best / f"{WEIGHTS}.new"
        link.unlink(missing_ok=True)
        try:
            link.hardlink_to(weights)
        except OSError:
            shutil.copyfile(weights, link)
        link.replace(best / WEIGHTS)


def checkpoints_of(run: Run) -> Path:
    """Where a run's checkpoints lie on this machine until they are in its storage."""
    mark = hashlib.sha256(run.path.encode()).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"carpose-checkpoints-{mark}"


class RaySession:
    """A worker of Ray Train. Checkpoints go to the run's storage; worker 0 writes them."""

    def __init__(self, run: Run) -> None:
        from ray import train
        from ray.train.torch import get_device

        self._train, self._run = train, run
        context = train.get_context()
        self.rank, self.world = context.get_world_rank(), context.get_world_size()
        self.device = str(get_device())
        self._began: tuple[float, int] | None = None
        self._printed = 0.0
        self._written = checkpoints_of(run)
        if not self.rank:
            # A worker that died in the middle of an upload left it there.
            shutil.rmtree(self._written, ignore_errors=True)

    def prepare(self, network: nn.Module) -> nn.Module:
        """See `training.loop.Session`."""
        return self._train.torch.prepare_model(network)

    @contextmanager
    def resume(self) -> Iterator[Path | None]:
        """See `training.loop.Session`."""
        checkpoint = self._train.get_checkpoint()
        if checkpoint is None:
            yield None
            return
        with tempfile.TemporaryDirectory(prefix="carpose-resume-") as folder:
            checkpoint.to_directory(folder)
            yield Path(folder)

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

    def report(self, history: History, write: Callable[[Path], None] | None) -> None:
        """See `training.loop.Session`. A checkpoint goes up while the next epoch runs; the run ends
        once the last one is there, or fails with it."""
        figures = {**history[-1], "selection": history[-1].get("ap", float(len(history)))}
        if self.rank:
            self._train.report(figures)
            return
        if write is None:
            self._train.report(figures)
        else:
            self._written.mkdir(parents=True, exist_ok=True)
            folder = tempfile.mkdtemp(dir=self._written)
            write(Path(folder))
            self._train.report(
                figures,
                self._train.Checkpoint.from_directory(folder),
                checkpoint_upload_mode=self._train.CheckpointUploadMode.ASYNC,
                delete_local_checkpoint_after_upload=True,
            )
        with tempfile.TemporaryDirectory() as shown:
            publish(history, Path(shown))
            # Event files have names of their own: those of a run before would stay.
            system, path = self._run.system, self._run.path
            system.delete_dir_contents(f"{path}/{TENSORBOARD}", missing_dir_ok=True)
            copy_files(shown, path, LocalFileSystem(), system)
        _say(summary(history))


def _say(line: str) -> None:
    # Ray Train repeats what `print` prints in its own log, on the same terminal.
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def summary(history: History) -> str:
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
    return "  ".join(words) + ("  *" if is_best(history) else "")
