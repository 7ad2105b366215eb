// The requests that the recorder has kept, and one of them: its calls, what was said, and how to send it again.
import { submit } from "../acting.js";
import { ask } from "../asking.js";
import { cell, clock, dim, duration, head, heading, hue, link, make, section, size, table, title } from "../elements.js";
import { answered, pairs, waterfall } from "../waterfall.js";

export function listed(requests) {
  const rows = requests.slice(0, 200).map((one) => [cell(clock(one.at)), cell(link("request", one.id, `${one.method} ${one.target}`), "name"),
    cell(one.status, `n ${hue(one)}`), cell(one.partial ? "partial" : one.cause || one.why, "name"), cell(duration(one.ms), "n wide")]);
  return table(["at", "request", head("status", "n"), "why", head("took", "n wide")], rows, "None is kept.");
}

export async function requests() {
  const kept = await ask("/-/requests");
  const lost = kept.left_out ? dim(`${kept.left_out} more came in floods, and were not kept.`) : null;
  return [title("Failed and slow requests"), section(listed(kept.requests), lost)];
}

function body(shown) {
  if (!shown.size) return dim("No body.");
  const note = [size(shown.size), shown.left_out].filter(Boolean).join(", ");
  return make("div", {}, dim(note), shown.text ? make("pre", {}, shown.text) : null);
}

function detailed(shown) {
  return [section(make("p", {}, make("span", { class: hue(shown) }, `${shown.status} `), `${shown.how}, ${duration(shown.ms)}, ${clock(shown.at)}`,
      shown.client ? `, from ${shown.client}` : "", shown.trace ? `, trace ${shown.trace}` : ""),
      shown.reason && make("p", {}, shown.reason), waterfall(shown.parts, Math.max(shown.ms, 1))),
    heading("The request"), section(make("pre", {}, `${shown.method} ${shown.url}`), pairs(shown.headers), body(shown.body),
      shown.masked.length ? dim(`Masked: ${shown.masked.join(", ")}`) : null),
    heading("The answer"), section(pairs(shown.answer.headers), body(shown.answer.body)),
    heading("What upstreams said"), shown.said.length ? shown.said.map((one) => section(make("strong", {}, `${one.part} · ${one.upstream} · ${one.status}`),
      pairs(one.headers), body(one.body))) : section(dim("Nothing."))].flat();
}

export async function request(state, id) {
  const shown = await ask(`/-/requests/${encodeURIComponent(id)}`);
  const result = make("div", {});
  const fields = shown.masked.filter((place) => place.startsWith("headers.")).map((place) => make("label", {}, `${place.slice(8)} `,
    make("input", { name: place.slice(8), type: "password", autocomplete: "off" })));
  const again = make("form", { class: "row", onsubmit: (event) => {
    event.preventDefault();
    const headers = Object.fromEntries([...new FormData(event.target)].filter(([, value]) => value));
    answered(result, ask(`/-/requests/${encodeURIComponent(id)}/replay`, { headers }));
  } }, ...fields, submit("Send it again"), make("button", { type: "button", onclick: () => download(id) }, "Download as HAR"));
  return [title(`${shown.method} ${shown.target}`), make("p", {}, link("endpoint", shown.endpoint, shown.endpoint), " ", make("span", { class: "dim" }, shown.id)),
    again, result, ...detailed(shown)];
}

async function download(id) {
  const text = JSON.stringify(await ask(`/-/requests/${encodeURIComponent(id)}.har`), null, 1);
  const anchor = make("a", { download: "request.har" });
  anchor.href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  anchor.click();
  URL.revokeObjectURL(anchor.href);
}
