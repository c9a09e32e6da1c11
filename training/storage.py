"""Bundles and runs to object storage and back.

python -m training.storage upload BUNDLE s3://bucket/bundles/car_parts
python -m training.storage download s3://bucket/bundles/car_parts FOLDER
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from carpose.bundles import MANIFEST, open_bundle, sha256_of
from training.command import command
from training.transfer import download, upload


@command
def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("action", choices=["upload", "download"])
    parser.add_argument("source", help="a folder, or a URI to download")
    parser.add_argument("target", help="a URI, or a folder to download to")
    args = parser.parse_args(arguments)
    if args.action == "download":
        download(args.source, Path(args.target))
        return 0
    folder = Path(args.source)
    upload(folder, args.target)
    if (folder / MANIFEST).is_file():
        pin = sha256_of(folder / MANIFEST)
        print(f"in serve_config.yaml, under args:\n  {open_bundle(str(folder)).manifest.task}:")
        print(f"    bundle: {args.target.rstrip('/')}#sha256={pin}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
