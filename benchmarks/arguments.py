"""The command line that benchmarks have in common."""

import argparse
from pathlib import Path


def about(doc: str | None) -> argparse.ArgumentParser:
    """Says what the module's docstring says, in its own lines."""
    return argparse.ArgumentParser(
        description=doc, formatter_class=argparse.RawDescriptionHelpFormatter
    )


def about_photos(doc: str | None) -> argparse.ArgumentParser:
    """The same of what needs photos: `--photos DIR`."""
    parser = about(doc)
    parser.add_argument("--photos", type=Path, required=True)
    return parser
