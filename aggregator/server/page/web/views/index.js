// The views by name: `live` ones are drawn each second, those that hold a form are not drawn anew by themselves.
import { background, effect } from "./background.js";
import { configuration } from "./configuration.js";
import { endpoint } from "./endpoint.js";
import { now } from "./now.js";
import { request, requests } from "./requests.js";
import { trial } from "./trial.js";
import { upstream, upstreams } from "./upstreams.js";

export const views = {
  now: { title: "Now", draw: now, live: true },
  requests: { title: "Requests", draw: requests },
  upstreams: { title: "Upstreams", draw: upstreams, live: true },
  background: { title: "Background", draw: background },
  configuration: { title: "Configuration", draw: configuration },
  try: { title: "Try it", draw: trial, holds: true },
  endpoint: { draw: endpoint, holds: true, below: "now" },
  request: { draw: request, holds: true, below: "requests" },
  upstream: { draw: upstream, live: true, below: "upstreams" },
  effect: { draw: effect, below: "background" },
};
