// The question as code, with the options of the moment.
import { address } from "./api.js";
import { hasKey } from "./key.js";

export const LANGUAGES = { curl, python, javascript };

// A file's name may hold anything, quotes too.
const nameOf = (file) => file.name || "photo.jpg";

// A key is a secret: the code reads it from where it runs.
const KEY = "CARPOSE_API_KEY";

function curl(file, question) {
  const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;
  const name = nameOf(file).replaceAll("\\", "\\\\").replaceAll('"', '\\"');
  const key = hasKey() ? `-H "X-API-Key: $${KEY}" ` : "";
  return `curl ${key}-F ${quoted(`image=@"${name}"`)} \\\n  ${quoted(address(question))}`;
}

function python(file, question) {
  const key = hasKey() ? `\n        headers={"X-API-Key": os.environ["${KEY}"]},` : "";
  return `${key && "import os\n\n"}import requests

with open(${JSON.stringify(nameOf(file))}, "rb") as photo:
    response = requests.post(
        ${JSON.stringify(address(question))},
        files={"image": photo},${key}
        timeout=60,
    )
response.raise_for_status()
answer = response.json()
print(answer["pose"])
`;
}

function javascript(_, question) {
  const key = hasKey() ? " headers: { \"X-API-Key\": key }," : "";
  return `const form = new FormData();
form.append("image", file); // a File or a Blob
const response = await fetch(
  ${JSON.stringify(address(question))},
  { method: "POST",${key} body: form },
);
const answer = await response.json();
if (!response.ok) throw new Error(answer.detail);
console.log(answer.pose);
`;
}
