"""Makes an API key.

    python -m deployments.new_key shop --requests-per-minute 600 >> keys.yaml

prints the key, which is kept nowhere, to people, and its line for the file of `ingress: keys_file`
to the file. Servers read it again within a second or two.
"""

import argparse
import sys

from pydantic import ValidationError

from deployments.api_keys import ApiKey

LIMITS = ("requests_per_minute", "max_in_flight", "rekognition_calls_per_day")


def main(arguments: list[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("name", help="whose key it is: in logs, metrics and limits")
    for limit in LIMITS:
        parser.add_argument(f"--{limit.replace('_', '-')}", type=int, metavar="N")
    given = vars(parser.parse_args(arguments))
    name = given.pop("name")
    try:
        key, line = ApiKey.made(name, given)
    except ValidationError as error:
        first = error.errors()[0]
        parser.error(f"{first['loc'][0]}: {first['msg']}")
    print(f"{name}'s key, shown this once: {key}", file=sys.stderr)
    print(line.line(), end="")


if __name__ == "__main__":
    main()
