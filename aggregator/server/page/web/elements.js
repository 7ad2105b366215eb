// Elements, and how numbers, times and tables look. Texts of clients and upstreams become text nodes, never markup.
const SVG = "http://www.w3.org/2000/svg", DRAWN = new Set(["svg", "path", "rect", "text", "g", "defs", "marker"]);

export function make(tag, given = {}, ...children) {
  const element = DRAWN.has(tag) ? document.createElementNS(SVG, tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(given)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== false && value != null) element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.flat(Infinity).filter((one) => one != null && one !== false).map((one) => one instanceof Node ? one : String(one)));
  return element;
}

export const link = (view, given, text) => make("a", { href: `#${view}/${encodeURIComponent(given)}` }, text);
export const section = (...children) => make("section", {}, ...children);
// A sentence of ours; what stands between backquotes is what one writes into the file.
export const dim = (text) => make("p", { class: "dim" }, text.split("`").map((piece, number) => number % 2 ? make("code", {}, piece) : piece));
export const title = (text) => make("h1", {}, text);
export const heading = (text) => make("h2", {}, text);

export const percent = (part, whole) => `${whole ? (100 * part / whole).toFixed(1) : "0.0"}%`;
export const shade = (part) => part ? "n bad" : "n dim";
export const clock = (at) => new Date(at * 1000).toLocaleTimeString([], { hour12: false });
export const hue = (one) => one.status >= 500 || one.how !== "answered" ? "bad" : one.partial || one.status >= 400 ? "warn" : "good";
export const duration = (ms) => ms > 0 && ms < 0.05 ? "<0.1 ms" : ms >= 10000 ? `${(ms / 1000).toFixed(1)} s` : `${ms >= 10 ? ms.toFixed(0) : ms.toFixed(1)} ms`;
export const plain = (value) => value == null || value === "" ? "–" : typeof value === "object" ? JSON.stringify(value) : value;

// When something was or will be, with the day unless it is today.
export function moment(at) {
  const then = new Date(at * 1000), time = clock(at);
  return then.toDateString() === new Date().toDateString() ? time : `${then.toLocaleDateString("sv")} ${time}`;
}

export function size(bytes) {
  for (const unit of ["bytes", "KiB", "MiB"]) {
    if (bytes < 1024) return `${unit === "bytes" ? bytes : bytes.toFixed(1)} ${unit}`;
    bytes /= 1024;
  }
  return `${bytes.toFixed(1)} GiB`;
}

export const cell = (content, kind) => make("td", { class: kind || null }, content);
export const head = (text, kind) => ({ text, class: kind });
export function table(heads, rows, empty) {
  if (!rows.length) return dim(empty);
  const cells = heads.map((one) => make("th", { scope: "col", class: one.class || null }, one.text ?? one));
  return make("table", {}, heads.length ? make("thead", {}, make("tr", {}, ...cells)) : null,
    make("tbody", {}, ...rows.map((row) => make("tr", {}, ...row))));
}

// Names and values, one a line; `kind` is that of the values.
export const facts = (pairs, kind = "name") => make("table", { class: "facts" }, make("tbody", {}, pairs.map(([name, value]) =>
  make("tr", {}, make("th", { scope: "row" }, name), value instanceof Node ? make("td", {}, value) : cell(plain(value), kind)))));
