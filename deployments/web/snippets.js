// The question as code, with the options of the moment.
import { address } from "./api.js";

export const LANGUAGES = { curl, python, javascript };

// A file's name may hold anything, quotes too.
const nameOf = (file) => file.name || "photo.jpg";

function curl(file, question) {
  const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;
  const name = nameOf(file).replaceAll("\\", "\\\\").replaceAll('"', '\\"');
  return `curl -F ${quoted(`image=@"${name}"`)} \\\n  ${quoted(address(question))}`;
}

function python(file, question) {
  return `import requests

with open(${JSON.stringify(nameOf(file))}, "rb") as photo:
    response = requests.post(
        ${JSON.stringify(address(question))},
        files={"image": photo},
        timeout=60,
    )
response.raise_for_status()
answer = response.json()
print(answer["pose"])
`;
}

function javascript(_, question) {
  return `const form = new FormData();
form.append("image", file); // a File or a Blob
const response = await fetch(
  ${JSON.stringify(address(question))},
  { method: "POST", body: form },
);
const answer = await response.json();
if (!response.ok) throw new Error(answer.detail);
console.log(answer.pose);
`;
}
