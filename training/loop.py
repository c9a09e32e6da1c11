"""The training loop. It knows nothing of what launches it: a laptop's shell or Ray Train."""

import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import torch
from detectron2.utils.events import EventStorage
from torch import nn

from training.config import OptimizerConfig


@dataclass(frozen=True)
class Progress:
    """One step's report: losses by name, seconds the step took."""

    step: int
    losses: dict[str, float]
    learning_rate: float
    seconds: float


def schedule(step: int, config: OptimizerConfig) -> float:
    """Factor of the learning rate: linear warm-up, then cosine down to 1 %."""
    if step < config.warmup_steps:
        return (step + 1) / config.warmup_steps
    done = (step - config.warmup_steps) / max(1, config.steps - config.warmup_steps)
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


def save(path: Path, state: dict[str, object]) -> None:
    """Write a checkpoint whole or not at all."""
    partial = path.with_suffix(".partial")
    torch.save(state, partial)
    partial.replace(path)


def fit(
    model: nn.Module,
    batches: Iterable[list[dict]],
    config: OptimizerConfig,
    checkpoint: Path,
    checkpoint_every: int,
    report: Callable[[Progress], None],
) -> dict[str, torch.Tensor]:
    """Train for `config.steps` steps and return the averaged weights.

    Resumes from `checkpoint` where it exists. `batches` yields lists of Detectron2 inputs.

    Raises: FloatingPointError when the loss is no longer finite.
    """
    optimizer = optimizer_for(model, config)
    ema = Ema(model, config.ema)
    start = 0
    if checkpoint.exists():
        state = torch.load(checkpoint, weights_only=True)
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        ema.weights = state["ema"]
        start = state["step"]
    device = next(model.parameters()).device.type
    model.train()
    began = time.perf_counter()
    with EventStorage(start):
        for step, batch in zip(range(start, config.steps), batches, strict=False):
            for group in optimizer.param_groups:
                group["lr"] = config.learning_rate * group["factor"] * schedule(step, config)
            with torch.autocast(device, torch.bfloat16, enabled=config.bf16):
                losses = model(batch)
                total = sum(losses.values())
            if not torch.isfinite(total):
                raise FloatingPointError(f"loss is {total.item()} at step {step}: lower the rate")
            optimizer.zero_grad(set_to_none=True)
            total.backward()
            nn.utils.clip_grad_norm_(model.parameters(), config.clip_norm)
            optimizer.step()
            ema.update(model, step)
            now = time.perf_counter()
            rate = config.learning_rate * schedule(step, config)
            values = {k: v.item() for k, v in losses.items()}
            report(Progress(step + 1, values, rate, now - began))
            began = now
            if (step + 1) % checkpoint_every == 0 or step + 1 == config.steps:
                save(
                    checkpoint,
                    {
                        "model": model.state_dict(),
                        "optimizer": optimizer.state_dict(),
                        "ema": ema.weights,
                        "step": step + 1,
                    },
                )
    return ema.weights
