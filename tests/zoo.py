"""Detectron2's model zoo on loopback, with a checkpoint of its R50 that takes every picture whole for
a car: the real architecture, file name and checksum, and weights that need no network to get."""

import hashlib
import http.server
import itertools
import pickle
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

NAME = "COCO-InstanceSegmentation/mask_rcnn_R_50_FPN_3x.yaml"
CAR = 2
"""Of COCO's 80 classes."""

GROWTH = 4.0
"""Of a proposal's sides, as a natural logarithm: 55 times, so that every one covers the picture."""


def checkpoint(digits: str) -> bytes:
    """The file, whose MD5 starts with `digits`."""
    from detectron2 import model_zoo
    from detectron2.modeling import build_model

    cfg = model_zoo.get_config(NAME)
    cfg.MODEL.DEVICE = "cpu"
    state: dict[str, np.ndarray] = {
        name: np.full(tensor.shape, name.endswith("running_var"), np.int8)
        for name, tensor in build_model(cfg).state_dict().items()
    }
    heads = "roi_heads.box_predictor"
    state["proposal_generator.rpn_head.anchor_deltas.bias"] = np.tile([0, 0, GROWTH, GROWTH], 3)
    state[f"{heads}.cls_score.bias"] = 10.0 * (np.arange(81) == CAR)
    # Box deltas are divided by 10, 10, 5, 5.
    state[f"{heads}.bbox_pred.bias"] = np.tile([0, 0, 5 * GROWTH, 5 * GROWTH], 80)
    state["roi_heads.mask_head.predictor.bias"] = np.full(80, 10.0)
    return _with_md5(pickle.dumps({"model": state, "__author__": "tests"}, protocol=2), digits)


def _with_md5(content: bytes, digits: str) -> bytes:
    """The content, and what nobody reads behind a pickle's end."""
    begun = hashlib.md5(content, usedforsecurity=False)
    for number in itertools.count():
        tail = number.to_bytes(8, "little")
        whole = begun.copy()
        whole.update(tail)
        if whole.hexdigest().startswith(digits):
            return content + tail
    raise AssertionError


class Files(http.server.SimpleHTTPRequestHandler):
    """Files of a folder; while one named `cut` is there, only half of what is announced."""

    def copyfile(self, source: Any, outputfile: Any) -> None:
        """See http.server."""
        content = source.read()
        cut = (Path(self.directory) / "cut").exists()
        outputfile.write(content[: len(content) // 2] if cut else content)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""


@contextmanager
def on_loopback(folder: Path) -> Iterator[str]:
    """A folder behind a real HTTP server; its address."""
    handler = partial(Files, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
