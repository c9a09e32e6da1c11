"""A run survives what kills runs: a worker, the driver, a plateau."""

import functools
import itertools
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="needs: make test-train")
pytest.importorskip("ray.train.torch", reason="needs: make test-train")
pytest.importorskip("moto.server", reason="needs: make test-train")

import torch
from torch import nn

from tests.drawings import draw_car_parts
from tests.tiny_task import TinyTask, tiny_config
from training.average import main as average
from training.errors import TrainingError
from training.loop import Diverged, Ema, best_of, fit, is_native_bf16, schedule
from training.runs import CHECKPOINT, WEIGHTS, Run
from training.sessions import LocalSession, checkpoints_of

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parent.parent
PATIENCE_S = 900
"""With a driver: two workers of torch start on however few cores there are."""


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_car_parts(tmp_path_factory.mktemp("drawn"), photos=12)


def history(folder: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def test_a_local_run_learns_and_leaves_curves_tensorboard_and_its_best_weights(
    drawn: Path, tmp_path: Path
) -> None:
    config = tiny_config()
    fit(TinyTask(config, drawn), config, LocalSession(tmp_path, "cpu"))
    rows = history(tmp_path)
    assert [row["epoch"] for row in rows] == [1, 2, 3, 4]
    assert rows[-1]["loss_cls"] < 0.6 * rows[0]["loss_cls"]
    assert (tmp_path / "curves.png").read_bytes()[:4] == b"\x89PNG"
    assert list((tmp_path / "tensorboard").glob("events*"))
    best = torch.load(tmp_path / "best" / WEIGHTS, weights_only=True)
    assert set(best) == set(TinyTask(config, drawn).network("cpu").state_dict())


def test_the_same_seed_gives_the_same_run_and_another_does_not(drawn: Path, tmp_path: Path) -> None:
    losses = []
    for number, seed in enumerate((1, 1, 2)):
        config = tiny_config(epochs=1).model_copy(update={"seed": seed})
        folder = tmp_path / str(number)
        fit(TinyTask(config, drawn), config, LocalSession(folder, "cpu"))
        losses.append(history(folder)[0]["loss_cls"])
    assert losses[0] == losses[1] != losses[2]


class Interrupted(Exception):
    pass


class StopsAt(TinyTask):
    """Raises at a step, as Ctrl-C or a full disk would."""

    step = 12

    def batches(self, rank: int, world: int, skip: int) -> Iterator:
        for step, batch in enumerate(super().batches(rank, world, skip), skip):
            if step == self.step:
                raise Interrupted
            yield batch


def test_an_interrupted_local_run_goes_on_from_its_last_epoch(drawn: Path, tmp_path: Path) -> None:
    config = tiny_config()
    with pytest.raises(Interrupted):
        fit(StopsAt(config, drawn), config, LocalSession(tmp_path, "cpu"))
    before = history(tmp_path)
    assert len(before) == 2
    fit(TinyTask(config, drawn), config, LocalSession(tmp_path, "cpu"))
    assert history(tmp_path)[:2] == before
    assert [row["step"] for row in history(tmp_path)] == [5, 10, 15, 20]


class Plateau(TinyTask):
    """Best in the second epoch."""

    aps = iter(())

    def evaluate(self, network: nn.Module, rank: int, world: int) -> dict[str, float]:
        return {"ap": next(self.aps)}


def test_a_run_stops_when_patience_ends_and_keeps_its_best_epoch(
    drawn: Path, tmp_path: Path
) -> None:
    config = tiny_config(epochs=9).model_copy(update={"patience": 2})
    task = Plateau(config, drawn)
    task.aps = iter([0.3, 0.5, 0.4, 0.45, 0.9])
    fit(task, config, LocalSession(tmp_path, "cpu"))
    assert [row["ap"] for row in history(tmp_path)] == [0.3, 0.5, 0.4, 0.45]
    assert [p.name for p in (tmp_path / "best").iterdir()] == [WEIGHTS]
    last = torch.load(tmp_path / "last" / CHECKPOINT, weights_only=True)
    best = torch.load(tmp_path / "best" / WEIGHTS, weights_only=True)
    assert len(last["history"]) == 4
    assert any(not torch.equal(last["ema"][name], best[name]) for name in best)


def test_checkpoints_come_every_so_many_epochs_and_at_the_end(drawn: Path, tmp_path: Path) -> None:
    config = tiny_config(epochs=5).model_copy(update={"checkpoint_epochs": 2})
    task = Plateau(config, drawn)
    task.aps = iter([0.9, 0.5, 0.95, 0.6, 0.55])
    fit(task, config, LocalSession(tmp_path, "cpu"))
    assert [row["saved"] for row in history(tmp_path)] == [0, 1, 0, 1, 1]
    best = torch.load(tmp_path / "best" / WEIGHTS, weights_only=True)
    last = torch.load(tmp_path / "last" / CHECKPOINT, weights_only=True)
    assert len(last["history"]) == 5
    assert any(not torch.equal(last["ema"][n], best[n]) for n in best), (
        "the fourth is the best kept"
    )


class Diverges(TinyTask):
    """A network whose loss is no number from a step on."""

    def batches(self, rank: int, world: int, skip: int) -> Iterator:
        for pictures, present in super().batches(rank, world, skip):
            yield pictures * float("nan"), present


def test_a_loss_that_is_no_number_is_an_error_of_the_run(drawn: Path, tmp_path: Path) -> None:
    config = tiny_config()
    with pytest.raises(Diverged, match="lower the rate"):
        fit(Diverges(config, drawn), config, LocalSession(tmp_path, "cpu"))


def test_a_loss_counts_by_its_weight_and_one_that_is_not_there_is_named(
    drawn: Path, tmp_path: Path
) -> None:
    plain, still = tiny_config(epochs=1), tiny_config(epochs=1, loss_weights={"loss_cls": 0})
    for name, config in (("plain", plain), ("still", still)):
        fit(TinyTask(config, drawn), config, LocalSession(tmp_path / name, "cpu"))
    biases = [
        torch.load(tmp_path / name / "best" / WEIGHTS, weights_only=True)["classes.bias"]
        for name in ("plain", "still")
    ]
    start = TinyTask(plain, drawn).network("cpu").state_dict()["classes.bias"]
    assert not torch.equal(biases[0], start)
    assert torch.equal(biases[1], start)
    config = tiny_config(loss_weights={"loss_clss": 2.0})
    with pytest.raises(TrainingError, match="no loss is named loss_clss, only loss_cls"):
        fit(TinyTask(config, drawn), config, LocalSession(tmp_path / "typo", "cpu"))


def test_runs_from_one_start_are_averaged_into_a_run_to_export(
    drawn: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    states = []
    for name in ("a", "b"):
        config = tiny_config(epochs=1, weight_decay=0.01 if name == "a" else 0.5)
        Run.at(str(tmp_path / name)).keep_config(config)
        fit(TinyTask(config, drawn), config, LocalSession(tmp_path / name, "cpu"))
        states.append(torch.load(tmp_path / name / "best" / WEIGHTS, weights_only=True))
    runs = [str(tmp_path / "a"), str(tmp_path / "b")]
    assert average(["--runs", *runs, "--out", str(tmp_path / "both")]) == 0
    both = torch.load(tmp_path / "both" / "best" / WEIGHTS, weights_only=True)
    for name, value in both.items():
        assert torch.allclose(value, (states[0][name] + states[1][name]) / 2)
    assert Run.at(str(tmp_path / "both")).config() == Run.at(runs[0]).config()

    other = tiny_config(epochs=1).model_copy(update={"size": 96})
    (tmp_path / "b" / "config.yaml").unlink()
    Run.at(runs[1]).keep_config(other)
    assert average(["--runs", *runs, "--out", str(tmp_path / "none")]) == 2
    assert "learnt another task" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()


def test_a_resumed_run_may_have_been_written_by_an_older_version(tmp_path: Path) -> None:
    config, run = tiny_config(), Run.at(str(tmp_path / "run"))
    run.keep_config(config)
    text = run.read("config.yaml")
    assert text is not None
    run.write("config.yaml", text.replace("checkpoint_epochs: 1\n", ""))
    run.keep_config(config)
    other = config.model_copy(update={"seed": 9})
    with pytest.raises(TrainingError, match="another configuration"):
        run.keep_config(other)


@pytest.mark.parametrize(
    ("aps", "best"), [([0.1], 0), ([0.1, 0.3, 0.2], 1), ([0.3, 0.3], 0), ([None, None], 1)]
)
def test_the_best_epoch_is_the_first_with_the_highest_ap_or_the_last_without_any(
    aps: list[float | None], best: int
) -> None:
    assert best_of([{} if ap is None else {"ap": ap} for ap in aps]) == best


def test_the_rate_warms_up_and_comes_down_to_a_hundredth() -> None:
    config = tiny_config(warmup_steps=10).optimizer
    rates = [schedule(step, 110, config) for step in range(110)]
    assert rates[0] == 0.1
    assert max(rates) == rates[9] == 1.0
    assert rates[60] == pytest.approx(0.505)
    assert rates[109] == pytest.approx(0.01, abs=1e-3)
    assert all(a >= b for a, b in itertools.pairwise(rates[9:]))


@pytest.mark.parametrize(
    ("capability", "native"), [((7, 5), False), ((8, 6), True)], ids=["t4", "a10g"]
)
def test_a_card_that_only_emulates_bfloat16_learns_in_float32(
    capability: tuple[int, int], native: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: capability)
    assert is_native_bf16("cuda") == native
    assert is_native_bf16("cpu")


def test_averaged_weights_are_lent_to_the_network_and_taken_back() -> None:
    network = nn.Linear(1, 1, bias=False)
    nn.init.constant_(network.weight, 0.0)
    ema = Ema(network, decay=0.5)
    nn.init.constant_(network.weight, 1.0)
    ema.update(network, step=100)
    with ema.applied(network):
        assert network.weight.item() == 0.5
        assert not network.training
    assert network.weight.item() == 1.0
    assert network.training


@pytest.fixture(scope="module")
def bucket(s3: str) -> str:
    """The name of the bucket, which is known to this process and to those it starts."""
    return s3.removeprefix("s3://")


DRIVER = """
import functools, sys
from pathlib import Path
import ray
from tests.tiny_task import TinyTask, tiny_config
from training.distributed import fit_on_ray
data, storage, kill_at, killed, slow = sys.argv[1:]
config = tiny_config()
ray.init(address="local", num_cpus=2, include_dashboard=False)
task = functools.partial(TinyTask, config, Path(data), int(kill_at), Path(killed), float(slow))
print(fit_on_ray(task, config, storage, workers=2))
"""


def drive(
    drawn: Path,
    storage: str,
    log: Path,
    kill_at: int = -1,
    killed: str = "none",
    slow: float = 0,
    script: str = DRIVER,
) -> subprocess.Popen[bytes]:
    """A driver in a process group of its own."""
    arguments = [str(drawn), storage, str(kill_at), killed, str(slow)]
    return subprocess.Popen(
        [sys.executable, "-c", script, *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{os.environ.get('PYTHONPATH', '')}"},
        stdout=log.open("ab"),
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


def until(condition: Callable[[], bool], seconds: float) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.2)


def keys(bucket: str, prefix: str) -> list[str]:
    import boto3

    found = boto3.client("s3").list_objects_v2(Bucket=bucket, Prefix=prefix)
    return [entry["Key"].removeprefix(prefix) for entry in found.get("Contents", ())]


def s3_history(bucket: str, prefix: str) -> list[dict[str, float]]:
    import boto3

    body = boto3.client("s3").get_object(Bucket=bucket, Key=f"{prefix}metrics.jsonl")["Body"]
    return [json.loads(line) for line in body.read().decode().splitlines()]


def test_two_workers_outlive_the_death_of_one(drawn: Path, tmp_path: Path, bucket: str) -> None:
    killed, log = tmp_path / "killed", tmp_path / "log"
    driver = drive(drawn, f"s3://{bucket}/worker", log, kill_at=12, killed=str(killed))
    assert driver.wait(timeout=PATIENCE_S) == 0, log.read_text()[-3000:]
    assert killed.exists(), "a worker did die"
    rows = s3_history(bucket, "worker/")
    assert [row["step"] for row in rows] == [5, 10, 15, 20], "no epoch lost, none twice"
    assert log.read_text().count("epoch 1  loss") == 1, "it went on from the second epoch"
    names = keys(bucket, "worker/")
    assert {f"best/{WEIGHTS}", "curves.png"} <= set(names)
    assert any(name.startswith("tensorboard/events") for name in names)
    here = checkpoints_of(Run.at(f"s3://{bucket}/worker"))
    assert here.is_dir()
    assert not list(here.iterdir()), "a checkpoint that is in the storage is not here too"


def test_a_run_whose_driver_died_goes_on_with_the_same_storage(
    drawn: Path, tmp_path: Path, bucket: str
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    driver = drive(drawn, f"s3://{bucket}/driver", first, slow=0.5)
    until(lambda: "metrics.jsonl" in keys(bucket, "driver/"), PATIENCE_S)
    os.killpg(driver.pid, signal.SIGKILL)
    driver.wait()
    done = len(s3_history(bucket, "driver/"))
    assert 1 <= done < 4
    again = drive(drawn, f"s3://{bucket}/driver", second)
    assert again.wait(timeout=PATIENCE_S) == 0, second.read_text()[-3000:]
    assert [row["epoch"] for row in s3_history(bucket, "driver/")] == [1, 2, 3, 4]
    assert "epoch 1  loss" not in second.read_text()


def test_a_diverged_run_on_ray_is_not_tried_again(drawn: Path, tmp_path: Path, bucket: str) -> None:
    log = tmp_path / "log"
    script = DRIVER.replace("TinyTask, tiny_config", "tiny_config").replace(
        "functools.partial(TinyTask,", "functools.partial(Diverges,"
    )
    script = script.replace(
        "import ray\n", "import ray\nfrom tests.test_training_run import Diverges\n"
    )
    driver = drive(drawn, f"s3://{bucket}/diverged", log, script=script)
    assert driver.wait(timeout=PATIENCE_S) != 0
    # The driver's own last words; Ray's processes may still say something behind them.
    assert "\ntraining.loop.Diverged: loss is nan" in log.read_text()
    assert log.read_text().count("Traceback (most recent call last)") <= 6


HEAD, WORKER, GPU_NODE = {"memory": 1e9}, {"CPU": 3.0}, {"CPU": 7.0, "GPU": 1.0}


@pytest.mark.parametrize(
    ("nodes", "workers", "use_gpu", "cpus"),
    [
        ([HEAD, GPU_NODE, GPU_NODE], 2, True, 7),
        ([HEAD, GPU_NODE, {"CPU": 4.0, "GPU": 2.0}], 3, True, 2),
        ([HEAD], 2, True, 1),
        ([HEAD, WORKER, WORKER], 2, False, 3),
        ([HEAD, {"CPU": 8.0}], 2, False, 4),
        ([{"CPU": 2.0}], 4, False, 1),
    ],
    ids=["a-gpu-each", "the-tightest", "nodes-to-come", "a-node-each", "shared", "too-few"],
)
def test_a_worker_takes_what_its_node_has_and_not_what_the_head_has(
    nodes: list[dict[str, float]], workers: int, use_gpu: bool, cpus: int
) -> None:
    from training.distributed import cpus_of_a_worker

    assert cpus_of_a_worker(nodes, workers, use_gpu) == cpus


def test_workers_that_cannot_share_a_batch_are_refused_before_anything_starts(
    drawn: Path, tmp_path: Path
) -> None:
    from training.distributed import fit_on_ray

    config = tiny_config(batch=4)
    task = functools.partial(TinyTask, config, drawn)
    with pytest.raises(TrainingError, match="3 workers cannot share a batch of 4"):
        fit_on_ray(task, config, str(tmp_path / "run"), workers=3)
