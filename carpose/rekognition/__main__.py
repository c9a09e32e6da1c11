"""Start, stop or look at the Custom Labels model that engine=rekognition asks.

python -m carpose.rekognition start ARN     start it and wait until it runs (10 to 30 minutes)
python -m carpose.rekognition status ARN
python -m carpose.rekognition stop ARN      a running model costs money by the hour
"""

import argparse
import sys

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from carpose.errors import CarposeError
from carpose.rekognition import projects


def main(arguments: list[str] | None = None) -> int:
    """Command line; returns the exit code: 0 done, 2 not."""
    parser = argparse.ArgumentParser(
        prog="python -m carpose.rekognition",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("action", choices=["start", "status", "stop"])
    parser.add_argument("arn", help="project version ARN of the model")
    parser.add_argument("--units", type=int, default=1, help="inference units (start), each billed")
    parser.add_argument("--no-wait", action="store_true", help="return once it is asked for")
    parser.add_argument("--poll", type=float, default=10.0, metavar="S", help="between two looks")
    parser.add_argument("--most", type=float, default=3600.0, metavar="S", help="longest wait")
    args = parser.parse_args(arguments)
    try:
        model = projects.parse_arn(args.arn)
        client = boto3.session.Session(region_name=model.region).client("rekognition")
        if args.action == "status":
            state, message = projects.status(client, model)
            print(f"{state}{': ' + message if message else ''}")
            return 0
        if args.action == "start":
            projects.start(client, model, args.units)
        else:
            projects.stop(client, model)
        if not args.no_wait:
            wanted = "RUNNING" if args.action == "start" else "STOPPED"
            projects.settled(client, model, wanted, _show, args.poll, args.most)
            _end_line()
        if args.action == "start":
            print(f"billed by the hour until: python -m carpose.rekognition stop {model.arn}")
    except CarposeError as error:
        _end_line()
        return _failed(error.detail)
    except (BotoCoreError, ClientError, TimeoutError) as error:
        _end_line()
        return _failed(str(error))
    except KeyboardInterrupt:
        _end_line()
        return _failed(f"the model goes on: python -m carpose.rekognition status {args.arn}")
    return 0


def _show(state: str, seconds: float) -> None:
    line = f"{state}, {int(seconds) // 60}:{int(seconds) % 60:02d}"
    # On a terminal one line counts up; a log gets a line for each look.
    if sys.stdout.isatty():
        print(f"\r{line}   ", end="", flush=True)
    else:
        print(line, flush=True)


def _end_line() -> None:
    if sys.stdout.isatty():
        print()


def _failed(words: str) -> int:
    print(f"carpose.rekognition: {words}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
