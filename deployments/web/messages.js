// Every way in which a photo can stay without an answer: what it means, and what to do.

const MESSAGES = {
  "bad-image": [
    "This file cannot be read as a picture",
    "It may be damaged, cut short, or not a picture at all. Choose another file.",
  ],
  "too-large": ["This file is too large", "Save it at a smaller size and send it again."],
  "too-many-pixels": [
    "This picture has too many pixels",
    "Save it at a smaller resolution and send it again.",
  ],
  "unsupported-type": [
    "This kind of file is not supported",
    "Save the picture in another format and choose that file.",
  ],
  "bad-parameter": ["The server does not know this option", "Reload the page and try again."],
  "no-car": [
    "No car found in this picture",
    "Take the photo so that the whole car is in it, in good light.",
  ],
  "multiple-cars": [
    "More than one car in this picture",
    "Take the photo so that only one car is in it.",
  ],
  overloaded: [
    "The server is busy with other photos",
    "It was asked several times. Wait a little and try again.",
  ],
  "engine-unavailable": [
    "This engine is not available on this server",
    "Choose another engine in the options, or set this one up:",
  ],
  "upstream-error": [
    "The service behind this engine gave a broken answer",
    "Try again, or choose another engine in the options.",
  ],
  "rate-limited": ["You have asked for many photos", "Wait a little and try again."],
  unauthorized: [
    "This server wants an API key",
    "Ask who runs it for one.",
  ],
  "upload-timeout": [
    "Sending the photo took too long",
    "Try again on a better connection, or save it at a smaller size.",
  ],
  timeout: ["This took too long", "The server may be busy. Try again."],
  internal: [
    "Something went wrong on the server",
    "Try again. If it stays, report it with the request id.",
  ],
  offline: [
    "You are offline",
    "The photo is sent as soon as the connection is back.",
  ],
  unreachable: [
    "The server cannot be reached",
    "Check the connection and whether the server is running, then try again.",
  ],
  "cut-off": [
    "The connection broke while the photo was sent",
    "The file may be larger than the server takes. Try again, or save it at a smaller size.",
  ],
  unreadable: [
    "This file cannot be opened",
    "It may be a folder, or it was moved or changed. Choose it again.",
  ],
  "not-fetched": [
    "This address gives the page no picture",
    "Its host lets no other page read it, or there is none. Save the picture and drop the file here.",
  ],
  unknown: ["The server gave an unexpected answer", "Try again, or reload the page."],
};

// { title, advice } of a code; one that is not known reads as an unexpected answer.
export function message(code) {
  const [title, advice] = MESSAGES[code] ?? MESSAGES.unknown;
  return { title, advice };
}

export const PLACES = {
  front: "the front",
  "front-left": "the front left",
  left: "its left side",
  "back-left": "the back left",
  back: "the back",
  "back-right": "the back right",
  right: "its right side",
  "front-right": "the front right",
};

// "front-left" as words.
export const plain = (viewpoint) => viewpoint.replace("-", " ");

// The pose's place of the camera as a sentence's end; every value of it may be null.
export function seenFrom({ viewpoint, view }) {
  if (viewpoint) return `Seen from ${PLACES[viewpoint] ?? viewpoint}`;
  return view ? `Seen from ${view === "side" ? "a side" : `the ${view}`}` : "Viewpoint unknown";
}

export function listed(words, last) {
  return words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} ${last} ${words.at(-1)}`;
}

// Words as a sentence.
export function sentence(words) {
  const whole = words.charAt(0).toUpperCase() + words.slice(1);
  return /[.!?]$/.test(whole) ? whole : `${whole}.`;
}
