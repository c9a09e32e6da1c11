"""Lines that no client sends, read at once; all others as before."""

import h11
import pytest

from deployments.one_pass import read_in_one_pass

HEAD = b"POST /v1/pose HTTP/1.1\r\nHost: x\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
BLANKS = b" \t" * 200_000


@pytest.fixture(autouse=True)
def one_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("header_field_re", "chunk_header_re"):
        monkeypatch.setattr(f"h11._readers.{name}", getattr(h11._readers, name))
    read_in_one_pass()


def read(data: bytes) -> list[h11.Event]:
    connection = h11.Connection(h11.SERVER)
    connection.receive_data(data)
    events = []
    while (event := connection.next_event()) not in (h11.NEED_DATA, h11.PAUSED):
        assert isinstance(event, h11.Event)
        events.append(event)
    return events


@pytest.mark.parametrize(
    "data",
    [
        # A look that goes back would take half an hour.
        HEAD + b"X:" + BLANKS + b"\0\r\n\r\n",
        HEAD + b"X:1" + BLANKS + b"\0\r\n\r\n",
        CHUNKED + b"1;" + BLANKS + b"\n\r\n",
        CHUNKED + b"1" + BLANKS + b"\n\r\n",
        CHUNKED + b"0\r\nX:" + BLANKS + b"\0\r\n\r\n",
    ],
    ids=["header", "value", "extension", "chunk", "trailer"],
)
def test_a_line_that_is_none_is_refused_at_once(data: bytes) -> None:
    with pytest.raises(h11.RemoteProtocolError):
        read(data)


@pytest.mark.parametrize(
    ("line", "value"),
    [
        (b"X:1", b"1"),
        (b"X: \t1 2\t \t3 \t", b"1 2\t \t3"),
        (b"X:", b""),
        (b"X:" + BLANKS, b""),
        (b"X: \xe9\r\n 2", b"\xe9 2"),
    ],
    ids=["bare", "blanks", "empty", "nothing-but-blanks", "folded"],
)
def test_a_header_is_what_it_was(line: bytes, value: bytes) -> None:
    request = read(HEAD + line + b"\r\n\r\n")[0]
    assert isinstance(request, h11.Request)
    assert dict(request.headers)[b"x"] == value


@pytest.mark.parametrize("size", [b"2", b"02 ", b"2;a=b", b'2;a="b;c" \t', b"2;"])
def test_a_chunk_is_what_it_was(size: bytes) -> None:
    data = read(CHUNKED + size + b"\r\nab\r\n0\r\n\r\n")[1]
    assert isinstance(data, h11.Data)
    assert data.data == b"ab"
