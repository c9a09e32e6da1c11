"""Budgets of calls that cost money: the server's, and that of who asks."""

from carpose.errors import EngineBusy
from deployments.config import RekognitionArgs
from deployments.engines import Payer
from deployments.ledger import DAY_S, MINUTE_S, Charge, Spends
from deployments.problems import RateLimited


async def charge(ledger: Spends, args: RekognitionArgs, payer: Payer) -> None:
    """One call more, before it is made; a call that fails is counted too.

    Raises: EngineBusy beyond the server's budget, RateLimited beyond the payer's, with the seconds
        until there is room again. Where the ledger does not answer, the call waits for it.
    """
    budgets: list[tuple[str, int | None, float, str]] = [
        ("server", args.max_calls_per_minute, MINUTE_S, "a minute"),
        ("server", args.max_calls_per_day, DAY_S, "in 24 hours"),
        (f"key {payer.name}", payer.calls_per_day, DAY_S, "in 24 hours"),
    ]
    limited = [(who, most, s, words) for who, most, s, words in budgets if most is not None]
    charges = [Charge(f"rekognition of {who}", most, s) for who, most, s, _ in limited]
    refusal = await ledger.spend(charges) if charges else None
    if refusal:
        who, most, _, words = limited[refusal.index]
        spent = f"budget of {most} Rekognition calls {words} is spent"
        if who == "server":
            raise EngineBusy(f"this server's {spent}", refusal.retry_after_s)
        raise RateLimited(f"this key's {spent}", refusal.retry_after_s)
