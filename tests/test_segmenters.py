"""The segmenters, with the embedded models on real photos and on none."""

import pickle
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from carpose.agreement import alike
from carpose.bundles import ModelInput, open_bundle
from carpose.detections import Detections
from carpose.errors import BadBundle, MissingDependency
from carpose.images import Limits, Look, Picture, decode
from carpose.mask_rcnn.checkpoint import read_arrays
from carpose.model import load_segmenter
from carpose.parts import PARTS, mirrored
from carpose.processor import multiplies_bytes
from carpose.segmenters import Runtime
from carpose.segmenters.preprocess import network_input, network_shape
from tests.annotations import annotated_photos
from tests.servers import ROOT


def blank(width: int, height: int) -> Picture:
    return Picture(np.full((height, width, 3), 127, np.uint8), width, height)


@pytest.mark.parametrize("does", [True, False])
@pytest.mark.parametrize("runtime", ["onnxruntime", "onnxruntime-f32"])
def test_bytes_are_computed_with_where_the_processor_and_the_user_would(
    does: bool, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("carpose.segmenters.onnx.multiplies_bytes", lambda: does)
    segmenter = load_segmenter(open_bundle("embedded:main_car"), runtime=runtime)
    wanted = "int8" if does and runtime == "onnxruntime" else "f32"
    assert segmenter.arithmetic == wanted


@pytest.mark.skipif(not multiplies_bytes(), reason="this CPU does not multiply bytes")
@pytest.mark.parametrize("name", ["car_parts", "main_car"])
def test_bytes_find_what_float32_finds(name: str) -> None:
    picture = decode((ROOT / "carpose/cli/example.jpg").read_bytes(), Limits())
    bundle = open_bundle(f"embedded:{name}")
    (exact,) = load_segmenter(bundle, runtime="onnxruntime-f32")([picture], 0.5)
    (fast,) = load_segmenter(bundle)([picture], 0.5)
    assert len(exact)
    assert not np.array_equal(exact.scores, fast.scores), "they are two files"
    assert alike(exact, fast, 0.9) >= 0.9 * max(len(exact), len(fast))


@pytest.mark.parametrize("size", [(1, 1), (40, 400), (400, 40), (33, 57)])
def test_a_picture_of_any_size_without_a_car_has_no_car(size: tuple[int, int]) -> None:
    segmenter = load_segmenter(open_bundle("embedded:main_car"))
    assert len(segmenter([blank(*size)], 0.5)[0]) == 0


@pytest.mark.parametrize(
    "size", [(1, 1), (1, 700), (700, 1), (97, 61), (384, 384), (385, 384), (1024, 683), (37, 2000)]
)
def test_a_network_reads_what_pillow_makes_of_a_picture(size: tuple[int, int]) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (*size[::-1], 3), np.uint8)
    spec = ModelInput(size=384, channels="BGR")
    picture = Picture(pixels, *size)
    height, width = network_shape(picture, spec)
    wanted = Image.fromarray(pixels).resize((width, height), Image.Resampling.BILINEAR)
    read = network_input(picture, spec)
    assert read.dtype == np.float32
    assert read.flags.c_contiguous
    assert np.abs(read[::-1].transpose(1, 2, 0) - np.asarray(wanted, np.float32)).max() <= 2


def test_a_batch_is_its_pictures_one_by_one(photos: list[Path]) -> None:
    segmenter = load_segmenter(open_bundle("embedded:car_parts"))
    pictures = [decode(p.read_bytes(), Limits()) for p in photos[:3]]
    for together, alone in zip(
        segmenter(pictures, 0.5), (segmenter([p], 0.5)[0] for p in pictures), strict=True
    ):
        assert np.allclose(together.boxes, alone.boxes)
        assert (together.labels == alone.labels).all()


def test_detections_are_within_the_original_picture_and_above_the_threshold(
    photos: list[Path],
) -> None:
    picture = decode(photos[0].read_bytes(), Limits(), Look(longest_px=300))
    found = load_segmenter(open_bundle("embedded:car_parts"))([picture], 0.6)[0]
    assert len(found) > 3
    assert found.boxes.max() > 300, "in pixels of the original, not of the decoded picture"
    assert (found.boxes >= 0).all()
    assert (found.boxes <= [picture.width, picture.height] * 2).all()
    assert (found.scores >= 0.6).all()
    assert (np.diff(found.scores) <= 0).all()


def overlap(a: np.ndarray, b: np.ndarray) -> float:
    size = np.clip(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0, None)
    union = np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2]) - np.prod(size)
    return float(np.prod(size) / union)


def test_found_parts_are_annotated_parts_on_the_right_side(data: Path) -> None:
    segmenter = load_segmenter(open_bundle("embedded:car_parts"), threads=2)
    right = wrong = missed = 0
    for k, (name, truth) in enumerate(annotated_photos(data, "testset")):
        if k % 5:
            continue
        content = (data / "testset" / "JPEGImages" / name).read_bytes()
        found = segmenter([decode(content, Limits())], 0.5)[0]
        for box, label in zip(truth.boxes, truth.labels, strict=True):
            near = [
                str(n)
                for b, n in zip(found.boxes, found.labels, strict=True)
                if overlap(b, box) > 0.5
            ]
            right += label in near
            wrong += label not in near and mirrored(str(label)) in near
            missed += label not in near and mirrored(str(label)) not in near
    assert right / (right + missed + wrong) > 0.75
    assert wrong / (right + wrong) < 0.04


def test_a_mirrored_photo_has_the_mirrored_parts(photos: list[Path]) -> None:
    segmenter = load_segmenter(open_bundle("embedded:car_parts"), threads=2)

    def labels(picture: Picture) -> set[str]:
        found: Detections = segmenter([picture], 0.7)[0]
        return set(map(str, found.labels))

    same = total = 0
    for photo in photos[:12]:
        picture = decode(photo.read_bytes(), Limits())
        turned = Picture(
            np.ascontiguousarray(picture.pixels[:, ::-1]), picture.width, picture.height
        )
        a, b = {mirrored(name) for name in labels(picture)}, labels(turned)
        same += len(a & b)
        total += len(a | b)
    assert same / total > 0.75


def test_openvino_finds_what_onnx_runtime_finds(photos: list[Path]) -> None:
    pytest.importorskip("openvino")
    bundle = open_bundle("embedded:car_parts")
    picture = decode(photos[0].read_bytes(), Limits())
    a, b = (
        load_segmenter(bundle, runtime=r)([picture], 0.5)[0] for r in ("onnxruntime", "openvino")
    )  # type: ignore[arg-type]
    assert sorted(a.labels) == sorted(b.labels)


def test_without_detectron2_the_error_says_how_to_install_it(tmp_path: Path) -> None:
    try:
        import detectron2  # noqa: F401

        pytest.skip("detectron2 is installed")
    except ImportError:
        pass
    with pytest.raises(MissingDependency, match=r"make serve-gpu"):
        load_segmenter(open_bundle("embedded:car_parts"), device="cuda")
    with pytest.raises(MissingDependency, match=r"make serve-gpu"):
        open_bundle(
            "model_zoo:COCO-InstanceSegmentation/mask_rcnn_R_50_FPN_3x.yaml", cache=tmp_path
        )


class Evil:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return print, ("code ran",)


def test_a_pickled_checkpoint_is_read_without_running_code(
    capsys: pytest.CaptureFixture[str],
) -> None:
    weights = {"model": {"a": np.arange(6, dtype=np.float32).reshape(2, 3)}, "__author__": "x"}
    assert read_arrays(pickle.dumps(weights))["a"].shape == (2, 3)
    with pytest.raises(BadBundle, match="refused"):
        read_arrays(pickle.dumps({"model": Evil()}))
    for broken in (b"", b"junk", pickle.dumps([1])):
        with pytest.raises(BadBundle):
            read_arrays(broken)
    assert "code ran" not in capsys.readouterr().out


def test_the_embedded_classes_are_the_vocabulary() -> None:
    assert open_bundle("embedded:car_parts").manifest.classes == PARTS
