// A form for each endpoint: a request from this machine, its answer, and its calls.
import { submit } from "../acting.js";
import { ask } from "../asking.js";
import { dim, make, section, title } from "../elements.js";
import { answered } from "../waterfall.js";
import { endpointsOf } from "./now.js";

export async function trial(state, key) {
  const endpoints = await endpointsOf(state), result = make("div", {});
  const chosen = endpoints.find((one) => one.endpoint === key) || endpoints[0];
  if (!chosen) return [title("Try it"), dim("No endpoint is declared.")];
  const names = [...chosen.path.matchAll(/\{([A-Za-z_]\w*)/g)].map((found) => found[1]);
  const field = (label, input) => make("label", {}, label, input);
  const select = make("select", { name: "endpoint", onchange: (event) => { location.hash = `#try/${encodeURIComponent(event.target.value)}`; } },
    endpoints.slice(0, 1000).map((one) => make("option", { value: one.endpoint, selected: one === chosen }, one.endpoint)));
  const form = make("form", { class: "try", onsubmit: (event) => {
    event.preventDefault();
    const given = new FormData(event.target), query = given.get("query").trim();
    const path = chosen.path.replace(/\{([A-Za-z_]\w*)[^}]*\}/g, (_, name) => encodeURIComponent(given.get(`param.${name}`)));
    const lines = given.get("headers").split("\n").filter((line) => line.includes(":"));
    const headers = Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf(":")).trim(), line.slice(line.indexOf(":") + 1).trim()]));
    if (chosen.host) headers.host = chosen.host;
    answered(result, ask("/-/try", { method: chosen.method, target: path + (query ? `?${query}` : ""), headers, body: given.get("body") }));
  } }, field("Endpoint ", select), names.map((name) => field(name, make("input", { name: `param.${name}`, required: true }))),
    field("Query", make("input", { name: "query", placeholder: "page=2" })), field("Headers, one a line", make("textarea", { name: "headers", spellcheck: "false" })),
    field("Body", make("textarea", { name: "body", spellcheck: "false" })), submit(`Send ${chosen.method}`));
  return [title("Try it"), dim("The request does what it does: a trial that orders, orders."), section(form), result];
}
