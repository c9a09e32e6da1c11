"""A fresh identity token from GitHub, for as long as a workflow runs.

    python -m k8s.credentials

GitHub's token is valid for minutes and the role that AWS gives for it for an hour; a training takes
longer. AWS's command line and libraries take the role anew when it ends, from the file that
AWS_WEB_IDENTITY_TOKEN_FILE names: this writes a token there that is still valid. Outside of a
workflow (without ACTIONS_ID_TOKEN_REQUEST_URL) it does nothing.

https://docs.github.com/actions/reference/security/oidc
"""

import json
import os
import urllib.parse
import urllib.request
from collections.abc import Mapping
from pathlib import Path

AUDIENCE = "sts.amazonaws.com"
TIMEOUT_S = 30


def refresh(environment: Mapping[str, str] = os.environ) -> bool:
    """Write a fresh token; whether there was one to get.

    Raises: OSError when GitHub does not give one.
    """
    url = environment.get("ACTIONS_ID_TOKEN_REQUEST_URL")
    file = environment.get("AWS_WEB_IDENTITY_TOKEN_FILE")
    if not url or not file:
        return False
    mark = "&" if urllib.parse.urlsplit(url).query else "?"
    request = urllib.request.Request(
        f"{url}{mark}{urllib.parse.urlencode({'audience': AUDIENCE})}",
        headers={"Authorization": f"Bearer {environment['ACTIONS_ID_TOKEN_REQUEST_TOKEN']}"},
    )
    with urllib.request.urlopen(request, timeout=TIMEOUT_S) as response:
        token: str = json.load(response)["value"]
    # Whoever reads meanwhile sees the old one or the new one, whole.
    new = Path(f"{file}.new")
    new.touch(mode=0o600)
    new.write_text(token)
    new.replace(file)
    return True


if __name__ == "__main__":
    refresh()
