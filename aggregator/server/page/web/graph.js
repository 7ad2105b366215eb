// The calls of an endpoint as boxes and arrows, with the times of the last seconds on the arrows that lead to calls.
import { duration, make, percent } from "./elements.js";

const LINE = 17, PADDING = 10;

// Returns the picture, and a function that writes the sums of parts by name, of so many seconds, on its arrows.
export function graphOf(graph, name) {
  const labels = new Map(graph.boxes.filter((one) => one.part != null).map((box) => [box.part, make("text", { class: "live", x: box.x, y: box.y - 5 })]));
  const arrows = graph.arrows.map(({ path, dotted }) => make("path", { class: dotted ? "arrow dotted" : "arrow", "marker-end": "url(#tip)", d: path }));
  const picture = make("svg", { class: "graph", role: "img", "aria-label": `The calls of ${name}`, width: graph.width, height: graph.height,
    viewBox: `0 0 ${graph.width} ${graph.height}` },
    make("defs", {}, make("marker", { id: "tip", viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 7, markerHeight: 7, orient: "auto" }, make("path", { d: "M0 0 8 4 0 8z" }))),
    ...arrows, ...graph.boxes.map(boxed), ...labels.values());
  return [picture, (sums, seconds) => {
    for (const [part, label] of labels) write(label, sums.get(part), seconds);
  }];
}

function write(label, sum, seconds) {
  label.textContent = sum ? `${(sum.calls / Math.max(1, seconds)).toFixed(1)}/s · ${duration(sum.ms / sum.calls)}${sum.failed ? ` · ${percent(sum.failed, sum.calls)} fail` : ""}` : "";
  label.setAttribute("class", sum?.failed ? "live bad" : "live");
}

function boxed({ kind, title, lines, x, y, width, height }) {
  const at = (text, number) => make("text", { class: number ? "note" : "name", x: x + PADDING, y: y + PADDING + 10 + number * LINE }, text);
  return make("g", { class: kind }, make("rect", { x, y, width, height, rx: 6 }), ...[title, ...lines].map(at));
}
