// The calls of one request on one line of time, and the answer to a request that was sent from here.
import { cell, dim, duration, head, heading, make, section, table } from "./elements.js";

export function waterfall(parts, whole) {
  const rows = parts.map((part) => {
    const bar = make("div", { class: "bar" });
    const piece = (from, to, kind) => {
      const one = make("i", { class: kind });
      one.style.left = `${100 * from / whole}%`;
      one.style.width = `${100 * Math.max(0, to - from) / whole}%`;
      bar.append(one);
    };
    if (part.ms !== undefined) {
      piece(part.start_ms, part.byte_ms, "wait");
      const end = part.start_ms + part.ms, from = part.sent_ms > part.start_ms || part.byte_ms < end ? Math.min(part.sent_ms, end) : part.start_ms;
      piece(from, end, part.state === "failed" ? "failed" : ["default", "stale"].includes(part.state) ? "default" : part.state === "cancelled" ? "wait" : "ok");
    }
    const name = make("span", {}, "\u00a0".repeat(2 * (part.depth || 0)), part.name);
    return [cell(name, "name"), cell(bar), cell(part.ms === undefined ? "–" : duration(part.ms), "n"), cell(part.status ?? "–", "n wide"), cell(part.note || part.state, "name")];
  });
  return table(["part", "", head("took", "n"), head("status", "n wide"), "what became of it"], rows, "No part was called, or the client hung up first.");
}

export const pairs = (headers) => headers.length ? make("pre", {}, headers.map((one) => `${one.name}: ${one.value}`).join("\n")) : null;

export async function answered(place, asked) {
  place.replaceChildren(dim("Asking…"));
  try {
    const told = await asked;
    place.replaceChildren(heading(`Its answer now: ${told.status}`), section(pairs(told.headers), make("pre", {}, told.body)),
      ...(told.request ? [section(waterfall(told.request.parts, Math.max(told.request.ms, 1)))] : []));
  } catch (error) {
    place.replaceChildren(make("p", { class: "bad", role: "alert" }, error.message));
  }
}
