"""`python -m deployments.bulk`: see `deployments.bulk.command`."""

import importlib.util
import sys

NEEDED = ("imagehash", "jinja2", "pandas", "pyarrow", "tqdm")
"""Of the extra `bulk`."""

if __name__ == "__main__":
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        print(f"error: no {', '.join(missing)} here: pip install 'carpose[bulk]'", file=sys.stderr)
        sys.exit(2)
    from deployments.bulk.command import main

    sys.exit(main())
