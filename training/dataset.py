"""Get, look at, check and split the car-parts data.

python -m training.dataset download --data DIR     fetch the data from its public source, and
                                                   photos of other things into DIR/other
python -m training.dataset show --data DIR         how many of each part
python -m training.dataset check --data DIR        what is wrong with the annotations
python -m training.dataset split --data DIR        a validation split without near-duplicates
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from carpose.parts import PARTS
from training.check import as_json, check, contact_sheet, table
from training.command import command
from training.config import load_config
from training.download import SOURCE, download
from training.other_download import GITHUB, SOURCES, download_other
from training.photos import load_photos
from training.split import leak_free_split, leaks, write_split

FOUND = 1
"""Exit code of `check` where it found an error."""


@command
def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("action", choices=["download", "show", "check", "split"])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--split", default="trainingset", help="folder below --data")
    parser.add_argument("--source", default=SOURCE, help="download: URL of a mirror of the archive")
    parser.add_argument("--mirror", default=GITHUB, help="download: what stands for GitHub")
    parser.add_argument("--only", choices=["car-parts", "other"], help="download: one of the two")
    parser.add_argument("--config", type=Path, help="of the run, for its `classes`")
    parser.add_argument("--share", type=float, default=0.1, help="split: of the photos")
    parser.add_argument("--seed", type=int, default=1, help="split: the same, the same split")
    parser.add_argument("--against", help="split: name near-duplicates in this folder too")
    parser.add_argument("--out", type=Path, help="check: a folder; split: a JSON file")
    args = parser.parse_args(arguments)
    if not 0 < args.share < 1:
        parser.error("--share must lie between 0 and 1")
    if args.action == "download":
        return _download(args)
    classes = (load_config(args.config).classes if args.config else None) or PARTS
    if args.action == "show":
        return _show(args.data, args.split, classes)
    if args.action == "check":
        return _check(args.data, args.split, classes, args.out)
    return _split(args.data, args.split, classes, args)


def _download(args: argparse.Namespace) -> int:
    if args.only != "other":
        source = args.source.replace(GITHUB, args.mirror)
        download(args.data, source)
        print(f"{args.data}: states no licence and asks for a citation: Pasupa et al., Evaluation")
        print("of deep learning algorithms for semantic segmentation of car parts, 2021.")
    if args.only != "car-parts":
        download_other(args.data / "other", args.mirror)
        print(f"{args.data / 'other'}: photos of other things and of traffic, from")
        for one in SOURCES:
            print(f"  {one.repository} at {one.commit[:7]}: {one.licence}")
    return 0


def _show(data: Path, split: str, classes: Sequence[str]) -> int:
    photos = load_photos(data, split, "car_parts", classes)
    count = np.bincount(
        np.array([i.label for p in photos for i in p.instances], np.int64), minlength=len(classes)
    )
    print(f"{split}: {len(photos)} photos")
    for name, number in zip(classes, count, strict=True):
        print(f"  {number:5d} {name}")
    return 0


def _check(data: Path, split: str, classes: Sequence[str], out: Path | None) -> int:
    findings = check(data, split, classes)
    print(table(findings))
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        (out / "findings.json").write_text(as_json(findings))
        contact_sheet(data, split, findings, out / "contact_sheet.png")
        print(f"findings.json and contact_sheet.png are in {out}")
    return FOUND if any(finding.severity == "error" for finding in findings) else 0


def _split(data: Path, split: str, classes: Sequence[str], args: argparse.Namespace) -> int:
    photos = load_photos(data, split, "car_parts", classes)
    train, validation = leak_free_split(photos, args.share, args.seed)
    print(f"{len(train)} photos to learn from, {len(validation)} to validate on")
    if args.against is not None:
        for ours, theirs in leaks(photos, load_photos(data, args.against, "car_parts", classes)):
            print(f"near-duplicate: {split} {ours}, {args.against} {theirs}")
    if args.out is not None:
        write_split(args.out, train, validation)
        print(f"use it: python -m training.train --split-file {args.out} ...")
    return 0


if __name__ == "__main__":
    sys.exit(main())
