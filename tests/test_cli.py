"""The command `carpose`, its verbs and how it ends."""

import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from carpose.bundles import open_bundle
from carpose.cli.exits import BAD_INPUT, NOT_ACCEPTED
from carpose.cli.formats import COLUMNS
from carpose.cli.photos import named
from carpose.parts import PARTS
from carpose.rules import RULE_SETS
from deployments.command import main
from deployments.serve_command import CONFIG, changed, environment, packaged
from tests.conftest import AWS_ENVIRONMENT
from tests.scripted_server import Told, scripted
from tests.servers import ROOT, server_environment
from tests.test_http import jpeg
from training.check import check

Said = pytest.CaptureFixture[str]


@pytest.fixture
def side(photos: list[Path]) -> Path:
    """A photo that shows a left side, well."""
    return next(path for path in photos if path.name == "car118.jpg")


@pytest.fixture
def blank(tmp_path: Path) -> Path:
    path = tmp_path / "blank.jpg"
    path.write_bytes(jpeg())
    return path


def run(*words: object) -> int:
    return main([str(word) for word in words])


@pytest.mark.parametrize("verb", [[], ["look"]])
def test_a_photo_behind_a_pipe_is_a_line_of_json_and_drawn(
    photos: list[Path], tmp_path: Path, capsys: Said, verb: list[str]
) -> None:
    out = tmp_path / "overlay.jpg"
    assert run(*verb, photos[0], "--annotated", out) == 0
    (line,) = capsys.readouterr().out.splitlines()
    answer = json.loads(line)
    with Image.open(photos[0]) as photo, Image.open(out) as overlay:
        assert (answer["image"]["width"], answer["image"]["height"]) == photo.size == overlay.size
    assert answer["file"] == str(photos[0])
    assert "images" not in answer


def test_what_cannot_be_told_is_null_as_over_http(data: Path, capsys: Said) -> None:
    assert run(data / "testset" / "JPEGImages" / "car122.jpg") == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["pose"]["angle"] is None
    assert answer["pose"]["reference_line"] is None
    assert "compliance" not in answer


@pytest.mark.parametrize(
    ("options", "code", "findings"),
    [
        ([], 0, None),
        (["--expect", "front,left,back-left,back,front-left,right,back-right,front-right"], 0, set()),
        (["--min-width", "5000"], NOT_ACCEPTED, {"min-width"}),
        (["--rules", "{rules}"], NOT_ACCEPTED, {"min-width", "max-car-share"}),
        (["--rules", "{rules}", "--min-width", "10"], NOT_ACCEPTED, {"max-car-share"}),
        (["--framing", "close-up,distant"], NOT_ACCEPTED, {"framing"}),
    ],
)  # fmt: skip
def test_rules_are_asked_by_name_by_file_and_one_by_one(
    side: Path,
    tmp_path: Path,
    capsys: Said,
    options: list[str],
    code: int,
    findings: set[str] | None,
) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text(yaml.safe_dump({"min_width": 5000, "max_car_share": 0.01}))
    assert run("look", side, *[o.format(rules=rules) for o in options]) == code
    compliance = json.loads(capsys.readouterr().out).get("compliance")
    found = compliance and {finding["code"] for finding in compliance["findings"]}
    assert found == findings


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["/nowhere.jpg"], "no-file"),
        (["{blank}"], "no-car"),
        (["{blank}", "--expect", "top"], "front-left"),
        (["{blank}", "--main-car", "/none"], "bad-bundle"),
        (["{blank}", "--rules", "catalogue"], ", ".join(RULE_SETS)),
        (["{blank}", "--rules", "{blank}"], "rules"),
        (["{blank}", "--max-angle", "91"], "max_angle"),
        (["{blank}", "--json", "--csv"], "--json and --csv"),
        (["{empty}"], "no photos in"),
        (["{blank}", "--colour"], "--colour"),
        (["look"], "PHOTO"),
        (["watch", "/nowhere"], "/nowhere"),
        (["export", "{blank}", "--out", "{empty}", "--to", "voc"], "coco, fiftyone, label-studio"),
        (["models", "/none"], "bad-bundle"),
        (["serve", "--config", "/nowhere.yaml"], "/nowhere.yaml"),
    ],
)
def test_what_cannot_be_done_is_exit_code_2_with_words(
    words: list[str], said: str, blank: Path, tmp_path: Path, capsys: Said
) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    assert run(*[word.format(blank=blank, empty=empty) for word in words]) == BAD_INPUT
    # Of a mistake in the words themselves typer draws a box.
    assert said in " ".join(capsys.readouterr().err.replace("│", " ").split())


@pytest.fixture
def folder(photos: list[Path], tmp_path: Path) -> Path:
    """Two photos, one of them below, a blank one, and what is no photo by its name."""
    folder = tmp_path / "photos"
    (folder / "below").mkdir(parents=True)
    (folder / "a.JPG").write_bytes(photos[0].read_bytes())
    (folder / "below" / "c.jpg").write_bytes(photos[1].read_bytes())
    (folder / "b.png").write_bytes(jpeg())
    (folder / "notes.txt").write_text("hello")
    (folder / ".hidden.jpg").write_bytes(jpeg())
    return folder


@pytest.mark.parametrize("form", ["json", "jsonl", "csv", "text"])
def test_a_folder_is_answered_in_every_form(folder: Path, capsys: Said, form: str) -> None:
    assert run("look", folder, f"--{form}", "--expect", "front,back", "--cars", "all") == BAD_INPUT
    out, err = capsys.readouterr()
    names = [str(folder / name) for name in ("a.JPG", "b.png", "below/c.jpg")]
    if form == "text":
        assert [name in out for name in names] == [True, False, True]
    elif form == "csv":
        header, *rows = csv.reader(io.StringIO(out))
        assert header == ["name", *COLUMNS, "error", "engine"]
        assert [row[0] for row in rows] == names
        assert [row[-2] for row in rows] == ["", "no-car", ""]
    else:
        all_ = json.loads(out) if form == "json" else list(map(json.loads, out.splitlines()))
        assert [one["file"] for one in all_] == names
        assert [one.get("problem", {}).get("code") for one in all_] == [None, "no-car", None]
    assert f"{names[1]}: no-car" in err
    assert "\x1b" not in out + err


def test_pictures_are_written_by_name(folder: Path, tmp_path: Path) -> None:
    options = [(f"--{name}", tmp_path / name) for name in ("annotate", "crop", "cutout", "mask")]
    run("look", folder, *[word for option in options for word in option])
    for name, suffix in (("annotate", "jpg"), ("crop", "jpg"), ("cutout", "png"), ("mask", "png")):
        assert {path.name for path in (tmp_path / name).iterdir()} == {f"a.{suffix}", f"c.{suffix}"}
    with Image.open(tmp_path / "mask" / "a.png") as mask, Image.open(folder / "a.JPG") as photo:
        assert mask.size == photo.size
        assert set(np.unique(np.asarray(mask))) == {0, 255}
    with Image.open(tmp_path / "cutout" / "a.png") as cutout:
        assert cutout.mode == "RGBA"


def test_a_photo_comes_by_standard_input(photos: list[Path], tmp_path: Path) -> None:
    command = [sys.executable, "-m", "deployments.command", "-", "--json", "--crop", str(tmp_path)]
    done = subprocess.run(command, input=photos[0].read_bytes(), capture_output=True, cwd=ROOT)
    assert json.loads(done.stdout)["file"] == "standard input"
    assert (tmp_path / "stdin.jpg").is_file()


def test_the_page_and_the_command_write_the_same_columns() -> None:
    script = (ROOT / "deployments" / "web" / "tables.js").read_text()
    (block,) = [part for part in script.split("};") if "const COLUMNS = {" in part]
    page = [line.split(":")[0].strip() for line in block.splitlines() if "=>" in line]
    assert page == ["name", *COLUMNS, "error", "engine"]


# The other verbs.


def test_models_are_shown(capsys: Said) -> None:
    assert run("models") == 0
    text = capsys.readouterr().out
    assert run("models", "--json") == 0
    for model in json.loads(capsys.readouterr().out):
        bundle = open_bundle(f"embedded:{model['task']}")
        assert model["identity"] == bundle.identity
        assert model["identity"] in text
        assert model["metrics"] == bundle.manifest.metrics
    assert run("models", "car_parts") == 0
    assert "18 parts of a car" in capsys.readouterr().out


@pytest.mark.parametrize("broken", [False, True])
def test_the_doctor_finds_a_file_that_is_not_what_it_should_be(
    capsys: Said, tmp_path: Path, broken: bool
) -> None:
    """Of a copy of the package, whose weights lost a byte."""
    package = tmp_path / "carpose"
    if broken:
        subprocess.run(["cp", "-r", ROOT / "carpose", package], check=True)
        weights = package / "models" / "car_parts" / "model.onnx"
        weights.write_bytes(weights.read_bytes()[:-1])
    code = "from carpose.cli.app import main; import sys; sys.exit(main(['doctor', '--json', '--server', 'http://127.0.0.1:9']))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path if broken else ROOT,
        env=server_environment(PYTHONPATH=str(tmp_path if broken else ROOT)),
        capture_output=True, text=True,
    )  # fmt: skip
    checks = {one["what"]: one for one in json.loads(done.stdout)}
    assert done.returncode == (BAD_INPUT if broken else 0), done.stdout
    assert checks["car_parts"]["well"] is not broken
    assert checks["a photo"]["well"] is not broken
    if not broken:
        assert checks["a photo"]["words"] == "a car from its front-left, drawn from its front-left"
        assert " ms by " in checks["its speed"]["words"]
    assert checks["main_car"]["well"]
    assert "none at http://127.0.0.1:9" in checks["server"]["words"]
    assert "AWS" not in checks


WHO = b"""<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
<GetCallerIdentityResult><Arn>arn:aws:iam::123456789012:user/jo</Arn></GetCallerIdentityResult>
</GetCallerIdentityResponse>"""
REFUSED = b"""<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error>
<Code>InvalidClientTokenId</Code><Message>The token is invalid.</Message></Error></ErrorResponse>"""


@pytest.mark.parametrize(
    ("told", "code", "words"),
    [(Told(200, WHO), 0, "user/jo"), (Told(403, REFUSED), BAD_INPUT, "InvalidClientTokenId")],
    ids=["known", "refused"],
)
def test_the_doctor_asks_aws_when_told_to(
    capsys: Said, monkeypatch: pytest.MonkeyPatch, told: Told, code: int, words: str
) -> None:
    for name, value in AWS_ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    with scripted() as sts:
        sts.script = [told]
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", sts.url)
        assert run("doctor", "--aws", "--json", "--server", "http://127.0.0.1:9") == code
    checks = {one["what"]: one for one in json.loads(capsys.readouterr().out)}
    assert words in checks["AWS"]["words"]
    assert len(sts.asked) == 1


def test_what_is_exported_is_what_training_reads(
    folder: Path, tmp_path: Path, capsys: Said
) -> None:
    own = tmp_path / "data" / "own"
    assert run("export", folder, "--out", own) == 0
    assert "2 photos with a car, 1 without" in capsys.readouterr().out
    coco = json.loads((own / "annotations.json").read_text())
    assert [image["file_name"] for image in coco["images"]] == ["a.JPG", "c.jpg", "b.png"]
    assert [f for f in check(tmp_path / "data", "own", PARTS) if f.severity == "error"] == []


def test_pictures_are_exported_as_annotations_see_them(
    photos: list[Path], tmp_path: Path, capsys: Said
) -> None:
    """One that EXIF turns as it is, one that lies on its side turned, names once each."""
    with Image.open(photos[0]) as photo:
        lying = photo.transpose(Image.Transpose.ROTATE_90)
        (tmp_path / "in" / "b").mkdir(parents=True)
        exif = Image.Exif()
        exif[0x0112] = 6
        lying.save(tmp_path / "in" / "a.jpg", exif=exif)
        lying.save(tmp_path / "in" / "b" / "a.jpg")
    own = tmp_path / "out" / "own"
    assert run("export", tmp_path / "in", "-o", own, "--to", "coco", "--car") == 0
    coco = json.loads((own / "annotations.json").read_text())
    sizes = {image["file_name"]: (image["width"], image["height"]) for image in coco["images"]}
    assert sizes == {"a.jpg": photo.size, "a-2.jpg": photo.size}
    assert (own / "images" / "a.jpg").read_bytes() == (tmp_path / "in" / "a.jpg").read_bytes()
    kinds = {finding.kind for finding in check(tmp_path / "out", "own", (*PARTS, "car"))}
    assert not kinds - {"side"}


@pytest.mark.parametrize(
    ("form", "annotations"), [("fiftyone", "labels.json"), ("label-studio", "tasks.json")]
)
def test_other_tools_forms(folder: Path, tmp_path: Path, form: str, annotations: str) -> None:
    own = tmp_path / "own"
    assert run("export", folder, "-o", own, "--to", form) == 0
    content = json.loads((own / annotations).read_text())
    if form == "fiftyone":
        assert {path.name for path in (own / "data").iterdir()} == {
            image["file_name"] for image in content["images"]
        }
        return
    assert [task["data"]["image"] for task in content] == [
        f"/data/local-files/?d=own/images/{name}" for name in ("a.JPG", "c.jpg", "b.png")
    ]
    assert [len(task.get("predictions", [])) for task in content] == [1, 1, 0]
    interface = (own / "labelling.xml").read_text()
    for region in content[0]["predictions"][0]["result"]:
        assert f'name="{region["from_name"]}" toName="{region["to_name"]}"' in interface
        value = region["value"]
        for label in value.get("polygonlabels", []) + value.get("choices", []):
            assert f'value="{label}"' in interface
        assert all(0 <= v <= 100 for point in value.get("points", []) for v in point)


def test_the_packaged_configuration_is_the_repository_s(capsys: Said) -> None:
    assert packaged() == (ROOT / CONFIG).read_text()
    assert run("serve", "--print-config") == 0
    assert capsys.readouterr().out == packaged()


@pytest.mark.parametrize(
    ("port", "host", "listens"),
    [(None, None, ("127.0.0.1", 8000)), (8001, "0.0.0.0", ("0.0.0.0", 8001))],
)
def test_serve_changes_the_address_and_nothing_else(
    port: int | None, host: str | None, listens: tuple[str, int]
) -> None:
    before = yaml.safe_load(packaged())
    after = changed(before, port, host)
    assert (after["http_options"]["host"], after["http_options"]["port"]) == listens
    assert {**after, "http_options": None} == {**before, "http_options": None}
    dashboard = environment(listens[1], {})["RAY_DASHBOARD_ADDRESS"]
    assert dashboard == f"http://127.0.0.1:{listens[1] + 265}"
    assert environment(8000, {"RAY_AUTH_MODE": "disabled", "RAY_DASHBOARD_ADDRESS": "x"}) == {
        "RAY_USAGE_STATS_ENABLED": "0"
    }


@pytest.mark.parametrize(
    ("words", "never"),
    [
        (["--help"], {"numpy", "onnxruntime", "ray", "fastapi", "httpx", "boto3"}),
        (["look", "--help"], {"numpy", "onnxruntime", "ray", "fastapi", "httpx", "boto3"}),
        (["serve", "--print-config"], {"numpy", "onnxruntime", "ray"}),
        (["models", "--json"], {"onnxruntime", "ray", "httpx"}),
        (["{blank}", "--text"], {"ray", "fastapi", "httpx", "boto3", "watchfiles"}),
    ],
)
def test_a_verb_imports_what_it_needs_and_no_more(
    words: list[str], never: set[str], blank: Path
) -> None:
    code = (
        "import sys; from deployments.command import main; main(sys.argv[1:]); "
        "print(*sys.modules, file=sys.stderr)"
    )
    words = [word.format(blank=blank) for word in words]
    done = subprocess.run(
        [sys.executable, "-c", code, *words], cwd=ROOT, capture_output=True, text=True
    )
    imported = set(done.stderr.splitlines()[-1].split())
    assert "typer" in imported
    assert not imported & never


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_completes_verbs(shell: str) -> None:
    asked = {"bash": {"COMP_WORDS": "carpose mo", "COMP_CWORD": "1"}}.get(
        shell, {"_TYPER_COMPLETE_ARGS": "carpose mo", "_TYPER_COMPLETE_FISH_ACTION": "get-args"}
    )
    done = subprocess.run(
        [sys.executable, "-m", "deployments.command"],
        cwd=ROOT, capture_output=True, text=True,
        env=server_environment(_CARPOSE_COMPLETE=f"complete_{shell}", **asked),
    )  # fmt: skip
    assert "models" in done.stdout
    assert "watch" not in done.stdout


def test_names_of_photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("b.jpg", "a.webp", "z.txt"):
        Path(name).write_bytes(b"x")
    assert [photo.name for photo in named(["z.txt", ".", "-"])] == [
        "z.txt", "a.webp", "b.jpg", "standard input",
    ]  # fmt: skip
