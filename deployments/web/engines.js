// What each engine is, whether this server has it, and what a photo costs.
import { told } from "./told.js";

export const ENGINES = {
  detectron2: {
    name: "Own models",
    words: "Models that run on this server.",
    privacy: "Photos are sent to this server and nowhere else.",
  },
  rekognition: {
    name: "Amazon Rekognition",
    words: "Amazon's service, on this server's AWS account.",
    privacy: "Photos are sent to this server, which passes them to Amazon Rekognition.",
  },
  compare: {
    name: "Both",
    words: "Both engines on the same photo, side by side.",
    privacy: "Photos are sent to this server, which passes them to Amazon Rekognition.",
  },
};

// { on, why, price } of the paid engine; until it is known it is not offered.
export const paid = { on: false, why: "Looking whether this server has it…", price: 0 };

// Fills `paid` from what the server says of its models; rejects never.
export async function readEngines() {
  const served = await told("v1/models");
  if (!served) return Object.assign(paid, { why: "The server does not say whether it has it." });
  const { rekognition } = served;
  if (!rekognition) return Object.assign(paid, { why: "serve_config.yaml has no rekognition section." });
  const price = rekognition.price_usd ?? 0;
  return Object.assign(paid, { on: !rekognition.problem, why: rekognition.problem ?? "", price });
}

export function isPaid(engine) {
  return engine !== "detectron2";
}

// "about $0.02" for so many photos.
export function priceOf(photos) {
  const dollars = paid.price * photos;
  return `about $${dollars < 0.1 ? Number(dollars.toPrecision(2)) : dollars.toFixed(2)}`;
}
