"""What lies where in a run's folder, be it on a disk or in object storage."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import yaml
from pyarrow.fs import FileSystem, FileType, LocalFileSystem, copy_files

from carpose.places import filesystem
from training.config import TrainConfig, load_config, parse_config
from training.errors import TrainingError

CONFIG: Final = "config.yaml"
METRICS: Final = "metrics.jsonl"
CURVES: Final = "curves.png"
TENSORBOARD: Final = "tensorboard"

BEST: Final = "best"
"""Folder with the WEIGHTS that an export takes."""

LAST, PREVIOUS, PARTIAL = "last", "previous", "partial"
"""Folders of a run in this process: the checkpoint to resume from, and what it replaces."""

CHECKPOINT: Final = "checkpoint.pth"
"""In a checkpoint: everything that is needed to go on."""

DIVERGED: Final = "diverged.txt"
"""Says why a run must not be tried again as it is, while its workers end."""

WEIGHTS: Final = "model.pth"
"""In a checkpoint and in BEST: the averaged weights."""


@dataclass(frozen=True)
class Run:
    """A run's folder: a path in a file system."""

    system: FileSystem
    path: str

    @classmethod
    def at(cls, uri: str) -> Self:
        """The run at a folder or s3:// URI. Raises: BadParameter for another scheme."""
        return cls(*filesystem(uri))

    def keep_config(self, config: TrainConfig) -> None:
        """Write the configuration beside what will be learnt with it.

        Raises: TrainingError when the folder holds a run of another configuration.
        """
        text = yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False)
        path = f"{self.path}/{CONFIG}"
        if (before := self.read(CONFIG)) is not None and parse_config(before, path) != config:
            raise TrainingError(
                f"{path} is of a run with another configuration: choose another --storage, "
                "or delete it"
            )
        self.write(CONFIG, text)

    def read(self, name: str) -> str | None:
        """A file of the run, None where it has none of that name."""
        path = f"{self.path}/{name}"
        if self.system.get_file_info(path).type != FileType.File:
            return None
        with self.system.open_input_stream(path) as stream:
            return bytes(stream.read()).decode()

    def write(self, name: str, text: str) -> None:
        """Write a file of the run anew."""
        # S3 knows no folders, a disk wants them made.
        self.system.create_dir(self.path, recursive=True)
        with self.system.open_output_stream(f"{self.path}/{name}") as stream:
            stream.write(text.encode())

    def remove(self, name: str) -> None:
        """Remove a file of the run, if it is there."""
        if self.read(name) is not None:
            self.system.delete_file(f"{self.path}/{name}")

    def config(self) -> TrainConfig:
        """Of a run on this machine. Raises: TrainingError."""
        return load_config(Path(self.path) / CONFIG)

    def keep_best(self, system: FileSystem, checkpoint: str) -> None:
        """Make a checkpoint's weights the run's best; what it needs to resume stays there."""
        self.system.create_dir(f"{self.path}/{BEST}", recursive=True)
        weights = f"{self.path}/{BEST}/{WEIGHTS}"
        copy_files(f"{checkpoint}/{WEIGHTS}", weights, system, self.system)

    def here(self, folder: Path) -> "Run":
        """This run, or what an export needs of a remote one, fetched into `folder`.

        Raises: TrainingError when it has no best weights.
        """
        if self.system.get_file_info(f"{self.path}/{BEST}/{WEIGHTS}").type != FileType.File:
            raise TrainingError(
                f"{self.path} has no {BEST}/{WEIGHTS}: has the run ended its first epoch?"
            )
        if isinstance(self.system, LocalFileSystem):
            return self
        local = LocalFileSystem()
        (folder / BEST).mkdir(parents=True, exist_ok=True)
        for name in (CONFIG, f"{BEST}/{WEIGHTS}"):
            copy_files(f"{self.path}/{name}", str(folder / name), self.system, local)
        return Run(local, str(folder))
