"""Fine-tune a Mask R-CNN on the car-parts data.

    python -m training.train --config training/configs/car_parts_mobilenet.yaml \\
        --data DIR --out runs/car_parts [--init WEIGHTS]

Writes `checkpoint.pth` (to resume: the same command again), `metrics.jsonl`, `curves.png`,
`config.yaml` and, at the end, `model.pth`: the averaged weights that training.export takes.
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
import yaml
from torch.utils.data import DataLoader, IterableDataset
from tqdm import tqdm

from training.augment import sample
from training.config import TrainConfig, load_config
from training.dataset import load_photos, repeat_factors, whole_car
from training.loop import Progress, fit
from training.network import build, training_input


class Examples(IterableDataset):
    """Endless augmented examples in an order drawn from the seed; rare classes come up more."""

    def __init__(self, root: Path, config: TrainConfig, skip: int = 0) -> None:
        self.config, self.skip = config, skip
        self.photos = load_photos(root, "trainingset", config.task)
        cars = load_photos(root, "trainingset", "main_car")
        self.outlines = [
            car.instances[0].polygons if car.instances else whole_car((), car.width, car.height)
            for car in cars
        ]
        self.repeats = repeat_factors(self.photos, config.repeat_below)
        self.bgr = config.model.backbone == "resnet50"

    def __iter__(self) -> Iterator[dict]:
        worker = torch.utils.data.get_worker_info()
        number, of = (worker.id, worker.num_workers) if worker else (0, 1)
        # A resumed run draws other augmentations than the ones it has seen.
        rng = np.random.default_rng([self.config.seed, self.skip, number])
        config = self.config
        while True:
            whole, rest = np.divmod(self.repeats, 1)
            times = whole.astype(int) + (rng.random(len(rest)) < rest)
            for index in rng.permutation(np.repeat(np.arange(len(times)), times))[number::of]:
                picture, labels, masks = sample(
                    self.photos,
                    self.outlines,
                    int(index),
                    config.size,
                    config.augment,
                    config.task,
                    rng,
                )
                yield training_input(picture, labels, masks, self.bgr)


def draw_curves(metrics: Path, out: Path) -> None:
    """Losses over steps, smoothed, as a PNG."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    rows = [json.loads(line) for line in metrics.read_text().splitlines()]
    figure, axes = pyplot.subplots(figsize=(9, 5))
    window = max(1, len(rows) // 60)
    kernel = np.ones(window) / window
    for name in rows[0]["losses"]:
        values = np.array([row["losses"][name] for row in rows])
        steps = np.array([row["step"] for row in rows])
        axes.plot(steps[window - 1 :], np.convolve(values, kernel, "valid"), label=name)
    axes.set(xlabel="step", ylabel="loss", yscale="log")
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(out, dpi=120, bbox_inches="tight")
    pyplot.close(figure)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument(
        "--data", type=Path, required=True, help="folder with trainingset/ and testset/"
    )
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument(
        "--init", type=Path, help="local starting weights, in place of the configured ones"
    )
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    args = parser.parse_args()

    config = load_config(args.config)
    torch.set_num_threads(args.threads)
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / "config.yaml").write_text(
        yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False)
    )
    checkpoint = args.out / "checkpoint.pth"
    metrics = args.out / "metrics.jsonl"
    done = torch.load(checkpoint, weights_only=True)["step"] if checkpoint.exists() else 0
    if not done:
        metrics.unlink(missing_ok=True)

    examples = Examples(args.data, config, skip=done)
    loader = DataLoader(
        examples, batch_size=config.optimizer.batch, num_workers=config.workers, collate_fn=list
    )
    model = build(config, args.init, args.device)
    bar = tqdm(total=config.optimizer.steps, initial=done, unit="step", mininterval=5)

    def report(progress: Progress) -> None:
        with metrics.open("a") as log:
            log.write(json.dumps(progress.__dict__) + "\n")
        bar.set_postfix(loss=f"{sum(progress.losses.values()):.3f}", refresh=False)
        bar.update()

    weights = fit(model, loader, config.optimizer, checkpoint, config.checkpoint_every, report)
    bar.close()
    torch.save(weights, args.out / "model.pth")
    draw_curves(metrics, args.out / "curves.png")
    print(f"averaged weights: {args.out / 'model.pth'}")
    print(f"next: python -m training.export --run {args.out} --out BUNDLE")


if __name__ == "__main__":
    main()
