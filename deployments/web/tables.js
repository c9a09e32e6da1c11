// All photos as one CSV or JSON file.
import { summaryOf } from "./summary.js";

const COLUMNS = {
  name: (photo) => photo.name,
  verdict: (_, { kind }) => kind,
  findings: (_, { findings }) => findings.map(({ code }) => code).join(" "),
  reasons: (_, { reason }) => reason,
  view: ({ answer }) => answer?.pose.view,
  viewpoint: ({ answer }) => answer?.pose.viewpoint,
  viewpoint_score: ({ answer }) => answer?.pose.viewpoint_score,
  azimuth: ({ answer }) => answer?.pose.azimuth,
  azimuth_error: ({ answer }) => answer?.pose.azimuth_error,
  angle: ({ answer }) => answer?.pose.angle,
  signed_angle: ({ answer }) => answer?.pose.signed_angle,
  car_x0: ({ answer }) => answer?.car.box[0],
  car_y0: ({ answer }) => answer?.car.box[1],
  car_x1: ({ answer }) => answer?.car.box[2],
  car_y1: ({ answer }) => answer?.car.box[3],
  width: ({ answer }) => answer?.image.width,
  height: ({ answer }) => answer?.image.height,
  whole: ({ answer }) => answer?.quality?.whole,
  cut: ({ answer }) => answer?.quality?.cut.join(" "),
  framing: ({ answer }) => answer?.quality?.framing,
  car_share: ({ answer }) => answer?.quality?.car_share,
  sharpness: ({ answer }) => answer?.quality?.sharpness,
  brightness: ({ answer }) => answer?.quality?.brightness,
  blown: ({ answer }) => answer?.quality?.blown,
  cars: ({ answer }) => answer?.quality?.cars,
  parts: ({ answer }) => answer?.parts.map(({ label }) => label).join(" "),
  warnings: ({ answer }) => answer?.warnings.map(({ code }) => code).join(" "),
  error: ({ problem }) => problem?.code,
  engine: ({ answer }) => answer?.engine,
};

// CSV by RFC 4180; the mark at its start makes Excel read it as UTF-8.
export function csvOf(photos, rules) {
  const rows = photos.map((photo) => {
    const summary = summaryOf(photo, rules);
    return Object.values(COLUMNS).map((value) => cell(value(photo, summary)));
  });
  return `\ufeff${[Object.keys(COLUMNS), ...rows].map((row) => row.join(",")).join("\r\n")}\r\n`;
}

function cell(value) {
  if (typeof value === "number") return String(value);
  // A spreadsheet would take a file's name for a formula.
  const words = String(value ?? "").replace(/^[=+\-@\t\r]/, "'$&");
  return /[",\r\n]/.test(words) ? `"${words.replaceAll('"', '""')}"` : words;
}

export function jsonOf(photos, rules) {
  const all = photos.map((photo) => {
    const { kind, reason, findings } = summaryOf(photo, rules);
    const problem = photo.problem && { code: photo.problem.code, detail: photo.problem.detail };
    return { name: photo.name, verdict: kind, reason, findings, answer: photo.body, problem };
  });
  return JSON.stringify(all, null, 1);
}
