"""The training loop. It knows neither what is learnt (a `Task`) nor what launched it (a `Session`).

An epoch is one pass over the training photos. After each the averaged weights are measured on the
validation photos, and everything that is needed to go on is handed to the session.
"""

import functools
import math
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import nn

from training.config import OptimizerConfig, TrainConfig
from training.errors import TrainingError
from training.runs import CHECKPOINT, WEIGHTS

History = list[dict[str, float]]
"""The figures of every epoch."""

SAVED = "saved"
"""In them: 1 where the epoch left a checkpoint, else 0."""


class Task(Protocol):
    """What is learnt: a network, its examples, and how good it is."""

    epoch_steps: int
    """Optimizer steps in one pass over the training photos."""

    def network(self, device: str) -> nn.Module:
        """A network with its starting weights; in training, a batch gives its losses by name."""
        ...

    def batches(self, rank: int, world: int, skip: int) -> Iterable[Any]:
        """Endless batches of worker `rank` of `world`; `skip` steps were done before."""
        ...

    def evaluate(self, network: nn.Module, rank: int, world: int) -> dict[str, float]:
        """Figures on the validation photos, the same on every worker; `ap` chooses the best."""
        ...


class Session(Protocol):
    """What launched the loop: a shell on one machine, or Ray Train on many."""

    rank: int
    world: int
    device: str

    def prepare(self, network: nn.Module) -> nn.Module:
        """The network on its device, its gradients shared between the workers."""
        ...

    def resume(self) -> AbstractContextManager[Path | None]:
        """Folder of the last checkpoint, there while it is read."""
        ...

    def progress(self, done: int, total: int, losses: dict[str, float]) -> None:
        """One step is done."""
        ...

    def report(self, history: History, write: Callable[[Path], None] | None) -> None:
        """An epoch is done: `history` has its figures last; `write` fills a checkpoint folder, and
        is None where this epoch is not kept."""
        ...


def schedule(step: int, steps: int, config: OptimizerConfig) -> float:
    """Factor of the learning rate: linear warm-up, then cosine down to 1 %."""
    if step < config.warmup_steps:
        return (step + 1) / config.warmup_steps
    done = (step - config.warmup_steps) / max(1, steps - config.warmup_steps)
    return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(1.0, done)))


class Ema:
    """Exponential moving average of a model's weights, with a short memory at the start."""

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay = decay
        self.weights = {k: v.detach().clone() for k, v in model.state_dict().items()}

    @torch.no_grad()
    def update(self, model: nn.Module, step: int) -> None:
        """Move the average towards the model's weights."""
        decay = min(self.decay, (1 + step) / (10 + step))
        for name, value in model.state_dict().items():
            average = self.weights[name]
            if value.dtype.is_floating_point:
                average.lerp_(value, 1 - decay)
            else:
                average.copy_(value)

    @contextmanager
    def applied(self, model: nn.Module) -> Iterator[nn.Module]:
        """The model in evaluation mode with the averaged weights, put back afterwards."""
        own = {k: v.detach().clone() for k, v in model.state_dict().items()}
        model.load_state_dict(self.weights)
        model.eval()
        try:
            yield model
        finally:
            model.load_state_dict(own)
            model.train()


def optimizer_for(model: nn.Module, config: OptimizerConfig) -> torch.optim.Optimizer:
    """AdamW: the backbone at a lower rate, no decay on biases and scales."""
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            factor = config.backbone_factor if ".bottom_up." in name else 1.0
            decay = config.weight_decay if parameter.ndim > 1 else 0.0
            groups.setdefault((factor, decay), []).append(parameter)
    return torch.optim.AdamW(
        [
            {
                "params": p,
                "lr": config.learning_rate * factor,
                "factor": factor,
                "weight_decay": decay,
            }
            for (factor, decay), p in groups.items()
        ]
    )


def best_of(history: History) -> int:
    """Index of the epoch with the best AP; the last where none was measured.

    Raises: ValueError when there is no epoch.
    """
    measured = [row.get("ap", float(n)) for n, row in enumerate(history)]
    return max(range(len(measured)), key=measured.__getitem__)


class Diverged(TrainingError):
    """The loss is no longer finite: the same again would end the same."""


def is_best(history: History) -> bool:
    """Whether the last epoch is the best of those that left a checkpoint."""
    kept = [row for row in history if row.get(SAVED, 1.0)]
    return bool(kept) and kept[-1] is history[-1] and best_of(kept) == len(kept) - 1


def is_native_bf16(kind: str) -> bool:
    """Whether a kind of device, cpu or cuda, is faster in bfloat16: GPUs before Ampere, such as the
    T4, only emulate it."""
    return kind != "cuda" or torch.cuda.get_device_capability() >= (8, 0)


def fit(task: Task, run: TrainConfig, session: Session) -> None:
    """Train for as many epochs as configured, or until the run's patience ends.

    Goes on from the session's last checkpoint. Every checkpoint holds CHECKPOINT, to resume
    from, and WEIGHTS, the averaged weights.

    Raises: TrainingError when a weight is given to a loss that the network has not; Diverged.
    """
    config = run.optimizer
    network = session.prepare(task.network(session.device))
    model = getattr(network, "module", network)
    optimizer = optimizer_for(model, config)
    ema = Ema(model, config.ema)
    history: History = []
    with session.resume() as folder:
        state = folder and torch.load(
            folder / CHECKPOINT, map_location=session.device, weights_only=True
        )
    if state:
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        ema.weights, history = state["ema"], state["history"]

    total = config.epochs * task.epoch_steps
    step = len(history) * task.epoch_steps
    batches = iter(task.batches(session.rank, session.world, step))
    kind = torch.device(session.device).type
    bf16 = config.bf16 and is_native_bf16(kind)
    network.train()
    while step < total and not _stalled(history, run.patience):
        began, sums = time.perf_counter(), dict[str, float]()
        for _ in range(task.epoch_steps):
            for group in optimizer.param_groups:
                group["lr"] = config.learning_rate * group["factor"] * schedule(step, total, config)
            with torch.autocast(kind, torch.bfloat16, enabled=bf16):
                losses = network(next(batches))
                loss = sum(
                    config.loss_weights.get(name, 1.0) * value for name, value in losses.items()
                )
            if unknown := set(config.loss_weights) - set(losses):
                raise TrainingError(
                    f"optimizer.loss_weights: no loss is named {min(unknown)}, only "
                    + ", ".join(sorted(losses))
                )
            if not torch.isfinite(loss):
                raise Diverged(f"loss is {loss.item()} at step {step}: lower the rate")
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), config.clip_norm)
            optimizer.step()
            ema.update(model, step)
            step += 1
            values = {name: value.item() for name, value in losses.items()}
            for name, value in values.items():
                sums[name] = sums.get(name, 0.0) + value
            session.progress(step, total, values)
        seconds = time.perf_counter() - began
        row = {name: value / task.epoch_steps for name, value in sums.items()}
        row |= {
            "epoch": len(history) + 1,
            "step": step,
            "learning_rate": config.learning_rate * schedule(step - 1, total, config),
            "photos_per_second": task.epoch_steps * config.batch / seconds,
        }
        with ema.applied(model), torch.no_grad():
            row |= task.evaluate(model, session.rank, session.world)
        history.append(row)
        ends = step >= total or _stalled(history, run.patience)
        row[SAVED] = float(ends or len(history) % run.checkpoint_epochs == 0)
        state = {
            "model": model.state_dict(),
            "optimizer": optimizer.state_dict(),
            "ema": ema.weights,
            "history": history,
        }
        session.report(history, functools.partial(_write, state) if row[SAVED] else None)


def _stalled(history: History, patience: int) -> bool:
    return bool(patience and history) and len(history) - 1 - best_of(history) >= patience


def _write(state: dict[str, Any], folder: Path) -> None:
    torch.save(state, folder / CHECKPOINT)
    torch.save(state["ema"], folder / WEIGHTS)
