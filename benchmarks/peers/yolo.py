"""YOLO26n-seg twice, as two tasks would need it, in ONNX Runtime behind plain FastAPI.

    YOLO=yolo26n-seg.onnx python -m benchmarks.peers.yolo --port 8100

Decoding, the letterbox of 640 px and the two networks; what would make masks and a pose of their
outputs is left out, in its favour. The weights are not ours to ship: see benchmarks.models.
"""

import io
import json
import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import onnxruntime
from PIL import Image

from benchmarks.peers.server import arguments, serve

SIZE = 640


def network(threads: int) -> onnxruntime.InferenceSession:
    """A session."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(
        os.environ["YOLO"], options, providers=["CPUExecutionProvider"]
    )


def main() -> None:
    """Command line."""
    args = arguments(__doc__).parse_args()
    one, other, beside = network(1), network(2), ThreadPoolExecutor(2)
    name = one.get_inputs()[0].name

    def answer(content: bytes) -> str:
        image = Image.open(io.BytesIO(content)).convert("RGB")
        image.thumbnail((SIZE, SIZE), Image.Resampling.BILINEAR)
        square = Image.new("RGB", (SIZE, SIZE), (114, 114, 114))
        square.paste(image)
        tensor = np.asarray(square, np.float32).transpose(2, 0, 1)[None] / 255
        waiting = beside.submit(one.run, None, {name: tensor})
        outputs = [*other.run(None, {name: tensor}), *waiting.result()]
        return json.dumps([float(output.max()) for output in outputs])

    serve(answer, args.port, photos=2)


if __name__ == "__main__":
    main()
