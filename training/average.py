"""Average the best weights of runs that began from the same weights: a run of its own to export.

    python -m training.average --runs runs/first runs/second --out runs/both

What two runs from one start find lies in one valley, and the middle of a valley generalizes better
than its sides, at no cost in use ("model soups", Wortsman et al. 2022). Runs from different starts
have nothing to average. Measure the result before you take it.
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import torch

from training.command import command
from training.errors import TrainingError
from training.runs import BEST, WEIGHTS, Run

State = dict[str, torch.Tensor]


def average(states: Sequence[State]) -> State:
    """The mean of each tensor; what counts and does not measure is the first one's.

    Raises: TrainingError when the networks are not the same.
    """
    first = states[0]
    for state in states[1:]:
        differ = set(first) ^ set(state) or {
            name for name, value in first.items() if value.shape != state[name].shape
        }
        if differ:
            raise TrainingError(f"not the same networks: they differ in {min(differ)}")
    return {
        name: torch.stack([state[name] for state in states]).mean(dim=0)
        if value.dtype.is_floating_point
        else value
        for name, value in first.items()
    }


@command
def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", nargs="+", required=True, help="folders or s3:// URIs of runs")
    parser.add_argument("--out", type=Path, required=True, help="folder of the new run")
    args = parser.parse_args(arguments)
    configs, states = [], []
    for number, uri in enumerate(args.runs):
        with tempfile.TemporaryDirectory() as folder:
            run = Run.at(uri).here(Path(folder) / str(number))
            configs.append(run.config())
            best = Path(run.path) / BEST / WEIGHTS
            states.append(torch.load(best, map_location="cpu", weights_only=True))
    learnt = [(config.task, config.labels, config.size) for config in configs]
    for uri, one in zip(args.runs, learnt, strict=True):
        if one != learnt[0]:
            raise TrainingError(f"{uri} learnt another task than {args.runs[0]}")
    mean = average(states)
    out = Run.at(str(args.out))
    out.keep_config(configs[0])
    (args.out / BEST).mkdir(exist_ok=True)
    torch.save(mean, args.out / BEST / WEIGHTS)
    print(f"the mean of {len(states)} runs: {args.out}/{BEST}")
    print(f"next: python -m training.export --run {args.out} --out BUNDLE --data DIR")
    return 0


if __name__ == "__main__":
    sys.exit(main())
