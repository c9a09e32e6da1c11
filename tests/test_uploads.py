"""What a body brings, whatever its client calls it."""

import base64
import codecs
import json
import quopri
from urllib.parse import quote_from_bytes, unquote_to_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carpose.errors import BadImage, BadParameter, CarposeError
from deployments.text_photo import from_text, unescaped
from deployments.uploads import plain_name, upload_of

PHOTO = b"\xff\xd8\xff\xe0 a photo \xfb\xff\xff\xd9"
TEXT = base64.b64encode(PHOTO).decode()
URL_TEXT = base64.urlsafe_b64encode(PHOTO).decode().rstrip("=")
FORM = "multipart/form-data; boundary=xyz"


def form(*parts: tuple[str, bytes], end: str = "\r\n", close: str = "--") -> bytes:
    """A form of dispositions and contents."""
    lines = [
        f"--xyz{end}Content-Disposition: form-data; {about}{end}{end}".encode()
        + content
        + end.encode()
        for about, content in parts
    ]
    return b"".join(lines) + f"--xyz{close}{end}".encode()


FILE = ('name="image"; filename="a.jpg"', PHOTO)


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        (FORM, form(FILE)),
        (FORM, form(('name="image"', PHOTO))),
        (FORM, form(("name=image", PHOTO))),
        (FORM, form(('name="image"', TEXT.encode()))),
        (FORM, form(('name="image"; filename="a.txt"', URL_TEXT.encode()))),
        (FORM, form(('name="image[]"', f"data:image/jpeg;base64,{TEXT}".encode()))),
        (FORM, form(('name="image"', PHOTO), end="\n")),
        (FORM, b"a preamble\r\n" + form(FILE) + b"an epilogue"),
        ('Multipart/Form-Data; charset=utf-8; boundary="xyz"', form(FILE)),
        ("multipart/form-data", form(FILE)),
        ("", form(FILE)),
        ("image/jpeg", PHOTO),
        ("application/octet-stream", PHOTO),
        ("application/x-www-form-urlencoded", PHOTO),
        ("", PHOTO),
        ("application/pdf", PHOTO),
        ("text/plain", TEXT.encode()),
        ("", f" DATA:;base64,{TEXT}\n".encode()),
        ("application/x-www-form-urlencoded", f"image={TEXT}".encode()),
        ("application/x-www-form-urlencoded", f"image={TEXT.replace('+', '%2B')}".encode()),
        ("application/json", json.dumps({"image": TEXT}).encode()),
        ("application/json; charset=utf-8", json.dumps({"image": URL_TEXT}).encode()),
        ("application/vnd.api+json", json.dumps({"image": f"data:image/jpeg;base64,{TEXT}"}).encode("utf-16")),
        ("text/plain;charset=UTF-8", json.dumps({"image": [TEXT]}).encode()),
        ("application/json", json.dumps(TEXT).encode()),
        ("", json.dumps(TEXT).encode()),
        # A client that says multipart and forgets to make one.
        ("multipart/form-data", json.dumps({"image": TEXT}).encode()),
        # As mail's libraries write forms.
        (FORM, form(('name="image"\r\nContent-Transfer-Encoding: base64', base64.encodebytes(PHOTO)))),
        (FORM, form(('name="image"\r\nContent-Transfer-Encoding: quoted-printable', quopri.encodestring(PHOTO)))),
        (FORM, form(('name="image"\r\nContent-Transfer-Encoding: base64', PHOTO))),
        (FORM, form(('name="image"\r\nContent-Type: application/json', json.dumps(TEXT).encode()))),
        # Two inputs for files, one left empty.
        (FORM, form(('name="image"; filename=""', b""), FILE)),
        # As Windows writes text files.
        ("", codecs.BOM_UTF8 + json.dumps({"image": TEXT}).encode()),
        ("", json.dumps({"image": TEXT}).encode("utf-16")),
        ("text/plain; charset=utf-16", TEXT.encode("utf-16")),
    ],
)  # fmt: skip
def test_the_photo_is_found(content_type: str, body: bytes) -> None:
    assert upload_of(content_type, body).photos == [PHOTO] or (
        upload_of(content_type, body).photos == (PHOTO,)
    )


def test_a_photo_that_a_form_calls_json_is_a_photo() -> None:
    photo = PHOTO + b"," * 2000
    body = form(('name="image"\r\nContent-Type: application/json', photo))
    assert upload_of(FORM, body).photos == [photo]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (form(FILE, ('name="expect"', b"left"), ('name="expect"', b"back")), ["left", "back"]),
        (form(('name="expect[]"', b"left"), FILE), ["left"]),
        (b'{"expect": ["left", "back"], "image": "%s"}' % TEXT.encode(), ["left", "back"]),
        (b'{"expect": "left", "image": "%s", "expect": "back"}' % TEXT.encode(), ["left", "back"]),
        (b'{"expect": 0.5, "image": "%s"}' % TEXT.encode(), ["0.5"]),
        (b'{"expect": true, "image": "%s"}' % TEXT.encode(), ["true"]),
        (b'{"expect": null, "image": "%s"}' % TEXT.encode(), []),
        # As Spring, Retrofit and a browser's Blob say what a part is.
        (form(FILE, ('name="expect"\r\nContent-Type: application/json', b'"left"')), ["left"]),
        (
            form(
                FILE,
                (
                    'name="expect"\r\nContent-Type: application/json; charset=UTF-8',
                    b'["left", "back"]',
                ),
            ),
            ["left", "back"],
        ),
        (form(FILE, ('name="expect"\r\nContent-Type: application/json', b"left")), ["left"]),
        (form(FILE, ('name="expect"\r\nContent-Transfer-Encoding: base64', b"bGVmdA==")), ["left"]),
    ],
)
def test_what_is_said_beside_it_is_kept_in_order(body: bytes, said: list[str]) -> None:
    assert [value for _, value in upload_of(FORM if body[:1] == b"-" else "", body).said] == said


@pytest.mark.parametrize(
    ("content_type", "body", "words"),
    [
        (FORM, form(('name="photo"; filename="a.jpg"', PHOTO), ('name="expect"', b"left")), "photo, expect"),
        (FORM, form(('name="image"', b"https://x.example/a.jpg")), "https://x.example/a.jpg"),
        (FORM, form(FILE, close=""), "ends early"),
        (FORM, form(('filename="a.jpg"', PHOTO)), "no name"),
        (FORM, b"nothing", "boundary"),
        (FORM, form(('name="image"; filename=""', b"")), "empty"),
        (FORM, form(*[FILE] * 100), "64 parts"),
        ("multipart/form-data", b"--x", "boundary"),
        ("application/json", b'{"picture": "x"}', "picture"),
        ("application/json", b'{"image": "x"', "line 1, column 14"),
        ("application/json", b'{"image": NaN}', "JSON"),
        ("application/json", b"[" * 100_000, "JSON"),
        ("application/json", b'{"image": [' + b"1," * 5_000_000 + b"1]}", "1000 values"),
        (FORM, form(FILE, ('name="expect"\r\nContent-Type: application/json', b"[" + b"1," * 2000 + b"1]")), "1000 values"),
        ("application/json", b"[]", "object"),
        ("application/json", b"", "empty"),
    ],
)  # fmt: skip
def test_where_there_is_none_the_answer_names_what_came(
    content_type: str, body: bytes, words: str
) -> None:
    with pytest.raises(BadImage) as refusal:
        upload_of(content_type, body)
    assert words in refusal.value.detail


@pytest.mark.parametrize("value", ['{"a": 1}', '[["left"]]', "[{}]"])
def test_what_is_no_value_is_refused_by_name(value: str) -> None:
    with pytest.raises(BadParameter, match="expect"):
        upload_of("", b'{"image": "%s", "expect": %s}' % (TEXT.encode(), value.encode()))


@given(st.sampled_from([FORM, "multipart/form-data", "application/json", ""]), st.binary())
def test_any_body_is_an_upload_or_a_refusal(content_type: str, body: bytes) -> None:
    for content in (body, b"--xyz\r\n" + body, b"{" + body):
        try:
            assert upload_of(content_type, content).photos
        except CarposeError as error:
            assert error.detail


@pytest.mark.parametrize(
    "wrap",
    ["{}", "data:image/png;base64,{}", "data:image/png;charset=x;base64,{}", " {}\n", "{}%3D"],
)
def test_base64_and_data_urls_are_read(wrap: str) -> None:
    assert from_text(wrap.format(base64.b64encode(b"abc").decode())) == b"abc"


def test_a_data_url_may_be_without_base64() -> None:
    assert from_text("data:image/svg+xml,%3Csvg%3E") == b"<svg>"


@pytest.mark.parametrize("text", ["", "@@@", "data:image/png;base64", "abcde", "é"])
def test_what_is_not_base64_is_refused(text: str) -> None:
    with pytest.raises(BadImage):
        from_text(text)


@pytest.mark.parametrize("escaped", [TEXT, f"data:image/jpeg;base64,{TEXT}", URL_TEXT])
def test_a_form_that_escapes_every_letter_says_the_same(escaped: str) -> None:
    body = "image=" + "".join(f"%{letter:02x}" for letter in escaped.encode())
    assert upload_of("application/x-www-form-urlencoded", body.encode()).photos == [PHOTO]


def test_a_file_escaped_byte_by_byte_is_that_file() -> None:
    escaped = "".join(f"%{byte:02X}" for byte in PHOTO)
    form_body = f"image={escaped}&expect=front%2Cleft&include=crop+masks".encode()
    upload = upload_of("application/x-www-form-urlencoded", form_body)
    assert upload.photos == [PHOTO]
    assert list(upload.said) == [("expect", "front,left"), ("include", "crop masks")]
    url = json.dumps({"image": f"data:image/jpeg,{escaped}"}).encode()
    assert upload_of("application/json", url).photos == [PHOTO]


@given(st.binary(min_size=1))
def test_what_any_client_escapes_is_read(content: bytes) -> None:
    assert unescaped(quote_from_bytes(content).encode()) == content


@pytest.mark.parametrize("text", ["100%", "%", "%4", "%zz", "%%41", "a=b%\r\n", "%41%"])
def test_a_sign_that_escapes_nothing_stays(text: str) -> None:
    assert unescaped(text.encode()) == unquote_to_bytes(text)


@pytest.mark.parametrize("text", ["%", "%4", "%zz", "\u00e91", "A\u00a0A", "A=A="])
def test_what_is_no_base64_is_refused(text: str) -> None:
    with pytest.raises(BadImage, match="neither base64 nor a data URL"):
        from_text(text * 1000 + "!")


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("image[]", "image"),
        (" image[12] ", "image"),
        ("image[1][2]", "image[1]"),
        ("image[a]", "image[a]"),
        ("image]", "image]"),
        ("image[1", "image[1"),
        ("[", "["),
        ("]", "]"),
        ("[]", ""),
        ("", ""),
    ],
)
def test_a_list_goes_by_its_name_without_brackets(name: str, plain: str) -> None:
    assert plain_name(name) == plain


@pytest.mark.parametrize(
    ("form_body", "why"),
    [
        (form(FILE).replace(b"--xyz\r\n", b"--xyz\r\n" + b"A: b\r\n" * 100_000), "of headers"),
        (form(FILE).replace(b"--xyz\r\n", b"--xyz\r\nA:" + b" b" * 100_000), "of headers"),
        (form((FILE[0], b"--xyz" * 100_000)), "all over it"),
        (form((FILE[0], b"\n--xyza" * 100_000)), "all over it"),
    ],
    ids=["headers", "long-header", "alike", "lines-alike"],
)
def test_a_form_of_what_nobody_reads_is_refused(form_body: bytes, why: str) -> None:
    with pytest.raises(BadImage, match=why):
        upload_of(FORM, form_body)


def test_a_photo_may_hold_what_looks_like_the_boundary() -> None:
    photo = PHOTO + b"\r\n--xyzzy --xyz--" * 1000
    assert upload_of(FORM, form((FILE[0], photo))).photos == [photo]
